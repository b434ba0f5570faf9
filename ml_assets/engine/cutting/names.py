"""The batch of each record, by the values that ingest reads in its column.

Belongs here: from a column to names. Does not belong here: reading files.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.engine.batch_names import unfit
from ml_assets.spec.calendar import spelled
from ml_assets.spec.cut import Cut
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.stages.ingest.convert import convert
from ml_assets.stages.ingest.fields import fields
from ml_assets.stages.ingest.parse import SECONDS
from ml_assets.stages.ingest.source import Source
from ml_assets.stages.ingest.spelling import read

EXAMPLES = 5
SHOWN = 40
WITHIN = {"quarter": "month", "week": "day"}
"""Periods that Arrow counts from another beginning, and shorter ones of which they are made."""


def names_of(source: Source, spec: DatasetSpec, cut: Cut) -> tuple[pa.Array, Counter[str]]:
    """Return each whole record's batch (null if it says none), and what its text is instead.

    Raises Unreadable if the file has no such column.
    """
    column = spec.columns[cut.column]
    given, by = fields(source, spec.landing, {cut.column: column})[cut.column]
    zone = (spec.calendar.zone if spec.calendar is not None else None) or column.zone
    names = _named(_by_its_clock(read(given, by).values, zone), spec, cut)
    odd = given.filter(pc.is_null(names))
    texts, _ = convert(odd, "text")
    shown: Counter[str] = Counter()
    for item in texts.value_counts().to_pylist()[:EXAMPLES]:
        text = "nothing" if item["values"] is None else repr(item["values"][:SHOWN])
        shown["a hidden value" if column.sensitive else text] += item["counts"]
    return names, shown


def _by_its_clock(values: pa.Array, zone: str | None) -> pa.Array:
    """Return times as the clocks of their zone showed them."""
    if zone is None or not pa.types.is_timestamp(values.type):
        return values
    shown = pc.local_timestamp(values.cast(pa.timestamp("us", zone)))
    counts = shown.view(pa.int64())
    low, end = (seconds * 10**6 for seconds in SECONDS)
    # In a zone, the first and last hours of the years 1 to 9999 are in others.
    inside = pc.and_(pc.greater_equal(counts, low), pc.less(counts, end))
    return pc.if_else(inside, shown, values.cast(pa.timestamp("us")))


def _named(values: pa.Array, spec: DatasetSpec, cut: Cut) -> pa.Array:
    """Return a name for each value; each distinct time, day or text is named once."""
    if cut.period is not None:
        values = pc.floor_temporal(values, unit=WITHIN.get(cut.period, cut.period))
    if not pa.types.is_dictionary(values.type):
        values = values.dictionary_encode()
    named = [_name(value, spec, cut) for value in values.dictionary.to_pylist()]
    return pa.array(named, pa.string()).take(values.indices)


def _name(value: object, spec: DatasetSpec, cut: Cut) -> str | None:
    if value is None:
        return None
    if cut.period is not None:
        assert isinstance(value, date)
        time = (
            value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
        )
        time = time.replace(tzinfo=None)
        by_calendar = spec.calendar.batch_of(time) if spec.calendar is not None else None
        return by_calendar or cut.name(time)
    name = spelled(str(value).strip())
    calendar = spec.calendar
    fits = unfit(name) is None and calendar is not None and calendar.matches(name)
    return name if fits else None
