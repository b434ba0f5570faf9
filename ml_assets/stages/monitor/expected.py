"""Metrics of a batch before its labels are there, from the test rows of its model.

Belongs here: the test rows as a reference, which metrics are estimated. Does not belong here: how
(`estimates`).

The test rows are estimated in turn by the report's blocks, such as days: months would be too few to
try an interval on. A batch of a month is given the interval of a day, which is rather too wide.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml_assets.stages import metrics
from ml_assets.stages.metrics import Array
from ml_assets.stages.monitor import estimates
from ml_assets.stages.monitor.reference import Reference, evenly
from ml_assets.stages.quality import arrays
from ml_assets.stages.result import Result
from ml_assets.stages.score.answer import PREDICTION, PROBABILITY
from ml_assets.stages.train import folds, prepare, threshold
from ml_assets.stages.train.encode import values
from ml_assets.stages.train.predict import predict

if TYPE_CHECKING:
    from ml_assets.spec.monitored import ExpectedSpec
    from ml_assets.stages.result import Handle

MOST = 20_000
"""Test rows that are used, evenly spaced."""
PARTS = 40
"""Parts of test rows without a time."""
NOTHING = Reference(np.empty((0, 1)), np.empty(0), np.empty(0), [])
WEIGHTED = " (weighted)"
"""After the name of a metric that is estimated with a density ratio."""


def tried(
    spec: ExpectedSpec,
    *,
    model: Handle,
    test: Handle,
    features: Mapping[str, Handle],
    family: Any = None,
    stored: Any = None,
    sources: Handle | None = None,
) -> Result:
    """Return `tried` (JSON): by metric what `Estimator.document` does, tried on the test rows.

    The metric of the model is also estimated with weights. A family of the project's own comes from
    the stored sources.
    """
    module = _family(spec, family, stored, sources)
    known = _reference(spec, model.json(), module, test, features)
    documents: dict[str, Any] = {}
    shown = metrics.named(spec.task, [spec.metric])
    other = threshold.of(model.json()) != metrics.HALF
    for name in (one for one in estimates.supported(spec.task) if one in shown):
        if other and name in metrics.OF_CLASSES:
            documents[name] = {"method": "cbpe", "weighted": False, "metric": name, "tried": []}
            documents[name]["why"] = (
                "it is estimated at a threshold of 0.5, and the model has another"
            )
            continue
        for weighted in (False, True) if name == spec.metric else (False,):
            estimator = estimates.fit(
                spec.task,
                name,
                known,
                weighted=weighted,
                coverage=spec.coverage,
                seed=spec.seed,
            )
            documents[name + WEIGHTED * weighted] = estimator.document()
    return Result({"tried": documents}, {"rows": len(known)})


def expected(
    spec: ExpectedSpec,
    *,
    tried: Handle,
    model: Handle,
    test: Handle,
    features: Mapping[str, Handle],
    inputs: Handle,
    predictions: Handle,
    family: Any = None,
    stored: Any = None,
    sources: Handle | None = None,
) -> Result:
    """Return `expected` (JSON): {metric: `Estimate.document`} of a batch's predictions."""
    document, module = model.json(), _family(spec, family, stored, sources)
    asked = tried.json()
    known = NOTHING
    if any(one["why"] is None for one in asked.values()):
        known = _reference(spec, document, module, test, features)
    matrix, said = _matrix(document, inputs.table()), predicted(predictions.table())
    documents = {}
    for name, one in asked.items():
        estimator = estimates.restored(
            spec.task, one, known, coverage=spec.coverage, seed=spec.seed
        )
        documents[name] = estimator.estimate(matrix, said).document()
    return Result({"expected": documents})


def predicted(table: pa.Table) -> Array:
    """Return predictions as `metrics` takes them: (n,), or (n, classes) probabilities."""
    names = [name for name in table.column_names if name.startswith(PROBABILITY)]
    columns = [table[name].to_numpy() for name in names or [PREDICTION]]
    return np.column_stack(columns) if names else np.asarray(columns[0], dtype=np.float64)


def _family(spec: ExpectedSpec, family: Any, stored: Any, sources: Handle | None) -> Any:
    if spec.family is None or sources is None:
        return family
    return stored(sources.json(), sources.digest).module(spec.family)


def _matrix(document: Mapping[str, Any], table: pa.Table) -> Array:
    """Return the matrix (n, width) that the model sees."""
    encoded = prepare.encoded(document, table)
    return np.column_stack([values(encoded, name) for name in encoded.column_names])


def _reference(
    spec: ExpectedSpec,
    document: Mapping[str, Any],
    family: Any,
    test: Handle,
    features: Mapping[str, Handle],
) -> Reference:
    """Return the labelled test rows in order of time."""
    names = [*sorted(document["columns"]), "_time", "_target"]
    parts = [table for _, table in folds.read(test.table(), features, names) if len(table)]
    if not parts:
        return NOTHING
    whole = pa.concat_tables(parts).unify_dictionaries()
    whole = whole.filter(whole["_target"].is_valid())
    block = arrays.block_numbers(whole, "_time", spec.block) if spec.block != "row" else None
    order: NDArray[np.int64] = np.arange(len(whole))
    if block is not None:
        order = np.argsort(block, kind="stable")
    order = order[evenly(len(order), MOST)]
    place = np.arange(len(order)) * PARTS // max(len(order), 1) if block is None else block[order]
    rows = whole.take(pa.array(order))
    said = predict(document, family, rows)
    target = folds.labels(rows, document["classes"])
    return Reference(_matrix(document, rows), said, target, [str(one) for one in place])
