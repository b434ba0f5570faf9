"""A past candidate as it predicts raw rows: by its own specs, and its own code where it has any.

Belongs here: what is recorded of a candidate. Does not belong here: today's specs and data
(`serve`).
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml_assets.history.coverage import coverage_of
from ml_assets.history.origin import fitted_of
from ml_assets.history.past_features import past_features
from ml_assets.history.stored_code.loaded import stored_modules
from ml_assets.moved import moved
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.score import score_spec
from ml_assets.stages.score.score import Scorer
from ml_assets.store.home import Home
from ml_assets.store.records import ActionRecord, Version


@dataclass(frozen=True)
class PastScorer:
    """A scorer, and the specs of the datasets that it was made from, by name."""

    scorer: Scorer
    datasets: Mapping[str, DatasetSpec]


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
