"""Check: are features made from joined rows of the future?

Belongs here: this check. Does not belong here: when a prediction is made (`moments`), columns that
are known too late (`target_leakage`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from ml_assets.stages.counted import counted
from ml_assets.stages.differing import compact, differing
from ml_assets.stages.hook import Hook, call, joined_frames
from ml_assets.stages.moments import NEVER, event_times, moments
from ml_assets.stages.result import Check, Result
from ml_assets.stages.schema import LINE

if TYPE_CHECKING:
    from ml_assets.spec.model import MomentsSpec
    from ml_assets.stages.result import Handle

NAME = "join_leakage"
MOMENTS = 8
"""Moments, evenly spread over the rows, after which the joined rows are taken away."""
NEAREST = 48
"""Rows whose features are computed for each: those predicted at it and just before."""
Ints = NDArray[np.int64]


def check(
    spec: MomentsSpec,
    *,
    hook: Hook | None = None,
    main: Handle,
    joins: Mapping[str, Handle],
    previous: Mapping[str, Sequence[Handle]],
    features: Handle,
) -> Result:
    """Failed if a feature changes where joined rows later than the prediction are taken away.

    For some moments, the features of the rows that are predicted at it or just before are computed
    without the joined rows of a later time. HookError if the function raises without them.
    """
    cleaned, stored = main.table(), features.table(list(spec.columns))
    joined = joined_frames(joins, previous)
    leaks = {name: _Found() for name in spec.moments}
    for name, at in spec.moments.items():
        when = moments(at, cleaned, f"{spec.model}: joins: at of {name}")
        frames = _Frames(joined, joins, previous, name, spec.times[name])
        for rows in _groups(when):
            part = cleaned.take(pa.array(rows))
            left = frames.until(int(when[rows].max()))
            again = call(spec, hook, compact(part), left)
            leaks[name].add(again, stored.take(pa.array(rows)), part[LINE])
    asked = sum(item.rows for item in leaks.values())
    if not asked:
        verdict = Check(NAME, None, "no row says when its prediction is made")
        return Result({}, checks=(verdict,))
    wrong = {name: item.counts for name, item in leaks.items() if item.counts}
    text = "; ".join(f"{item.said(name)}" for name, item in leaks.items() if item.counts)
    text = text or f"the same without the joined rows that are later ({counted(asked, 'row')})"
    facts = {"rows": asked, "differing": wrong}
    return Result({}, checks=(Check(NAME, not wrong, text, metadata=facts),))


class _Found:
    """What was found with one joined dataset."""

    def __init__(self) -> None:
        self.rows = 0
        self.counts: dict[str, int] = {}
        """Feature -> rows in which it is another."""
        self.line = 0
        """The line of one of them."""

    def add(self, again: pa.Table, stored: pa.Table, lines: pa.ChunkedArray) -> None:
        """Compare features with the stored ones."""
        self.rows += len(stored)
        for column in stored.column_names:
            apart = differing(again[column], stored[column])
            if apart.any():
                self.line = self.line or lines[int(np.argmax(apart))].as_py()
                self.counts[column] = self.counts.get(column, 0) + int(apart.sum())

    def said(self, name: str) -> str:
        """Say it for a person."""
        columns = ", ".join(f"{column} ({counted(n, 'row')})" for column, n in self.counts.items())
        return (
            f"made from rows of {name} that are later than the prediction: {columns}, such as "
            f"line {self.line} of the batch; use only rows up to `at`"
        )


def _groups(when: Ints) -> Iterator[Ints]:
    """Yield rows that are predicted at a moment or just before, for each of some moments."""
    known = np.flatnonzero(when != NEVER)
    order = known[np.argsort(when[known], kind="stable")]
    middles = (np.arange(MOMENTS) + 0.5) / MOMENTS * len(order)
    for last in np.unique(middles.astype(np.int64)) if len(order) else ():
        yield order[max(0, last + 1 - NEAREST) : last + 1]


class _Frames:
    """The joined frames of a batch, one of them up to a moment."""

    def __init__(
        self,
        joined: Mapping[str, Any],
        joins: Mapping[str, Handle],
        previous: Mapping[str, Sequence[Handle]],
        name: str,
        time: str,
    ) -> None:
        self._joined, self._name, self._before = joined, name, f"{name}_previous"
        self._times = event_times(joins[name].table([time])[time])
        self._earlier = [event_times(h.table([time])[time]) for h in previous.get(name, ())]

    def until(self, moment: int) -> dict[str, Any]:
        """Return the frames without rows later than a moment; a row without a time stays."""
        left = {**self._joined, self._name: _until(self._joined[self._name], self._times, moment)}
        if self._before in left:
            frames = zip(self._joined[self._before], self._earlier, strict=True)
            left[self._before] = [_until(frame, times, moment) for frame, times in frames]
        return left


def _until(frame: pd.DataFrame, times: Ints, moment: int) -> pd.DataFrame:
    return frame[times <= moment].reset_index(drop=True)
