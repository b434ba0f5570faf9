"""Serving parity from the raw row on: cleaning, contract, function and model, one row or many.

Belongs here: the rows and the comparison with the features that the folds hold. Does not belong
here: the parity of rows of features (`parity`), whose document this one continues.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.stages.hook import Hook, joined_frames
from ml_assets.stages.ingest import columnar
from ml_assets.stages.result import Result
from ml_assets.stages.schema import LINE
from ml_assets.stages.score.read import Ints, Read, read
from ml_assets.stages.score.score import Group, Predicted, Scorer
from ml_assets.stages.train import folds
from ml_assets.stages.train.encode import Array
from ml_assets.stages.train.predict import predict

if TYPE_CHECKING:
    from ml_assets.spec.score import RawParitySpec
    from ml_assets.stages.result import Handle

ALONE = 10
"""Rows that are predicted one by one."""
WAYS = {
    "raw": "from raw rows",
    "raw_permuted": "from raw rows in another order",
    "raw_alone": "from raw rows one by one",
}


@dataclass(frozen=True)
class Batch:
    """Sampled rows of a batch: raw, and the predictions for their features."""

    raw: pa.Table
    wanted: Array
    joined: Mapping[str, Any]


def parity(
    spec: RawParitySpec,
    *,
    family: Any,
    hook: Hook | None = None,
    parity: Handle,
    model: Handle,
    test: Handle,
    features: Mapping[str, Handle],
    raw: Mapping[str, Handle],
    joins: Mapping[str, Mapping[str, Handle]],
    previous: Mapping[str, Mapping[str, Sequence[Handle]]],
) -> Result:
    """Return `parity` (JSON) with a verdict more for each way from raw rows to predictions.

    `raw`, `joins` and `previous` are, by batch, what the features of some of the test's batches
    were made from.
    """
    scorer = Scorer(spec.score, model.json(), family, hook)
    batches = list(_batches(spec, scorer, test.table(), features, raw, joins, previous))
    alone = max(1, ALONE // max(1, len(batches)))
    checks = [
        _compared("raw", _differing(scorer, batches)),
        _compared("raw_permuted", _differing(scorer, [_turned(batch) for batch in batches])),
        _compared(
            "raw_alone", _differing(scorer, [o for b in batches for o in _singles(b, alone)])
        ),
    ]
    document = parity.json()
    rows = sum(len(batch.raw) for batch in batches)
    made = {**document, "raw_rows": rows, "checks": [*document["checks"], *checks]}
    return Result({"parity": made}, {"rows": rows})


def _batches(
    spec: RawParitySpec,
    scorer: Scorer,
    test: pa.Table,
    features: Mapping[str, Handle],
    raw: Mapping[str, Handle],
    joins: Mapping[str, Mapping[str, Handle]],
    previous: Mapping[str, Mapping[str, Sequence[Handle]]],
) -> Iterator[Batch]:
    """Yield evenly spaced rows of each batch whose raw rows are there."""
    columns = [LINE, *sorted(scorer.document["columns"])]
    each = max(1, spec.rows // max(1, len(raw)))
    for batch, table in folds.read(test, features, columns):
        if batch not in raw:
            continue
        at = np.unique(np.linspace(0, len(table) - 1, min(len(table), each)).astype(np.int64))
        rows = table.take(pa.array(at))
        landed = raw[batch].table()
        place = pc.index_in(rows[LINE], value_set=landed[LINE].combine_chunks())
        wanted = predict(scorer.document, scorer.family, rows)
        yield Batch(landed.take(place), wanted, joined_frames(joins[batch], previous[batch]))


def _turned(batch: Batch) -> Batch:
    order = np.random.default_rng(0).permutation(len(batch.raw))
    return replace(batch, raw=batch.raw.take(pa.array(order)), wanted=batch.wanted[order])


def _singles(batch: Batch, most: int) -> Iterator[Batch]:
    for row in range(min(most, len(batch.raw))):
        yield replace(batch, raw=batch.raw.slice(row, 1), wanted=batch.wanted[row : row + 1])


def _differing(scorer: Scorer, batches: Sequence[Batch]) -> tuple[int, int, list[str]]:
    """Return how many rows there are, how many differ, and the rules by which rows have none."""
    rows, differing, rules = 0, 0, set[str]()
    for batch in batches:
        predicted = _predicted(scorer, batch)
        said = np.full_like(batch.wanted, np.inf)
        said[predicted.at] = predicted.found
        same = (said == batch.wanted) | (np.isnan(said) & np.isnan(batch.wanted))
        rows += len(same)
        differing += int((~same.reshape(len(same), -1).all(axis=1)).sum())
        # A reason may hold a value.
        rules |= {why.partition(": ")[0] for why in predicted.problems.values()}
    return rows, differing, sorted(rules)


def _predicted(scorer: Scorer, batch: Batch) -> Predicted:
    rows = _read(scorer, batch.raw)
    everything: Ints = np.arange(len(rows.table))
    return scorer.from_rows(rows, [Group(everything, batch.joined)])


def _read(scorer: Scorer, raw: pa.Table) -> Read:
    """Return raw rows as they are scored: a single one by the reader of single rows."""
    table = raw.drop_columns(LINE)
    if len(table) == 1:
        features = scorer.reader.read(table.to_pylist()[0])
        if features is not None:
            return Read(pa.array([1], pa.int64()), features, {})
    return read(scorer.spec.rows, columnar.source(table))


def _compared(way: str, counted: tuple[int, int, list[str]]) -> dict[str, Any]:
    rows, differing, rules = counted
    text = f"the same {WAYS[way]}, to the bit"
    if differing:
        text = f"{differing} of {rows} predictions differ {WAYS[way]}"
        text += f"; rows without one break {', '.join(rules)}" if rules else ""
    return {
        "name": way,
        "passed": differing == 0,
        "differing": differing,
        "largest": None,
        "text": text,
    }
