"""Sections of the evaluation report, one file each; listed in `evaluate/registry.py`.

A section's file holds `show(view) -> Section | None` (figures to words, tables, plots; None if
it does not apply), and `measure(study) -> dict` if its figures come from the test rows. A
figure that cannot be computed is left out, and `why` gives the reason.
"""
