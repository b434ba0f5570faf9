"""A past candidate, traced from its version to its training data.

Belongs here: the digests in its recorded actions. Does not belong here: today's specs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml_assets.errors import DamagedObject, NotMaterialized
from ml_assets.history.origin import fitted_of
from ml_assets.moved import moved
from ml_assets.store.home import Home
from ml_assets.store.objects import Ref
from ml_assets.store.records import ActionRecord
from ml_assets.store.state import load


@dataclass(frozen=True)
class Past:
    """A candidate's parts and its inputs."""

    number: int
    digest: str
    model: Ref
    """The model document."""
    family: str
    """The module that fitted it and predicts with it."""
    fit: Mapping[str, Any]
    """The params of the action that fitted it."""
    folds: Mapping[str, Ref]
    """`train` and `validation`: the rows that it has seen."""
    features: Mapping[str, Ref]
    """The features tables that the folds refer to, by batch."""
    target: str | None
    """Its target expression, from its own spec; None if that is no longer known."""
    key: tuple[str, ...]
    """The row key of its dataset then."""
    inputs: tuple[str, ...] = ()
    """Without a key: the columns by whose values its rows were known."""


def past(home: Home, model: str, digest: str) -> Past | None:
    """Return a candidate by its digest, or None if the store no longer has all that is needed.

    Needed are the version, its leaderboard, the action that fitted it, and the objects of its
    parts and inputs.
    """
    versions = home.records.versions(f"{model}/candidate")
    version = next((item for item in versions if item.digest == digest), None)
    if version is None:
        return None
    try:
        fitted = fitted_of(home, version)
    except (DamagedObject, NotMaterialized):
        return None
    inputs = fitted.ingredients["inputs"]
    folds = {fold: Ref(inputs[fold], "table") for fold in ("train", "validation")}
    features = {batch: Ref(table, "table") for batch, table in inputs["features"]}
    made = version.outputs["model"]
    needed = [made, *folds.values(), *features.values()]
    if home.objects.missing(sorted({ref.digest for ref in needed})):
        return None
    made_by = features_action(home, model, features)
    spec = None if made_by is None else made_by.ingredients["params"]
    return Past(
        number=version.number,
        digest=digest,
        model=made,
        family=moved.now(fitted.ingredients["hooks"]["family"]),
        fit=fitted.ingredients["params"],
        folds=folds,
        features=features,
        target=None if spec is None else str(spec["target"]),
        key=() if spec is None else tuple(spec["key"]),
        inputs=() if spec is None else tuple(spec.get("inputs", ())),
    )


def features_action(home: Home, model: str, features: Mapping[str, Ref]) -> ActionRecord | None:
    """Return the action that made the newest of some features tables, if it is known.

    `features` are in calendar order, as they were passed to the candidate.
    """
    for batch, ref in reversed(list(features.items())):
        for version in home.records.versions(f"{model}/features", batch):
            if version.digest == ref.digest:
                return home.records.action(version.actions.get("features", ""))
    return None


def params_of(made: ActionRecord) -> Mapping[str, Any]:
    """Return the params of an action in their order, which a key does not have."""
    call = made.ingredients.get("call")
    params: Mapping[str, Any] = made.ingredients["params"] if call is None else load(call)["params"]
    return params
