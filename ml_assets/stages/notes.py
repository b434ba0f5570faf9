"""Notes of an evaluation report that a check and the gate read too.

Apart from `metrics`, which training imports: other words train nothing again.
"""

from __future__ import annotations

from collections.abc import Sequence

CONSTANT_TARGET = "the target is constant in training: the model holds that value"
"""The note of a report whose families could learn nothing."""
UNDECLARED = (
    "nobody knows whether it comes from a sensitive column; name its columns as `sources` under "
    "features.columns"
)
"""Why values of a feature are hidden that names no sources and is no column as it is."""
ONE_VALUE = (
    "the model predicts one value for every test row: it learned nothing from the features "
    "(too few rows for its settings, or none that helps)"
)
"""The note of a report whose model is no better than a constant, though it is not called one."""
UNRANKED = "the families could not be ranked on validation"
"""How the note begins of a report whose family was chosen by no figure."""


def unranked(metric: str, why: str) -> str:
    """Return the note of a report whose metric had no value on validation for any family.

    >>> unranked("auc", "only one class occurs")[48:95]
    'auc has no value there (only one class occurs),'
    """
    cure = "choose another metric, or a validation fold that it has a value on"
    return f"{UNRANKED}: {metric} has no value there ({why}), so a trivial one was taken; {cure}"


def reasons(notes: Sequence[str]) -> list[str]:
    """Return those of a report's notes that say why its result is what it is."""
    hint = "is `target` in the spec what was meant?"
    found = [note for note in notes if note in (CONSTANT_TARGET, ONE_VALUE)]
    found += [note for note in notes if note.startswith(UNRANKED)]
    return [f"{note}; {hint}" if note == CONSTANT_TARGET else note for note in found]


def explained(said: str, notes: Sequence[str]) -> str:
    """Return what is said of a result, and why it is so as far as a report's notes know.

    >>> explained("not better: mae 0, baseline 0", [CONSTANT_TARGET])[:50]
    'not better: mae 0, baseline 0; the target is const'
    """
    return "; ".join([said, *reasons(notes)])
