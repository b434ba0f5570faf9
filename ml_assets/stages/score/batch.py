"""The predictions of a batch.

Belongs here: a batch of features to predictions, row by row. Does not belong here: raw rows
(`score`), labels (`realized`), which model scores a batch.

`predictions` has one row for each cleaned row, in the same order: `_key`, `_line`, the columns of
`answer` that say something of a row (`prediction`, of classes `probability_<class>`, where the
model has intervals `low` and `high` or `set`, `unseen`), and `seen`: whether the row was in train
or validation of the model. Of a row known by its inputs that is whether any row with equal inputs
was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.stages.intervals.columns import columns as intervals
from ml_assets.stages.keys import shared
from ml_assets.stages.paired.seen import checked
from ml_assets.stages.result import Result
from ml_assets.stages.schema import LINE
from ml_assets.stages.score.answer import UNSEEN, predicted, unseen_in
from ml_assets.stages.score.joins import missing
from ml_assets.stages.train import folds
from ml_assets.stages.train.predict import predict

if TYPE_CHECKING:
    from ml_assets.spec.predictions import InputsSpec, PredictionsSpec, SeenSpec
    from ml_assets.stages.result import Handle

SEEN = "seen"


def inputs(spec: InputsSpec, *, features: Handle) -> Result:
    """Return `inputs`: what a prediction depends on, so without target, weight and slices."""
    return Result({"inputs": features.table(["_key", LINE, *spec.columns])})


def seen(
    spec: SeenSpec, *, train: Handle, validation: Handle, features: Mapping[str, Handle]
) -> Result:
    """Return `seen`: what the rows of train and validation are known by, each once."""
    chunks = [pa.array([], pa.string())]
    for references in (train.table(), validation.table()):
        checked(references, features)
        for batch, rows in folds.read(references, features, ["_key"]):
            chunks += shared(rows["_key"].cast(pa.string()), batch).chunks
    names = pc.unique(pa.chunked_array(chunks, pa.string()))
    return Result({"seen": pa.table({"_key": names})})


def predictions(
    spec: PredictionsSpec,
    *,
    model: Handle,
    inputs: Handle,
    seen: Handle,
    family: Any = None,
    stored: Any = None,
    sources: Handle | None = None,
    limits: Handle | None = None,
) -> Result:
    """Return `predictions`; facts: rows, those seen, with unseen categories, without a join.

    `limits` are those of the model's intervals, if it has some. The family is a module, or one of
    the stored sources. HookError if it breaks its contract.
    """
    document, table = model.json(), inputs.table()
    if spec.family is not None and sources is not None:
        family = stored(sources.json(), sources.digest).module(spec.family)
    keys = shared(table["_key"].cast(pa.string()), spec.batch)
    known = pc.is_in(keys, value_set=seen.table()["_key"].combine_chunks())
    new = unseen_in(document, table)
    prediction = predict(document, family, table)
    around = intervals(None if limits is None else limits.json(), document, prediction, table)
    columns = {
        "_key": table["_key"],
        LINE: table[LINE],
        **predicted(document, prediction),
        **around,
        SEEN: known,
        UNSEEN: pa.array(new, pa.string()),
    }
    facts = {
        "rows": len(table),
        "seen": pc.sum(known).as_py() or 0,
        "unseen": len(new) - new.count(None),
        "unseen_in": dict(Counter(name for names in new if names for name in names.split(", "))),
        "missing_joins": {name: missing(table, used) for name, used in spec.joins.items() if used},
    }
    return Result({"predictions": pa.table(columns).combine_chunks()}, facts)
