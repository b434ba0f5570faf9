"""A past candidate as it predicts raw rows: by its own specs, and its own code where it has any.

Belongs here: what is recorded of a candidate. Does not belong here: today's specs and data
(`serve`).
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ml_assets.errors import NotMaterialized
from ml_assets.history.coverage import coverage_of
from ml_assets.history.origin import fitted_of
from ml_assets.history.past import features_action, params_of
from ml_assets.history.stored_code.loaded import stored_modules
from ml_assets.keys.specs import project_of
from ml_assets.moved import moved
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.model import FeaturesSpec
from ml_assets.spec.project import Project
from ml_assets.spec.score import score_spec
from ml_assets.stages.score.score import Scorer
from ml_assets.store.home import Home
from ml_assets.store.objects import Ref
from ml_assets.store.records import ActionRecord, Version


@dataclass(frozen=True)
class PastScorer:
    """A scorer, and the specs of the datasets that it was made from, by name."""

    scorer: Scorer
    datasets: Mapping[str, DatasetSpec]


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


def past_scorer(home: Home, model: str, version: Version) -> PastScorer:
    """Return how a candidate predicts; NotMaterialized if the store has lost what it needs.

    HookError if its stored code cannot be imported.
    """
    fitted = fitted_of(home, version)
    past = past_features(home, model, version)
    datasets = past.project.datasets
    document = home.objects.json(version.outputs["model"].digest)
    hidden = any(c.sensitive for spec in datasets.values() for c in spec.columns.values())
    score = score_spec(datasets[past.spec.dataset], past.spec)
    limits = version.outputs.get("limits")
    scorer = Scorer(
        spec=score.model_copy(update={"hidden": hidden}),
        document=document,
        family=_family(home, document, fitted),
        hook=_function(home, past.made, "hook"),
        limits=home.objects.json(limits.digest) if limits is not None else None,
        coverage=coverage_of(home, model, version),
    )
    return PastScorer(scorer, datasets)


def _function(home: Home, made: ActionRecord, name: str) -> Any:
    reference = made.ingredients["hooks"].get(name)
    if reference is None:
        return None
    return stored_modules(home.objects.json(made.sources), made.sources).function(reference)


def _family(home: Home, document: Mapping[str, Any], fitted: ActionRecord) -> Any:
    """Return the module of a family: today's, but of a project's own family the stored one."""
    name = str(fitted.ingredients["hooks"]["family"])
    if not document["source"]:
        return importlib.import_module(moved.now(name))
    return stored_modules(home.objects.json(fitted.sources), fitted.sources).module(name)
