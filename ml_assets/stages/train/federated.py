"""The model that sites learned together, as a family among others.

Belongs here: the model of finished rounds, taken over as it is. Does not belong here: the rounds
(`ml_assets/federated`), which run between sites and not in a stage.

The document names the family whose arithmetic predicts, so that all that reads models reads this
one too. The model is never fitted here: the rows that it was learned from are in no home together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ml_assets.faults import StageError
from ml_assets.stages.result import Result
from ml_assets.stages.train import folds, linear, tree_model
from ml_assets.stages.train.encode import Array
from ml_assets.stages.train.fit import decide
from ml_assets.stages.train.predict import predict as predicted
from ml_assets.stages.train.score import score

if TYPE_CHECKING:
    from ml_assets.spec.families import FromRounds
    from ml_assets.spec.model import FitSpec
    from ml_assets.stages.result import Handle
    from ml_assets.stages.train.folds import Context, Fold

LEARNS = False
"""It is not fitted to rows at hand."""


def taken(
    spec: FitSpec,
    *,
    family: Any,
    train: Handle,
    validation: Handle,
    features: Mapping[str, Handle],
    rounds: Handle,
) -> Result:
    """Return `model` and `scores` (JSON) of finished rounds, measured on the own validation rows.

    Raises StageError if the rounds were of other features or another task.
    """
    document = rounds.json()
    model = dict(document["model"])
    columns = {name: spec.columns[name].kind for name in sorted(spec.columns)}
    if (model["task"], model["columns"]) != (spec.task, columns):
        changed = sorted(set(model["columns"].items()) ^ set(columns.items()))
        names = ", ".join(dict.fromkeys(name for name, _ in changed)) or "the task"
        raise StageError(
            f"the rounds that were taken are of another model: {names} changed since; "
            "run ml-assets federated again with all sites"
        )
    references = validation.table()
    parts = list(folds.read(references, features, [*columns, "_target"]))
    target = np.concatenate([folds.labels(table, ()) for _, table in parts])
    prediction = np.concatenate([predicted(model, family, table) for _, table in parts])
    notes = list(document["notes"])
    decide(spec, model, target, prediction, notes)
    rows = {"train": _rows(train.table()), "validation": len(target)}
    scores = score(model, spec.metric, target, prediction, rows, notes)
    facts = {"rows": rows, "curve": document["curve"], "notes": notes}
    return Result({"model": model, "scores": scores}, facts)


def fit(settings: FromRounds, train: Fold, validation: Fold, context: Context) -> dict[str, Any]:
    """Raise StageError: nothing here can fit it."""
    raise StageError("a federated model is learned in rounds between sites: ml-assets federated")


def refit(
    settings: FromRounds, state: dict[str, Any], fold: Fold, context: Context
) -> dict[str, Any]:
    """Raise StageError, as `fit`."""
    raise StageError("a federated model is learned in rounds between sites: ml-assets federated")


def predict(state: dict[str, Any], batch: pa.Table) -> Array:
    """Return values (n,), or probabilities (n,) of class 1."""
    if "arrays" in state:
        return tree_model.predict(state, batch)
    return linear.predict(state, batch)


def _rows(references: pa.Table) -> int:
    return int((references["stop"].to_numpy() - references["start"].to_numpy()).sum())
