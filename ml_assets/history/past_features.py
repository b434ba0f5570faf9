"""How the features of a past candidate were made: by which specs, by which action.

Belongs here: what is recorded. Does not belong here: making or predicting anything, which takes
heavy libraries (`scorer`).
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError

from ml_assets.errors import NotMaterialized
from ml_assets.history.origin import fitted_of
from ml_assets.history.past import features_action, params_of
from ml_assets.keys.specs import project_of
from ml_assets.spec.model import FeaturesSpec
from ml_assets.spec.project import Project
from ml_assets.store.home import Home
from ml_assets.store.objects import Ref
from ml_assets.store.records import ActionRecord, Version


@dataclass(frozen=True)
class PastFeatures:
    """How the newest features of a candidate were made."""

    made: ActionRecord
    project: Project
    """Of the specs of then: the model and its datasets."""
    spec: FeaturesSpec


def past_features(home: Home, model: str, version: Version) -> PastFeatures:
    """Return how a candidate's features were made; NotMaterialized if that is not known."""
    inputs = fitted_of(home, version).ingredients["inputs"]
    features = {batch: Ref(table, "table") for batch, table in inputs["features"]}
    made = features_action(home, model, features)
    if made is None or not made.ingredients.get("specs"):
        raise NotMaterialized(
            f"the store does not know by which specs the features of {model} v{version.number} "
            f"were made; `ml-assets run --force {model}/features` makes them again"
        )
    try:
        project = project_of(home.objects.json(made.ingredients["specs"]))
        return PastFeatures(made, project, FeaturesSpec.model_validate(params_of(made)))
    except ValidationError as error:
        raise NotMaterialized(
            f"the specs of {model} v{version.number} are of another version of ml_assets: {error}"
        ) from error
