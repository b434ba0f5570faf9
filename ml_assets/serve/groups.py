"""Rows to score by the batch that they belong to, each with its joined tables.

Belongs here: the batch of a row, and rows that cannot be joined. Does not belong here: preparing
tables (`frames`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from ml_assets.errors import RequestError
from ml_assets.serve.frames import Joined, Tables, joined_of
from ml_assets.spec.calendar import Calendar
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.model import FeaturesSpec
from ml_assets.spec.score import ScoreSpec
from ml_assets.stages.moments import Ints, moments, stale
from ml_assets.stages.score.read import Read
from ml_assets.stages.score.score import Group

if TYPE_CHECKING:
    from ml_assets.serve.frames import Load


def grouped(
    load: Load,
    spec: ScoreSpec,
    datasets: Mapping[str, DatasetSpec],
    tables: Tables,
    rows: Read,
    batch: str | None,
) -> tuple[Read, list[Group]]:
    """Return the rows that can be joined, and their groups; the others have a problem.

    `load` reads a table by its digest. `batch` names the batch of all rows; without it their times
    do. RequestError if neither can.
    """
    names = _names(spec, datasets, tables, rows, batch)
    joined = {
        name: joined_of(load, spec, datasets, tables, name)
        for name in dict.fromkeys(names)
        if name is not None
    }
    refused = {name: join.refused for name, join in joined.items()}
    why = {n: _no_batch(spec) if name is None else refused[name] for n, name in enumerate(names)}
    for name, join in joined.items():
        if join.refused is None:
            there = np.array([n for n, of in enumerate(names) if of == name], dtype=np.int64)
            why |= _too_old(spec, datasets, join, rows, there)
    gone = {n: said for n, said in why.items() if said is not None}
    left = rows
    if gone:
        left = rows.without(np.array(list(gone), dtype=np.int64), list(gone.values()))
    there = np.array([name for n, name in enumerate(names) if n not in gone], dtype=object)
    return left, [
        Group(np.flatnonzero(there == name), join.frames, ", ".join(join.missing) or None)
        for name, join in joined.items()
        if join.refused is None
    ]


def _too_old(
    spec: ScoreSpec, datasets: Mapping[str, DatasetSpec], joined: Joined, rows: Read, places: Ints
) -> dict[int, str]:
    """Return the places of rows that may not be predicted with such old joined rows, and why."""
    reasons: dict[int, str] = {}
    for join in (spec.join(join.dataset) for join in spec.features.joins):
        time = datasets[join.dataset].time
        if join.max_age is None or join.stale == "missing" or join.at is None or time is None:
            continue
        part = rows.table.take(pa.array(places))
        at = moments(join.at, part, f"{spec.model}: joins: at of {join.dataset}")
        old = stale(at, joined.times(join.dataset, time), join.max_age)
        said = f"join: no row of {join.dataset} is at most {join.max_age} old when the row is "
        said += "predicted; land newer ones, raise max_age, or set stale: missing"
        reasons |= dict.fromkeys(places[old].tolist(), said)
    return reasons


def _names(
    spec: ScoreSpec,
    datasets: Mapping[str, DatasetSpec],
    tables: Tables,
    rows: Read,
    batch: str | None,
) -> list[str | None]:
    """Return the batch of each row; None where its time is missing."""
    main = datasets[spec.features.dataset]
    calendar = main.calendar
    if calendar is None or not by_batch(spec.features, datasets):
        return [""] * len(rows.table)
    if batch is not None:
        if not calendar.matches(batch):
            raise RequestError(f"no batch is named {batch!r} by {calendar.wanted}")
        return [batch] * len(rows.table)
    if calendar.period is None or main.time not in rows.table.column_names:
        raise RequestError(_unnamed(spec.model, calendar, tables))
    coded = rows.table[main.time].combine_chunks().dictionary_encode()
    known = [calendar.batch_of(time) for time in coded.dictionary.to_pylist()]
    return [None if place is None else known[place] for place in coded.indices.to_pylist()]


def by_batch(spec: FeaturesSpec, datasets: Mapping[str, DatasetSpec]) -> bool:
    """Return whether features depend on the batch of a row."""
    calendars = [datasets[join.dataset].calendar for join in spec.joins]
    return bool(spec.previous) or any(calendar is not None for calendar in calendars)


def _no_batch(spec: ScoreSpec) -> str:
    return f"batch: the row has no time, so that no batch of {spec.features.dataset} is its own"


def _unnamed(model: str, calendar: Calendar, tables: Tables) -> str:
    known = {batch for name in tables.held for batch in tables.batches(name) if batch}
    newest = ", ".join(calendar.sorted(known)[-6:]) or "none"
    return (
        f"{model} joins batches of calendar {calendar.name!r}, and no time says which: name the "
        f"batch of the rows (newest: {newest}), or give the calendar a period"
    )
