"""Fit one family on train, with validation for early stopping and comparison.

Belongs here: from folds to a model document and its scores. Does not belong here: how a family
learns (its own file), which family is chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ml_assets.stages.result import Result
from ml_assets.stages.train import folds, threshold
from ml_assets.stages.train.own import learner
from ml_assets.stages.train.predict import predict_fold
from ml_assets.stages.train.score import score

if TYPE_CHECKING:
    from ml_assets.spec.model import FitSpec
    from ml_assets.stages.result import Handle
    from ml_assets.stages.train.encode import Array


def fit(
    spec: FitSpec,
    *,
    family: Any,
    train: Handle,
    validation: Handle,
    features: Mapping[str, Handle],
) -> Result:
    """Return `model` and `scores` (JSON); curve, trials and notes are in the metadata.

    `family` is the family's module; `train` and `validation` are row references into
    `features`. HookError if a custom family breaks its contract.
    """
    (learned, held_out), context, notes = folds.load(
        spec, [train.table(), validation.table()], features
    )
    rows = {"train": len(learned.target), "validation": len(held_out.target)}
    model, report = fitted(spec, family, (learned, held_out), context, notes)
    prediction = predict_fold(model, family, held_out)
    decide(spec, model, held_out.target, prediction, report["notes"])
    scores = score(model, spec.metric, held_out.target, prediction, rows, report["notes"])
    return Result({"model": model, "scores": scores}, {"rows": rows, **report})


def fitted(
    spec: FitSpec,
    family: Any,
    pair: tuple[folds.Fold, folds.Fold],
    context: folds.Context,
    notes: list[str],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the document of a model learned from the first fold and stopped on the second.

    And a family's further report, as `document` does. HookError as `fit`.
    """
    state = constant(pair[0], notes)
    if state is None:
        state = learner(spec.family, family).fit(spec.family, *pair, context)
    return document(spec, family, context, state, notes)


def decide(
    spec: FitSpec, model: dict[str, Any], target: Array, prediction: Array, notes: list[str]
) -> None:
    """Put the threshold that a spec asks for into a model; `prediction` is of rows not learned."""
    if spec.threshold is None:
        return
    model["threshold"], note = threshold.chosen(spec.threshold, target, prediction)
    notes += [] if note is None else [note]


def constant(fold: folds.Fold, notes: list[str]) -> dict[str, Any] | None:
    """Return the state of a model for a constant target, and note it; otherwise None."""
    if fold.target.min() != fold.target.max():
        return None
    value = float(fold.target[0])
    notes.append(
        f"the target is constant in training ({value:g}): the model always predicts that value"
    )
    return {"constant": value}


def document(
    spec: FitSpec, family: Any, context: folds.Context, state: dict[str, Any], notes: list[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the model document and a family's further report (curve, trials, notes)."""
    report = dict(state.pop("report", {}))
    report["notes"] = [*notes, *report.get("notes", [])]
    if "constant" in state and context.classes:
        state = {"constant": list(np.eye(len(context.classes))[int(state["constant"])])}
    model = {
        "format": 1,
        "family": spec.family.family,
        "source": spec.family.module if spec.family.family == "custom" else None,
        "baseline": bool(getattr(family, "BASELINE", False)),
        "task": spec.task,
        "columns": {name: spec.columns[name].kind for name in sorted(spec.columns)},
        "categories": {name: list(values) for name, values in context.categories.items()},
        "classes": list(context.classes),
        "settings": state.get("settings") or spec.family.model_dump(mode="json"),
        "state": state,
    }
    if context.prepare:
        model["prepare"] = dict(context.prepare)
    return model, report
