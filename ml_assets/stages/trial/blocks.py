"""The paired differences of two models' losses by day or week, in units of the largest possible.

Belongs here: from rows to blocks. Does not belong here: losses of a row
(`evaluate/losses`), which rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml_assets.stages.evaluate.losses import row_losses
from ml_assets.stages.train.encode import Array
from ml_assets.stages.trial.bounds import Bound

Days = NDArray[np.datetime64]
Kind = Literal["day", "week"]
MONDAY = np.datetime64("1970-01-05", "D")


@dataclass(frozen=True)
class Blocks:
    """n blocks in order of time, with the means over their rows."""

    start: Days
    """The first day of each."""
    rows: NDArray[np.int64]
    champion: Array
    challenger: Array
    """Mean losses."""
    bound: Array
    """The mean of how far apart the losses could be."""

    @property
    def values(self) -> Array:
        """Return (n,) in [-1, 1]: the challenger's loss less the champion's, over the bound.

        Where both said the same, 0: nothing speaks for either.
        """
        apart = self.challenger - self.champion
        some = self.bound > 0
        shares = np.divide(apart, self.bound, out=np.zeros_like(apart), where=some)
        return np.clip(shares, -1.0, 1.0)

    def before_last(self) -> Blocks:
        """Return all blocks but the newest."""
        return Blocks(
            self.start[:-1],
            self.rows[:-1],
            self.champion[:-1],
            self.challenger[:-1],
            self.bound[:-1],
        )


def blocks(
    kind: Kind,
    time: NDArray[np.datetime64],
    target: Array,
    champion: Array,
    challenger: Array,
    metric: str,
    bound: Bound,
) -> Blocks:
    """Return the blocks of labelled rows; a row without an event time is in none.

    `time` and `target` are (n,), predictions (n,) or (n, k). A week begins on Monday.
    """
    day = time.astype("datetime64[D]")
    known = ~np.isnat(day)
    day, target = day[known], target[known]
    ours, theirs = champion[known], challenger[known]
    if kind == "week":
        day = day - (day - MONDAY) % np.timedelta64(7, "D")
    start, place = np.unique(day, return_inverse=True)
    rows = np.bincount(place, minlength=len(start))

    def mean(values: Array) -> Array:
        return np.bincount(place, values, minlength=len(start)) / np.maximum(rows, 1)

    return Blocks(
        start,
        rows.astype(np.int64),
        mean(row_losses(metric, target, ours)),
        mean(row_losses(metric, target, theirs)),
        mean(bound(ours, theirs)),
    )
