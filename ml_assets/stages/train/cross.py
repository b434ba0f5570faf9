"""Cross-validation of one family: each row is predicted by a model that did not learn from it.

Belongs here: fitting once for each part, scores over all held-out rows. Does not belong here:
which rows make a part (`parts`), choosing (`choose`), the refit on all rows (`refit`).

Each part has its own categories and classes, those of the rows that are learned from. A family
that stops early does so on the rows held out, as it does on the validation fold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml_assets.stages import metrics
from ml_assets.stages.result import Result
from ml_assets.stages.train import folds, parts, threshold
from ml_assets.stages.train.classes import aligned
from ml_assets.stages.train.encode import Array
from ml_assets.stages.train.fit import decide, fitted
from ml_assets.stages.train.predict import predict_fold
from ml_assets.stages.train.score import score

if TYPE_CHECKING:
    from ml_assets.spec.model import CrossSpec
    from ml_assets.stages.result import Handle


@dataclass
class Held:
    """The n rows that are held out once, and their predictions, (n,) or (n, k)."""

    row: NDArray[np.int64]
    part: NDArray[np.int64]
    target: Array
    prediction: Array

    def table(self) -> pa.Table:
        """Return the rows as a table: `row`, `part`, `target`, `p0`, …"""
        columns = self.prediction.reshape(len(self.row), -1).T
        named = {f"p{number}": column for number, column in enumerate(columns)}
        return pa.table({"row": self.row, "part": self.part, "target": self.target, **named})


def cross_fit(
    spec: CrossSpec,
    *,
    family: Any,
    train: Handle,
    validation: Handle,
    features: Mapping[str, Handle],
) -> Result:
    """Return `model`, `scores` (JSON) and `held`: the held-out rows with their predictions.

    `model` is that of the last part; its `found` is what a refit takes over from all parts: the
    median number of trees. StageError if the rows cannot be divided, HookError if a custom
    family breaks its contract.
    """
    merged = folds.merged([train.table(), validation.table()], features)
    (whole,), context, _ = folds.load(spec, [merged], features)
    division = parts.divide(spec, whole)
    documents, reports, held = [], [], []
    for number, learned, out in division.each():
        pair = [parts.references(whole, rows) for rows in (learned, out)]
        model, report, prediction = _held_out(spec, family, pair, features)
        documents.append(model)
        reports.append(report)
        rows = np.flatnonzero(out)
        prediction = aligned(prediction, model["classes"], context.classes)
        number_of = np.full(len(rows), number, dtype=np.int64)
        held.append(Held(rows, number_of, whole.target[rows], prediction))
    held_out = _together(held)
    model, report = documents[-1], reports[-1]
    trees = [item["state"]["trees"] for item in documents if item["state"].get("trees")]
    if trees:
        model["found"] = {"trees": int(np.median(trees))}
    notes = list(dict.fromkeys(note for item in reports for note in item["notes"]))
    decide(spec, model, held_out.target, held_out.prediction, notes)
    by_part = [_value(spec, item, threshold.of(model)) for item in held]
    learned_from = max(int(learned.sum()) for _, learned, _ in division.each())
    counts = {"train": learned_from, "validation": len(held_out.row)}
    scores = score(model, spec.metric, held_out.target, held_out.prediction, counts, notes)
    scores["parts"] = by_part
    facts = {"rows": counts, **report, "notes": scores["notes"]}
    return Result({"model": model, "scores": scores, "held": held_out.table()}, facts)


def _together(held: Sequence[Held]) -> Held:
    return Held(
        np.concatenate([item.row for item in held]),
        np.concatenate([item.part for item in held]),
        np.concatenate([item.target for item in held]),
        np.concatenate([item.prediction for item in held]),
    )


def _held_out(
    spec: CrossSpec, family: Any, pair: list[pa.Table], features: Mapping[str, Handle]
) -> tuple[dict[str, Any], dict[str, Any], Array]:
    """Return the model of one part, its report, and its predictions of the rows held out."""
    (learned, out), context, notes = folds.load(spec, pair, features)
    model, report = fitted(spec, family, (learned, out), context, notes)
    return model, report, predict_fold(model, family, out)


def _value(spec: CrossSpec, held: Held, at: float) -> float | None:
    values, _ = metrics.measure(spec.task, held.target, held.prediction, (spec.metric,), at)
    return values[spec.metric]
