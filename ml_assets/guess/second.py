"""The second pass over a column: its values read as decided in the first.

Belongs here: dates, times and numbers with marks. Does not belong here: the decision (`kinds`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.guess.dates import Order
from ml_assets.guess.numerals import PLAIN, Writing, bared
from ml_assets.guess.profile import ColumnProfile
from ml_assets.stages.ingest.convert import convert

DAY = 86_400_000_000
KEPT = 50
"""Failing values that are kept as examples."""


def needed(column: ColumnProfile) -> bool:
    """Return whether a column has values to be read again."""
    return column.kind == "number_in_text" or column.type in ("date", "timestamp")


class Second:
    """One column, read piece by piece."""

    def __init__(self, column: ColumnProfile) -> None:
        self._column = column
        self._nulls = pa.array(["", *column.null_values], pa.string())
        self._formats = list(column.format)
        self._failed: dict[str, int] = dict.fromkeys(column.readings, 0)
        self.min, self.max = float("inf"), float("-inf")
        self.days: Counter[int] = Counter()
        self.bad: Counter[str] = Counter()

    def add(self, texts: pa.Array) -> None:
        """Read one piece."""
        tally = pc.value_counts(pc.utf8_trim_whitespace(texts))
        values, counts = tally.field("values"), tally.field("counts")
        kept = pc.invert(pc.is_in(values, value_set=self._nulls))
        values = values.filter(kept)
        weights = counts.filter(kept).to_numpy().astype(np.int64)
        if not len(values):
            return
        if self._column.kind == "number_in_text":
            self._numbers(values, weights)
        else:
            self._times(values, weights)

    def settled(self, order: Order | None) -> ColumnProfile:
        """Return the column with what all rows say."""
        column = self._column
        formats, readings = column.format, column.readings
        if readings:
            failed = {form: rows for form, rows in self._failed.items() if rows}
            right = [form for form in readings if form not in failed]
            if len(right) == 1:
                formats = tuple(form for form in formats if form not in failed)
                readings = ()
        bad = sum(self.bad.values())
        said = column.evidence
        if bad:
            shown = ", ".join(repr(text) for text, _ in self.bad.most_common(3))
            said = (*said, f"{bad:,} values are not read so: {shown}")
        return replace(
            column,
            min=self.min if self.min <= self.max else None,
            max=self.max if self.min <= self.max else None,
            format=formats,
            readings=readings,
            evidence=said,
        )

    def _numbers(self, values: pa.Array, weights: npt.NDArray[np.int64]) -> None:
        column = self._column
        how = Writing(column.decimal or ".", column.thousands, column.strip)
        bare = bared(values, how)
        good = pc.match_substring_regex(bare, PLAIN)
        fine = good.to_numpy(zero_copy_only=False)
        for place in np.flatnonzero(~fine)[:KEPT].tolist():
            self._fail(values[place].as_py(), int(weights[place]))
        numbers = bare.filter(good).cast(pa.float64())
        gone = bared(pa.array(column.null_values, pa.string()), how)
        gone = gone.filter(pc.match_substring_regex(gone, PLAIN)).cast(pa.float64())
        ends = pc.min_max(numbers.filter(pc.invert(pc.is_in(numbers, value_set=gone))))
        if ends["min"].is_valid:
            self.min = min(self.min, ends["min"].as_py())
            self.max = max(self.max, ends["max"].as_py())

    def _times(self, values: pa.Array, weights: npt.NDArray[np.int64]) -> None:
        moments = self._parsed(values)
        bad = np.isnat(moments)
        for place in np.flatnonzero(bad)[:KEPT].tolist():
            self._fail(values[place].as_py(), int(weights[place]))
        good, rows = moments[~bad], weights[~bad]
        if not len(good):
            return
        numbers = good.astype(np.int64)
        self.min = min(self.min, float(numbers.min()) / 1e6)
        self.max = max(self.max, float(numbers.max()) / 1e6)
        days, at = np.unique(numbers // DAY, return_inverse=True)
        for day, count in zip(days.tolist(), np.bincount(at, weights=rows).tolist(), strict=True):
            self.days[day] += int(count)

    def _parsed(self, values: pa.Array) -> npt.NDArray[np.datetime64]:
        if not self._formats:
            return _iso(values)
        read = {form: _read(values, form) for form in self._formats}
        for form in self._failed:
            self._failed[form] += int(np.isnat(read[form]).sum())
        result = np.full(len(values), np.datetime64("NaT", "us"))
        for moments in read.values():
            result = np.where(np.isnat(result), moments, result)
        return result

    def _fail(self, text: str, rows: int) -> None:
        if text in self.bad or len(self.bad) < KEPT:
            self.bad[text] += rows


def _moments(instants: pa.Array) -> npt.NDArray[np.datetime64]:
    counts = pc.fill_null(instants.cast(pa.int64()), np.iinfo(np.int64).min).to_numpy()
    return np.asarray(counts).view("datetime64[us]")


def _iso(values: pa.Array) -> npt.NDArray[np.datetime64]:
    """Read times as a contract without a format does; the usual forms fast."""
    for form in ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"):
        moments = _read(values, form)
        if not np.isnat(moments).any():
            return moments
    instants, _ = convert(values, "timestamp")
    return _moments(instants)


def _read(values: pa.Array, form: str) -> npt.NDArray[np.datetime64]:
    if "%f" not in form:
        return _moments(pc.strptime(values, form, "us", error_is_null=True))
    return np.array([_one(text, form) for text in values.to_pylist()], dtype="datetime64[us]")


def _one(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None
