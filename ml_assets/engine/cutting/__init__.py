"""Landed files that are cut into batches by a column (`landing.batch`).

`read` cuts a file, piece by piece, into `parts`; `compare` holds a part against what landed
before; `deliver` lands what changed. Does not belong here: files that are one batch (`landing`).
"""
