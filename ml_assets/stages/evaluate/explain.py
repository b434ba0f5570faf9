"""Explain a model on a sample of the test rows.

Belongs here: permutation importance (Breiman, 2001), contributions to single predictions. Does
not belong here: how a family's contributions are computed (`contributions`), words.

All shuffled copies are predicted in few calls, since each call parses the booster's text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ml_assets.stages.evaluate.contributions import contributions
from ml_assets.stages.evaluate.losses import row_losses
from ml_assets.stages.evaluate.rows import Fitted
from ml_assets.stages.evaluate.sample import sample
from ml_assets.stages.result import Result
from ml_assets.stages.train import folds
from ml_assets.stages.train.predict import predict_encoded
from ml_assets.stages.train.prepare import encoded, owners

if TYPE_CHECKING:
    from ml_assets.spec.model import ExplainSpec
    from ml_assets.stages.result import Handle
    from ml_assets.stages.train.encode import Array

ROWS = 2000
AT_ONCE = 100_000
"""Rows that are predicted in one call."""
_SHOWN = 8
_AT = {"smallest": 0.0, "low": 0.25, "middle": 0.5, "high": 0.75, "largest": 1.0}
_WORST = 3


def explain(
    spec: ExplainSpec, *, family: Any, model: Handle, test: Handle, features: Mapping[str, Handle]
) -> Result:
    """Return `explained` (JSON): `importance` and `contributions`, or in `why` the reason for none.

    From at most 2,000 test rows, drawn with the seed. It holds no value of a sensitive feature.
    """
    fitted = Fitted(model.json(), family)
    references = sample(test.table(), ROWS, spec.seed)
    columns = dict(sorted(fitted.model["columns"].items()))
    wanted = [*columns, "_time", "_target"]
    parts = [table for _, table in folds.read(references, features, wanted)]
    table = pa.concat_tables(parts).unify_dictionaries()
    target = folds.labels(table, fitted.model["classes"])
    good = np.isfinite(target)
    table, target = table.filter(pa.array(good)), target[good]
    if len(target) < 2:
        nothing = {"why": "there are fewer than two test rows"}
        return Result({"explained": {"importance": nothing, "contributions": nothing}})
    batch = encoded(fitted.model, table)
    prediction = predict_encoded(fitted.model, family, batch)
    loss = row_losses(spec.metric, target, prediction, fitted.at)
    explained = {
        "importance": _importance(spec, fitted, batch, target, loss),
        "contributions": _contributions(spec, fitted, table, batch, target, prediction, loss),
    }
    return Result({"explained": explained}, {"rows": len(target)})


def _importance(
    spec: ExplainSpec, fitted: Fitted, batch: pa.Table, target: Array, loss: Array
) -> dict[str, Any]:
    if "constant" in fitted.model["state"]:
        return {"why": "the model is constant, so no feature matters"}
    columns = _columns(fitted.model, batch)
    names, rows = list(columns), len(target)
    generator = np.random.default_rng(spec.seed)
    entries: list[dict[str, Any]] = []
    step = max(AT_ONCE // rows, 1)
    for start in range(0, len(names), step):
        some = names[start : start + step]
        copies = []
        for name in some:
            order, copy = pa.array(generator.permutation(rows)), batch
            for column in columns[name]:
                place = batch.schema.get_field_index(column)
                copy = copy.set_column(place, column, batch[column].take(order))
            copies.append(copy)
        said = predict_encoded(fitted.model, fitted.family, pa.concat_tables(copies))
        for place, name in enumerate(some):
            part = said[place * rows : (place + 1) * rows]
            more = row_losses(spec.metric, target, part, fitted.at) - loss
            half = 1.959964 * float(more.std(ddof=1)) / np.sqrt(rows)
            mean = float(more.mean())
            interval = [mean - half, mean + half]
            entries.append({"feature": name, "more": mean, "interval": interval})
    entries.sort(key=lambda entry: (-entry["more"], entry["feature"]))
    return {"rows": rows, "loss": float(loss.mean()), "features": entries}


def _contributions(
    spec: ExplainSpec,
    fitted: Fitted,
    table: pa.Table,
    batch: pa.Table,
    target: Array,
    prediction: Array,
    loss: Array,
) -> dict[str, Any]:
    picked = _picked(prediction if prediction.ndim == 1 else prediction.max(axis=1), loss)
    at = np.array([place for place, _ in picked])
    explained = contributions(fitted, batch, at)
    if explained is None:
        return {"why": f"the family {fitted.model['family']} offers no contributions"}
    method, start, amounts = explained
    classes = fitted.model["classes"]
    features = _columns(fitted.model, batch)
    amounts = np.column_stack(
        [_together(amounts, batch.column_names, parts) for parts in features.values()]
    )
    names = list(features)
    texts = {name: _texts(table[name].take(pa.array(at))) for name in names}
    times = table["_time"].take(pa.array(at)).to_pylist()
    rows = []
    for number, (place, why) in enumerate(picked):
        order = np.argsort(-np.abs(amounts[number]), kind="stable")[:_SHOWN]
        parts = [
            {
                "feature": names[column],
                "value": "***" if names[column] in spec.sensitive else texts[names[column]][number],
                "amount": float(amounts[number, column]),
            }
            for column in order
        ]
        rows.append(
            {
                "why": why,
                "time": None if times[number] is None else times[number].isoformat(" ", "minutes"),
                "prediction": _said(prediction[place], classes),
                "target": _happened(target[place], classes),
                "contributions": parts,
                "others": float(np.delete(amounts[number], order).sum()),
            }
        )
    return {"method": method, "start": start, "rows": rows}


def _columns(model: Mapping[str, Any], batch: pa.Table) -> dict[str, list[str]]:
    """Return the columns of an encoded batch by the feature that they come from."""
    by_feature: dict[str, list[str]] = {}
    for column, feature in owners(batch.column_names, model.get("prepare", {})).items():
        by_feature.setdefault(feature, []).append(column)
    return dict(sorted(by_feature.items()))


def _together(amounts: Array, columns: list[str], parts: list[str]) -> Array:
    """Return what a feature contributes to each prediction: the sum over its columns."""
    sums: Array = amounts[:, [columns.index(part) for part in parts]].sum(axis=1)
    return sums


def _picked(size: Array, loss: Array) -> list[tuple[int, str]]:
    """Return rows spread over the predictions, then those with the largest loss, each once."""
    order = np.argsort(size, kind="stable")
    picked: dict[int, str] = {}
    for label, share in _AT.items():
        picked.setdefault(int(order[round(share * (len(order) - 1))]), f"{label} prediction")
    for place in np.argsort(-loss, kind="stable")[:_WORST]:
        picked.setdefault(int(place), "large loss")
    return list(picked.items())


def _texts(column: pa.ChunkedArray) -> list[str]:
    texts = []
    for value in column.to_pylist():
        shown = f"{value:.6g}" if isinstance(value, float) else str(value)
        texts.append("missing" if value is None else shown)
    return texts


def _said(prediction: Any, classes: list[str]) -> Any:
    if np.ndim(prediction) == 0:
        return float(prediction)
    best = int(np.argmax(prediction))
    return f"{classes[best]} ({prediction[best]:.1%})"


def _happened(target: float, classes: list[str]) -> Any:
    if not classes:
        return float(target)
    return classes[int(target)] if target >= 0 else "a class that did not occur in training"
