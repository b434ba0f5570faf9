"""What a trial has shown: better, worse, equivalent, undecided, or not yet anything.

Belongs here: from a confidence sequence to a verdict. Does not belong here: the sequence
(`betting`), what follows (an effect).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml_assets.stages.trial.betting import Array, sequence

Verdict = Literal["running", "better", "worse", "equivalent", "undecided"]


@dataclass(frozen=True)
class Judged:
    """A verdict, the block after which it was reached (None if none), and the sequence (n,)."""

    verdict: Verdict
    at: int | None
    low: Array
    high: Array


def judged(values: Array, *, alpha: float, equivalent: float, most: int) -> Judged:
    """Judge n blocks in order of time, each in [-1, 1], at most `most` of them.

    The first block that decides is the last that counts: `better` where the challenger's mean is
    shown to be below 0, `worse` above 0, `equivalent` within `equivalent` of 0, each wrong with
    probability alpha at most, however often one looks. `undecided` after `most` blocks.
    """
    low, high = sequence(values[:most], alpha)
    shown: dict[Verdict, NDArray[np.bool_]] = {
        "better": high < 0,
        "worse": low > 0,
        "equivalent": (low >= -equivalent) & (high <= equivalent),
    }
    first = {name: int(np.argmax(when)) for name, when in shown.items() if when.any()}
    if first:
        verdict = min(first, key=lambda name: first[name])
        return Judged(verdict, first[verdict], low, high)
    if len(values) >= most:
        return Judged("undecided", most - 1, low, high)
    return Judged("running", None, low, high)
