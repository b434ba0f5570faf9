"""A small bundle made by the real stage, without a store."""

from __future__ import annotations

import hashlib
import io
import zipfile
from typing import Any

from ml_assets.engine.recipes.release import licences, programs
from ml_assets.spec.families import FamilySpec, LightGBM
from ml_assets.spec.release import ReleaseSpec
from ml_assets.stages.release.release import release
from ml_assets.stages.result import Result
from ml_assets.store.digest import canonical_json
from ml_assets_tests.handles import given
from ml_assets_tests.stages.flights import World, module

TREES = LightGBM(family="lightgbm", num_trees=4, num_leaves=4, min_data_in_leaf=10)
METRICS = {
    "metric": "mae",
    "rows": 120,
    "level": 0.95,
    "bootstrap": "2 days drawn with replacement, 100 times",
    "baseline_family": "median",
    "test": {"mae": 1.5, "r2": None},
    "intervals": {"mae": [1.25, 1.75], "r2": None},
    "baseline": {"mae": 9.0, "r2": None},
    "slices": [
        {
            "slice": "origin",
            "value": "EWR|JFK",
            "rows": 60,
            "few": True,
            "metrics": {"mae": 2.0},
            "interval": [1.0, 3.0],
            "baseline": 8.0,
        }
    ],
    "notes": ["r2 has no value"],
}
LINEAGE = {
    "candidate": "d1:candidate",
    "environment": {"python": "3.11", "lightgbm": "4.7.0"},
    "machine": {},
    "landed": [
        {"dataset": "trips", "batch": "day0", "digest": "d1:aa", "file": "day0.csv"},
        {"dataset": "planes", "batch": "", "digest": "d1:bb", "file": "planes.csv"},
    ],
    "actions": [],
    "code": {"d1:closure": {"acme.features": "cc"}},
}
ENTRY: dict[str, Any] = {
    "model": "delay",
    "env": "dev",
    "number": 1,
    "action": "promoted",
    "version": 3,
    "actor": "ann",
    "reason": "first",
    "at": "2026-11-01",
}
ENTRY["hash"] = hashlib.sha256(canonical_json(ENTRY)).hexdigest()
SUMMARY = {"landed": 100, "cleaned": 88, "filtered": {"cancelled": 10}, "quarantined": {"key": 2}}


def spec_of(world: World, family: FamilySpec, **changes: Any) -> ReleaseSpec:
    """Return what is said of the model in its bundle."""
    said: dict[str, Any] = {
        "model": "delay",
        "version": "v3",
        "candidate": "d1:candidate",
        "description": "Delay of a trip.",
        "owners": ("team:trips",),
        "task": world.task,
        "target": "delay",
        "target_unit": "min",
        "columns": world.columns,
        "dataset": "trips",
        "joins": ("planes",),
        "promotion": ENTRY,
        "lineage": LINEAGE,
        "files": programs(family.family),
        "licences": licences(),
    }
    return ReleaseSpec.model_validate(said | changes)


def released(
    task: str = "regression", family: FamilySpec = TREES, model: Any = None, **changes: Any
) -> Result:
    """Return the stage's result for a model fitted on sixty rows a day."""
    world = World(task, rows=60)
    document = model or world.fit(family).outputs["model"]
    return release(
        spec_of(world, family, **changes),
        family=module(family.family),
        model=given(document),
        metrics=given(METRICS),
        report=given(b"<html>report</html>"),
        folds={name: world.fold(name) for name in ("train", "validation", "test")},
        features=world.features,
        accounts={"trips": {"day0": given(SUMMARY), "day1": given(SUMMARY)}},
    )


def bundle_bytes(result: Result) -> bytes:
    """Return the archive."""
    found = result.outputs["bundle"]
    assert isinstance(found, bytes)
    return found


def files_of(result: Result) -> dict[str, bytes]:
    """Return the archive's files by name, without their folder."""
    content = result.outputs["bundle"]
    assert isinstance(content, bytes)
    with zipfile.ZipFile(io.BytesIO(content)) as source:
        return {name.split("/")[1]: source.read(name) for name in source.namelist()}
