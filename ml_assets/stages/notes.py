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


def not_better(said: str, notes: Sequence[str]) -> str:
    """Return why a model is no better than the baseline: by its figures, and by a report's notes.

    >>> not_better("mae 0, baseline 0", [CONSTANT_TARGET])[:50]
    'not better: mae 0, baseline 0; the target is const'
    """
    hint = f"; {CONSTANT_TARGET}; is `target` in the spec what was meant?"
    return f"not better: {said}{hint if CONSTANT_TARGET in notes else ''}"
