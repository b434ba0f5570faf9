"""Notes of an evaluation report that a check and the gate also read.

Separate from `metrics`, which training imports: a change of wording retrains nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

CONSTANT_TARGET = "the target is constant in training: the model always predicts that value"
"""The note of a report on a constant target."""
UNDECLARED = (
    "it may come from a sensitive column; list its columns as `sources` under features.columns"
)
"""Why values are hidden of a feature without sources that is not verified to be a raw column."""
ONE_VALUE = (
    "the model predicts one value for every test row: it learned nothing from the features "
    "(too few rows for its settings, or none that helps)"
)
"""The note of a report whose model always predicts the same, though it is not a baseline."""
UNRANKED = "the families could not be ranked on validation"
"""Start of the note of a report whose family was not chosen by a metric."""


def unranked(metric: str, why: str) -> str:
    """Return the note for a metric that had no value on validation for any family.

    >>> unranked("auc", "only one class occurs")[48:95]
    'auc has no value there (only one class occurs),'
    """
    cure = "choose another metric, or a validation fold on which it has a value"
    return f"{UNRANKED}: {metric} has no value there ({why}), so a trivial one was taken; {cure}"


def reasons(notes: Sequence[str]) -> list[str]:
    """Return those of a report's notes that explain its result."""
    hint = "is `target` in the spec as intended?"
    kept = [note for note in notes if note in (CONSTANT_TARGET, ONE_VALUE)]
    kept += [note for note in notes if note.startswith(UNRANKED)]
    return [f"{note}; {hint}" if note == CONSTANT_TARGET else note for note in kept]


def explained(said: str, notes: Sequence[str]) -> str:
    """Return a statement on a result, with the explanations among a report's notes.

    >>> explained("not better: mae 0, baseline 0", [CONSTANT_TARGET])[:50]
    'not better: mae 0, baseline 0; the target is const'
    """
    return "; ".join([said, *reasons(notes)])
