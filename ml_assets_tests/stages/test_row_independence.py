"""Features that look at other rows are found; honest ones are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ml_assets.stages.check.row_independence import check
from ml_assets.stages.features import features
from ml_assets.stages.result import Check
from ml_assets_tests.handles import given
from ml_assets_tests.stages.flight_features import spec

COUNT = 1200


def verdict(hook: Callable[..., Any], kind: str = "number", count: int = COUNT) -> Check:
    row = np.arange(count)
    main = pa.table(
        {
            "_line": row + 2,
            "number": row,
            "carrier": pa.array([f"c{n % 7}" for n in row], pa.string()).dictionary_encode(),
            "at": pa.array(row * 1_000_000, pa.timestamp("us", "UTC")),
            "dep": pa.array(row % 50 * 0.1, mask=row % 11 == 0),
            "arr": row * 1.0,
        }
    )
    weather = given(pa.table({"_line": [2, 3], "temp": [30.0, 50.0]}))
    inputs = {"main": given(main), "joins": {"weather": weather}, "previous": {}}
    asked = spec(columns={"x": {"type": kind}})
    made = given(features(asked, hook=hook, **inputs).outputs["features"])
    (found,) = check(asked, hook=hook, features=made, **inputs).checks
    return found


def from_rows(make: Callable[[pd.DataFrame, pd.DataFrame], Any]) -> Callable[..., Any]:
    def hook(flights: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"x": make(flights, weather)}, index=flights.index)

    return hook


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda flights, weather: flights["dep"] / 3 + weather["temp"].mean(), "number"),
        (lambda flights, weather: flights["number"] % 5, "integer"),
        (lambda flights, weather: flights["carrier"], "category"),
        (lambda flights, weather: flights["carrier"] == "c1", "boolean"),
    ],
)
def test_a_row_from_itself_and_joined_frames_is_green(make: Any, kind: str) -> None:
    found = verdict(from_rows(make), kind)
    assert found.passed
    assert found.description == "the same in its batch, permuted (512 rows) and alone (3 rows)"


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda flights, weather: flights["dep"] - flights["dep"].mean(), "number"),
        (lambda flights, weather: flights["number"].shift(), "number"),
        (lambda flights, weather: flights["number"].rank(), "number"),
        (lambda flights, weather: flights["carrier"].cat.codes, "integer"),
        (lambda flights, weather: np.arange(len(flights)), "integer"),
        (lambda flights, weather: flights["number"] == flights["number"].max(), "boolean"),
        (lambda flights, weather: flights["carrier"] if len(flights) > 700 else None, "category"),
    ],
)
def test_a_row_from_other_rows_is_red_and_named(make: Any, kind: str) -> None:
    found = verdict(from_rows(make), kind)
    assert found.passed is False
    assert found.description.startswith("differs when rows are permuted or alone: x (")
    assert found.metadata["differing"]["x"] > 0


def test_a_joined_frame_that_is_changed_does_not_reach_the_next_call() -> None:
    def add(flights: pd.DataFrame, weather: pd.DataFrame) -> Any:
        assert "more" not in weather
        weather["more"] = 1.0
        return flights["dep"]

    assert verdict(from_rows(add)).passed


def test_small_and_empty_batches() -> None:
    same = from_rows(lambda flights, weather: flights["dep"])
    assert verdict(same, count=2).passed
    assert verdict(same, count=0).passed is None
