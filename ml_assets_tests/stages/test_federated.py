"""The family `federated`: finished rounds taken over as they are."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from ml_assets.faults import StageError
from ml_assets.spec.families import FromRounds
from ml_assets.spec.model import FeatureColumn, FitSpec
from ml_assets.stages.train import federated
from ml_assets_tests.handles import Given

ROWS = pa.table({"age": [1.0, 2.0, 3.0, None], "_target": [10.0, 20.0, 10.0, 20.0]})
ARRAYS = {
    "roots": [0],
    "feature": [0, -1, -1],
    "threshold": [1.5],
    "right": [2],
    "missing": [0],
    "members": {},
    "leaf": [0.0, 10.0],
}
STATE = {
    "task": "regression",
    "inputs": [{"column": "age"}],
    "kind": "trees",
    "mean": False,
    "arrays": ARRAYS,
    "start": [10.0],
    "trees": 1,
    "importance": [1.0],
}
MODEL = {
    "format": 1,
    "family": "hist_gradient_boosting",
    "source": None,
    "baseline": False,
    "task": "regression",
    "columns": {"age": "number"},
    "categories": {},
    "classes": [],
    "settings": {"family": "federated", "sites": ["north", "south"], "rounds": 2},
    "state": STATE,
}


def _taken(columns: dict[str, FeatureColumn]) -> Any:
    spec = FitSpec(
        task="regression",
        metric="mae",
        family=FromRounds(family="federated"),
        columns=columns,
        threads=1,
        seed=1,
    )

    def rows(start: int, stop: int) -> Given:
        return Given(pa.table({"batch": ["b"], "start": [start], "stop": [stop]}))

    rounds = {"model": MODEL, "notes": ["south: small"], "curve": {"metric": "mae"}}
    return federated.taken(
        spec,
        family=federated,
        train=rows(0, 1),
        validation=rows(1, 4),
        features={"b": Given(ROWS)},
        rounds=Given(rounds),
    )


def test_the_model_is_kept_and_measured_on_the_own_validation_rows() -> None:
    result = _taken({"age": FeatureColumn(type="number")})
    assert result.outputs["model"] == MODEL
    scores: Any = result.outputs["scores"]
    # 20, 20, 20 (missing goes right) for 20, 10, 20.
    assert scores["validation"]["mae"] == pytest.approx(10 / 3)
    assert scores["rows"] == {"train": 1, "validation": 3}
    assert (scores["trees"], scores["baseline"]) == (1, False)
    assert scores["notes"] == ["south: small"]


def test_rounds_of_other_features_are_refused() -> None:
    columns = {"age": FeatureColumn(type="integer"), "ward": FeatureColumn(type="category")}
    with pytest.raises(StageError, match=r"of another model: age, ward changed since"):
        _taken(columns)


def test_it_is_fitted_nowhere_here() -> None:
    settings: Any = FromRounds(family="federated")
    nothing: Any = None
    with pytest.raises(StageError, match="learned in rounds between sites"):
        federated.fit(settings, nothing, nothing, nothing)
    with pytest.raises(StageError, match="learned in rounds between sites"):
        federated.refit(settings, {}, nothing, nothing)
