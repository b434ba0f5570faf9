"""The result of federated rounds that an environment took, as an input of a model's candidate.

A pin holds it: the rounds ran between sites, and only `ml-assets federated` changes it. Until there
is one, the model is trained without that family.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_assets.engine.session import Session
from ml_assets.history.ancestry import TAKEN
from ml_assets.keys.action import Action, Input
from ml_assets.spec.families import FromRounds
from ml_assets.spec.model import FitSpec, ModelSpec
from ml_assets.store.objects import Ref

_START = "rounds/"


def pin_name(model: str) -> str:
    """Return the name under which the rounds of a model are pinned."""
    return f"{_START}{model}"


def rounds_of(session: Session, model: str) -> Mapping[str, Any] | None:
    """Return what is pinned of the rounds that a model has; None before the first."""
    pinned: Mapping[str, Any] | None = session.pin(pin_name(model), _START)
    return pinned


def trainable(session: Session, name: str, model: ModelSpec) -> ModelSpec:
    """Return a model without the federated family, if there are no rounds yet."""
    families = model.training.families
    left = {n: f for n, f in families.items() if not isinstance(f, FromRounds)}
    if len(left) == len(families) or rounds_of(session, name) is not None:
        return model
    training = model.training.model_copy(update={"families": left})
    return model.model_copy(update={"training": training})


def taken_action(
    session: Session, group: str, name: str, spec: FitSpec, inputs: Mapping[str, Input], module: str
) -> Action:
    """Return the action that takes over the model of the rounds as a fitted family."""
    pinned = rounds_of(session, group)
    assert pinned is not None, f"{group} has no rounds"
    given = {**inputs, "rounds": Ref(pinned["digest"], "json")}
    return Action(f"fit:{name}", TAKEN, spec, given, {"family": module})
