"""The weights of a blend, and how good it is on rows that chose none of them.

Belongs here: from fitted members to a blend's model and scores. Does not belong here: the
search for weights (`weights`), refitting and predicting (`blend`).

The members' predictions are those of the validation fold, or of the held-out rows of a
cross-validation. The scores are those of parts of these rows, each blended with the weights that
the other parts choose; the model has the weights that all of them choose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ml_assets.faults import StageError
from ml_assets.stages.result import Result
from ml_assets.stages.train import folds
from ml_assets.stages.train.blend import MEMBERS
from ml_assets.stages.train.encode import Array
from ml_assets.stages.train.fit import decide, document
from ml_assets.stages.train.predict import predict_fold
from ml_assets.stages.train.score import score
from ml_assets.stages.train.weights import weights

if TYPE_CHECKING:
    from ml_assets.spec.model import FitSpec
    from ml_assets.stages.result import Handle

ENCODING = ("columns", "categories", "classes", "prepare")
"""What members of one blend share; the last where there is something to prepare."""
PARTS = 5
"""Consecutive parts of the validation fold."""


@dataclass(frozen=True)
class HeldOut:
    """n rows that no member learned from: target, part, and each member's predictions."""

    target: Array
    part: NDArray[np.int64]
    predictions: Sequence[Array]

    def weights(self, spec: FitSpec, kept: NDArray[np.bool_]) -> tuple[float, ...]:
        """Return the weights that some rows choose."""
        given = [item[kept] for item in self.predictions]
        return weights(spec.task, spec.metric, self.target[kept], given)

    def crossed(self, spec: FitSpec) -> Array:
        """Return the blend of each row, with weights that the other parts choose."""
        blended = np.zeros_like(self.predictions[0])
        for number in np.unique(self.part):
            out = self.part == number
            # Rows that are a single part have nobody else to choose for them.
            chosen = self.weights(spec, ~out)
            for weight, prediction in zip(chosen, self.predictions, strict=True):
                blended[out] += weight * prediction[out]
        return blended


def blend(
    spec: FitSpec,
    *,
    family: Any,
    models: Mapping[str, Handle],
    train: Handle,
    validation: Handle,
    features: Mapping[str, Handle],
    held: Mapping[str, Handle] | None = None,
) -> Result:
    """Return `model` and `scores` (JSON) of a blend of fitted models.

    `held` are the members' held-out rows after a cross-validation; without it they predict the
    validation fold. StageError if the members do not fit each other.
    """
    documents = {name: handle.json() for name, handle in models.items()}
    first = next(iter(documents.values()))
    for name, item in documents.items():
        if any(item.get(part) != first.get(part) for part in ENCODING):
            raise StageError(f"blend: {name} was fitted on other rows or columns")
    (learned, out), context, notes = folds.load(spec, [train.table(), validation.table()], features)
    rows = {"train": len(learned.target), "validation": len(out.target)}
    if held is None:
        judged = _judged(documents, out)
    else:
        judged = _read(spec, documents, held)
        rows = _crosswise(sum(rows.values()), judged.part)
    chosen = judged.weights(spec, np.ones(len(judged.target), dtype=bool))
    model, report = document(spec, family, context, {}, notes)
    # Those of the members, which after a cross-validation are of its last part.
    model |= {part: first[part] for part in ENCODING if part in first}
    model["state"] = _state(documents, chosen)
    crossed = judged.crossed(spec)
    decide(spec, model, judged.target, crossed, report["notes"])
    report["weights"] = dict(zip(documents, chosen, strict=True))
    scores = score(model, spec.metric, judged.target, crossed, rows, report["notes"])
    return Result({"model": model, "scores": scores}, {"rows": rows, **report})


def _state(documents: Mapping[str, Any], chosen: Sequence[float]) -> dict[str, Any]:
    """Return the members with a weight, each with what its refit takes over."""
    states = {name: {**item["state"], **item.get("found", {})} for name, item in documents.items()}
    if all("constant" in state for state in states.values()):
        return next(iter(states.values()))
    members = [
        {"name": name, "family": documents[name]["family"], "weight": weight, "state": states[name]}
        for name, weight in zip(documents, chosen, strict=True)
        if weight
    ]
    return {"members": members}


def _judged(documents: Mapping[str, Any], out: folds.Fold) -> HeldOut:
    count = len(out.target)
    part = np.arange(count) * PARTS // max(count, 1)
    predictions = [predict_fold(item, MEMBERS[item["family"]], out) for item in documents.values()]
    return HeldOut(out.target, part, predictions)


def _crosswise(count: int, part: NDArray[np.int64]) -> dict[str, int]:
    """Return the most rows that a part learns from, and those held out, as the members count."""
    sizes = np.bincount(part)
    # By time part 0 is never held out, and the last part learns from all before it.
    out = sizes[-1] if part.min() else sizes.min()
    return {"train": count - int(out), "validation": len(part)}


def _read(spec: FitSpec, documents: Mapping[str, Any], held: Mapping[str, Handle]) -> HeldOut:
    tables = [held[name].table() for name in documents]
    names = [name for name in tables[0].column_names if name.startswith("p") and name != "part"]
    predictions = [np.column_stack([table[name].to_numpy() for name in names]) for table in tables]
    if spec.task != "multiclass":
        predictions = [item[:, 0] for item in predictions]
    return HeldOut(tables[0]["target"].to_numpy(), tables[0]["part"].to_numpy(), predictions)
