"""What a model was asked on a day: which rows, of which batches, with which features and answers.

Belongs here: from a day of requests to the tables that a report on a batch is made of. Does not
belong here: comparing and measuring (`shift`, `realized`).

The rows are those of one version, the one that answered most. Their features are not kept, but
computed again by the function of that version with the current joined tables.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.stages import features as computing
from ml_assets.stages.hook import Hook
from ml_assets.stages.keys import UNKEYED, shared
from ml_assets.stages.memory import InMemory
from ml_assets.stages.monitor.rivals import apart, quantiles
from ml_assets.stages.quality import arrays
from ml_assets.stages.result import Result
from ml_assets.stages.schema import LINE, arrow_type
from ml_assets.stages.score.again import again
from ml_assets.stages.score.answer import PREDICTION, PROBABILITY, UNSEEN
from ml_assets.stages.score.batch import SEEN

if TYPE_CHECKING:
    from ml_assets.spec.columns import Column
    from ml_assets.spec.monitored import AnsweredSpec, AnswersSpec, AskedSpec
    from ml_assets.stages.result import Handle

ASKED = "request_"
"""Before the names of the columns that say how a row was asked and answered."""


def asked(spec: AskedSpec, *, cleaned: Handle) -> Result:
    """Return `asked` (JSON): what the day's rows are.

    {"rows", "requests", "version": the one that answered most rows or None, "versions": {name:
    rows}, "batches": {name: rows} of that version's rows, "features": its rows that were given as
    features, "blocks": of its rows, "seconds": {"median", "p95", "p99", "most"} of a request, each
    once, "protocols": {name: requests}, "unseen" and "missing_joins": rows, "kept": the share of
    requests that is kept}. During a trial also "beside" (`rivals.apart`): what the other version
    said of the rows that this one answered, or the other way round.
    """
    table = cleaned.table()
    versions = _counted(table, "version")
    version = max(versions, key=lambda name: (versions[name], name), default=None)
    mine = _of(table, version)
    as_features = _column(mine, "features").is_valid()
    mine = mine.filter(pc.invert(as_features))
    _, first = np.unique(_column(table, "id").to_numpy(zero_copy_only=False), return_index=True)
    requests = table.take(pa.array(first))
    weights = _column(table, "weight").drop_null().to_pylist()
    document = {
        "rows": len(table),
        "requests": len(requests),
        "version": version,
        "versions": versions,
        "batches": dict(Counter(_batches(spec, mine))),
        "features": int(as_features.to_numpy().sum()),
        "blocks": _blocks(spec, mine),
        "seconds": quantiles(_column(requests, "seconds")),
        "protocols": _counted(requests, "protocol"),
        "unseen": len(table) - _column(table, "unseen").null_count,
        "missing_joins": len(table) - _column(table, "missing_joins").null_count,
        "kept": 1 / max(weights, default=1.0),
    }
    other = None if version is None else apart(table, version)
    if other is not None:
        document["beside"] = other
    return Result({"asked": document}, {"rows": len(table)})


def features(
    spec: AnsweredSpec,
    *,
    cleaned: Handle,
    joins: Mapping[str, Handle],
    previous: Mapping[str, Sequence[Handle]],
    labels: Handle | None,
    hook: Hook | None = None,
    stored: Any = None,
    sources: Handle | None = None,
) -> Result:
    """Return `features` of the rows of one version and one batch, by the version's own function.

    `labels` are the features of that batch as it landed: a row has the label of the row with its
    key. Without the stored sources the function is `hook`.
    """
    rows = _of(cleaned.table(), spec.version)
    rows = rows.filter(_column(rows, "features").is_null())
    rows = rows.filter(pa.array([name == spec.batch for name in _batches(spec.asked, rows)]))
    main = InMemory(_landed(rows, spec.columns))
    if stored is None:
        made = computing.features(
            spec.features, hook=hook, main=main, joins=joins, previous=previous
        )
    else:
        made = again(
            spec, stored=stored, sources=sources, main=main, joins=joins, previous=previous
        )
    table = made.outputs["features"]
    assert isinstance(table, pa.Table)
    if labels is not None and spec.features.key:
        table = _labelled(table, labels.table(["_key", "_target"]))
    return Result({"features": table}, {"rows": len(table)})


def answers(
    spec: AnswersSpec, *, cleaned: Handle, features: Mapping[str, Handle], seen: Handle | None
) -> Result:
    """Return `features` of all batches, `inputs`, and `predictions`: what was answered."""
    parts = {batch: handle.table() for batch, handle in features.items()}
    table = pa.concat_tables(parts.values()).unify_dictionaries()
    keys = [shared(t["_key"].cast(pa.string()), batch) for batch, t in parts.items()]
    order = pc.sort_indices(table[LINE])
    names = pa.chunked_array([c for key in keys for c in key.chunks], pa.string()).take(order)
    table = table.take(order).combine_chunks()
    rows = cleaned.table()
    rows = rows.take(pc.index_in(table[LINE], value_set=rows[LINE].combine_chunks()))
    if seen is None:
        known = pa.array(np.zeros(len(table), dtype=bool))
    else:
        known = pc.is_in(names, value_set=seen.table()["_key"].combine_chunks())
    columns = {
        "_key": table["_key"],
        LINE: table[LINE],
        **_answered(rows),
        SEEN: known,
        UNSEEN: _column(rows, "unseen"),
    }
    outputs = {
        "features": table,
        "inputs": table.select(["_key", LINE, *spec.columns]),
        "predictions": pa.table(columns).combine_chunks(),
    }
    return Result(outputs, {"rows": len(table)})


def _answered(rows: pa.Table) -> dict[str, Any]:
    """Return predictions, and of classes each probability."""
    said = _column(rows, "prediction")
    if f"{ASKED}probabilities" not in rows.column_names:
        return {PREDICTION: said}
    each = [json.loads(text) for text in _column(rows, "probabilities").to_pylist()]
    classes = list(each[0]) if each else []
    values = {f"{PROBABILITY}{name}": pa.array([row[name] for row in each]) for name in classes}
    return {PREDICTION: said.cast(pa.string()), **values}


def _of(table: pa.Table, version: str | None) -> pa.Table:
    return table.filter(pc.equal(_column(table, "version").cast(pa.string()), version or ""))


def _batches(spec: AskedSpec, rows: pa.Table) -> list[str]:
    """Return the batch of each row: as its request named it, or by its time; "" for none."""
    if spec.calendar is None:
        return [""] * len(rows)
    named = _column(rows, "batch").to_pylist()
    times = [None] * len(rows)
    if spec.time is not None and spec.time in rows.column_names:
        times = rows[spec.time].to_pylist()
    by_time = {t: None if t is None else spec.calendar.batch_of(t) for t in set(times)}
    return [name or by_time[time] or "" for name, time in zip(named, times, strict=True)]


def _blocks(spec: AskedSpec, rows: pa.Table) -> int:
    if spec.block == "row" or spec.time not in rows.column_names:
        return len(rows)
    numbers = arrays.block_numbers(rows, spec.time, spec.block)
    return len(np.unique(numbers[numbers >= 0]))


def _landed(rows: pa.Table, columns: Mapping[str, Column]) -> pa.Table:
    """Return requests as rows of the dataset: what they need not have is missing."""
    arrays_ = {
        name: rows[name].cast(arrow_type(column))
        if name in rows.column_names and not column.sensitive
        else pa.nulls(len(rows), arrow_type(column))
        for name, column in columns.items()
    }
    return pa.table({LINE: rows[LINE], **arrays_})


def _labelled(table: pa.Table, labels: pa.Table) -> pa.Table:
    keys = table["_key"].cast(pa.string())
    at = pc.index_in(keys, value_set=labels["_key"].cast(pa.string()).combine_chunks())
    # The line of a row without a key says nothing of another file.
    at = pc.if_else(pc.starts_with(keys, UNKEYED), pa.scalar(None, pa.int32()), at)
    place = table.column_names.index("_target")
    return table.set_column(place, "_target", labels["_target"].take(at))


def _column(table: pa.Table, name: str) -> pa.ChunkedArray:
    return table[f"{ASKED}{name}"]


def _counted(table: pa.Table, name: str) -> dict[str, int]:
    texts = _column(table, name).cast(pa.string()).to_pylist()
    return dict(Counter(text or "" for text in texts).most_common())
