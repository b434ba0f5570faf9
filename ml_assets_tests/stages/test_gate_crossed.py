"""Few rows: how candidate and champion are made is compared by cross-validation."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ml_assets.spec.crossed import CrossedSpec
from ml_assets.spec.families import Linear
from ml_assets.spec.gate import NotWorse
from ml_assets.spec.model import FeatureColumn, FitSpec
from ml_assets.stages.gate.crossed import crossed
from ml_assets_tests.handles import given
from ml_assets_tests.stages.flights import references
from ml_assets_tests.stages.gate_world import decision, line, spec

FIT = FitSpec(
    task="regression",
    metric="mae",
    family=Linear(family="linear"),
    columns={"x": FeatureColumn(type="number")},
    threads=1,
    seed=1,
)


def off_by(error: float, noise: float = 0.0) -> Any:
    """Return a family that knows the target, which is x, and errs."""

    def refit(_: Any, state: Mapping[str, Any], fold: Any, __: Any) -> dict[str, Any]:
        assert set(fold.features.column_names) == {"x"}
        return dict(state)

    def predict(_: Mapping[str, Any], batch: pa.Table) -> Any:
        x = batch["x"].to_numpy()
        return x + error + noise * np.where(x % 2 == 0, 1.0, -1.0)

    return SimpleNamespace(refit=refit, predict=predict)


def compared(
    ours: Any,
    theirs: Any,
    rows: int = 50,
    least: int = 100,
    state: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Any:
    x = np.arange(rows, dtype=np.float64)
    features = {
        "all": given(pa.table({"_key": x.astype(int).astype(str), "_target": x, "x": x}), "d1:all")
    }
    cuts = [0, rows - 20, rows - 10, rows]
    parts = [references([("all", *cut)]) for cut in pairwise(cuts)]
    told = {
        "fit": FIT,
        "champion": FIT,
        "min_rows": least,
        "not_worse": NotWorse(margin=0.5),
        "grouped": False,
        "seed": 1,
    }
    result = crossed(
        CrossedSpec(**(told | changes)),
        family=ours,
        champion_family=theirs,
        model=given({"state": {}}),
        champion=given({"state": state or {}}),
        train=parts[0],
        validation=parts[1],
        test=parts[2],
        features=features,
        champion_train=parts[0],
        champion_validation=parts[1],
        champion_features=features,
    )
    return result.outputs["crossed"]


def test_errors_that_do_not_vary_are_compared_exactly() -> None:
    found = compared(off_by(1.0), off_by(3.0))
    assert found["candidate"] == pytest.approx(1.0)
    assert found["champion"] == pytest.approx(3.0)
    assert found["worse"] == pytest.approx(-2.0)
    assert found["limit"] == pytest.approx(-2.0)
    assert found["rows"] == 50


def test_the_limit_has_the_variance_of_parts_that_overlap() -> None:
    found = compared(off_by(0.25, noise=1.0), off_by(0.0))
    # Each part's error is 1 plus or minus a quarter of how far its even and odd rows are apart.
    assert found["worse"] == pytest.approx(1.0, abs=0.02)
    assert found["low"] < found["worse"] < found["limit"]
    assert found["limit"] - found["worse"] == pytest.approx(found["worse"] - found["low"])


def test_nothing_is_fitted_where_enough_rows_are_left() -> None:
    assert compared(None, None, least=10) == {"why": "10 rows are left that neither model has seen"}


def test_a_constant_model_is_refitted_by_nobody() -> None:
    found = compared(None, None, state={"constant": 3.0})
    assert found == {"why": "a model is constant, so there is nothing to refit"}


def test_too_few_rows_for_parts() -> None:
    assert compared(None, None, rows=24) == {"why": "24 rows are too few for 5 parts"}


def test_what_fails_to_learn_is_the_reason() -> None:
    from ml_assets.errors import HookError

    def refit(*_: Any) -> dict[str, Any]:
        raise HookError("nearest.py:refit raised ZeroDivisionError")

    broken = SimpleNamespace(refit=refit, predict=None)
    found = compared(broken, off_by(0.0))
    assert found == {"why": "nearest.py:refit raised ZeroDivisionError"}


@pytest.mark.parametrize(
    ("figures", "verdict", "said"),
    [
        ({"worse": -1.0, "low": -1.5, "limit": -0.5}, "promote", "better by 1.000 EUR"),
        ({"worse": 0.0, "low": -1.5, "limit": 1.5}, "challenger", "not decidable on 60 rows: mae"),
        ({"worse": 4.0, "low": 3.0, "limit": 5.0}, "refuse", "worse by 4.000 EUR"),
        ({"why": "24 rows are too few for 5 parts"}, "challenger", "not decidable: 24 rows are"),
    ],
)
def test_what_is_not_shown_waits_for_a_person(
    figures: dict[str, Any], verdict: str, said: str
) -> None:
    document = figures
    if "why" not in figures:
        document = {
            "rows": 60,
            "repeats": 5,
            "parts": 5,
            "candidate": 5.0,
            "champion": 6.0,
            "margin": 0.5,
            "confidence": 0.95,
            **figures,
        }
    found = decision(spec(gate={"min_rows": 5000}), crossed=given(document))
    assert found["verdict"] == verdict
    assert found["comparison"] == "crossed"
    assert said in line(found, "not_worse")["text"]
    assert said in found["sentence"]
    assert line(found, "unseen_rows")["passed"] is None


def test_enough_unseen_rows_are_compared_as_they_are() -> None:
    found = decision(crossed=given({"why": "300 rows are left that neither model has seen"}))
    assert found["comparison"] == "compared"
    assert "crossed" not in found
