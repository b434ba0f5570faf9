"""A candidate's past for its release: from recorded actions, or from an existing release.

A version has the same origin for as long as it is kept. So a plan that finds an existing release
reads the origin from it, instead of from recorded actions, which may go back years.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml_assets.history.origin import fitted_of, origin
from ml_assets.keys.action import Input
from ml_assets.store.home import Home
from ml_assets.store.objects import Ref
from ml_assets.store.records import Version

EVALUATED = ("target", "target_unit", "predict_at")
INTERVALS = ("limits", "coverage")
"""The documents of prediction intervals: how they are made, and their coverage on test."""


@dataclass(frozen=True)
class ReleaseOrigin:
    """The parts of a candidate's past on which its release depends."""

    fitted: Mapping[str, Any]
    """The params with which the chosen family was fitted."""
    family: str
    """The module that predicts with the model."""
    evaluated: Mapping[str, Any]
    """Target, its unit and the prediction time of that evaluation."""
    lineage: Mapping[str, Any]
    inputs: Mapping[str, Input]
    """The bundle's inputs other than row accounting."""
    accounts: Mapping[str, Mapping[str, Ref]]
    """Row accounting by dataset and batch."""


def told(home: Home, model: str, version: Version, release: str | None) -> ReleaseOrigin:
    """Return a candidate's past; `release` is the action of the current release, if any.

    Raises NotMaterialized if a record is gone.
    """
    made = None if release is None else home.records.action(release)
    given = {} if made is None else json.loads(made.ingredients.get("call", "{}"))
    if given.get("params", {}).get("candidate") == version.digest:
        return _kept(home, version, given)
    lineage = origin(home, model, version)
    evaluated = lineage.evaluated.ingredients["params"]
    return ReleaseOrigin(
        fitted=lineage.fitted.ingredients["params"],
        family=str(lineage.fitted.ingredients["hooks"]["family"]),
        evaluated={name: evaluated[name] for name in EVALUATED},
        lineage=lineage.document(),
        inputs={
            "model": version.outputs["model"],
            "metrics": lineage.report["metrics"],
            "report": lineage.report["report"],
            "folds": _tables(lineage.folds),
            "features": _tables(lineage.features),
            **_intervals({**version.outputs, **lineage.report}),
        },
        accounts=lineage.accounts,
    )


def _kept(home: Home, version: Version, given: Mapping[str, Any]) -> ReleaseOrigin:
    """Return what the call of an existing release contains."""
    fitted = fitted_of(home, version)
    params, inputs = given["params"], given["inputs"]
    return ReleaseOrigin(
        fitted=fitted.ingredients["params"],
        family=str(fitted.ingredients["hooks"]["family"]),
        evaluated={name: params[name] for name in EVALUATED},
        lineage=params["lineage"],
        inputs={
            "model": version.outputs["model"],
            "metrics": Ref(inputs["metrics"], "json"),
            "report": Ref(inputs["report"], "bytes"),
            "folds": _tables(inputs["folds"]),
            "features": _tables(inputs["features"]),
            **_intervals({name: Ref(inputs[name], "json") for name in INTERVALS if name in inputs}),
        },
        accounts={
            dataset: {batch: Ref(digest, "json") for batch, digest in batches.items()}
            for dataset, batches in inputs["accounts"].items()
        },
    )


def _intervals(outputs: Mapping[str, Ref]) -> dict[str, Ref]:
    """Return the documents of prediction intervals, if there are any."""
    return {name: outputs[name] for name in INTERVALS if name in outputs}


def _tables(digests: Mapping[str, str]) -> dict[str, Ref]:
    return {name: Ref(digest, "table") for name, digest in digests.items()}
