"""Refit a model on train and validation together, with the settings found.

Belongs here: from a fitted model to the candidate. Does not belong here: searching anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ml_assets.stages.result import Result
from ml_assets.stages.train import folds
from ml_assets.stages.train.fit import constant, document
from ml_assets.stages.train.own import learner

if TYPE_CHECKING:
    from ml_assets.spec.model import FitSpec
    from ml_assets.stages.result import Handle


def refit(
    spec: FitSpec,
    *,
    family: Any,
    fitted: Handle,
    train: Handle,
    validation: Handle,
    features: Mapping[str, Handle],
) -> Result:
    """Return `model` (JSON), learned from the rows of both folds in calendar order.

    Categories, classes and imputed values are those of both folds. A target that was constant
    in train leaves nothing to refit: that model is kept unchanged.
    """
    references = folds.merged([train.table(), validation.table()], features)
    before = fitted.json()
    if "constant" in before["state"]:
        note = "the target was constant in train: not refitted"
        return Result({"model": before}, {"rows": _rows(references), "notes": [note]})
    (fold,), context, notes = folds.load(spec, [references], features)
    model, report = refitted(spec, family, before, fold, context, notes)
    return Result({"model": model}, {"rows": len(fold.target), **report})


def refitted(
    spec: FitSpec,
    family: Any,
    before: Mapping[str, Any],
    fold: folds.Fold,
    context: folds.Context,
    notes: list[str],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the document of a model of other rows, with what an earlier one had found.

    And a family's further report. HookError if a custom family breaks its contract.
    """
    state = constant(fold, notes)
    if state is None:
        taken_over = {**before["state"], **before.get("found", {})}
        state = learner(spec.family, family).refit(spec.family, taken_over, fold, context)
    if "settings" in before["state"]:
        state.setdefault("settings", before["settings"])
    model, report = document(spec, family, context, state, notes)
    if "threshold" in before:
        model["threshold"] = before["threshold"]
    return model, report


def _rows(references: Any) -> int:
    return int((references["stop"].to_numpy() - references["start"].to_numpy()).sum())
