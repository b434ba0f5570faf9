"""Features made from joined rows of the future are found; honest ones are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ml_assets.spec.model import MomentsSpec
from ml_assets.stages.check.join_leakage import check
from ml_assets.stages.features import features
from ml_assets.stages.result import Check
from ml_assets_tests.handles import given
from ml_assets_tests.stages.flight_features import spec

HOUR = 3_600_000_000
HOURS = 48


def hourly(start: int) -> pa.Table:
    """Return an observation each hour; its value is the number of its hour."""
    hours = start + np.arange(HOURS)
    at = pa.array(hours * HOUR, pa.timestamp("us", "UTC"))
    return pa.table({"_line": hours, "at": at, "temp": hours * 1.0})


def verdict(hook: Callable[..., Any], before: bool = False, at: str = "at") -> Check:
    """Check four flights an hour over two days, at the minutes 0, 15, 30 and 45."""
    row = np.arange(4 * HOURS)
    main = pa.table(
        {
            "_line": row + 2,
            "number": row,
            "carrier": pa.array(["UA"] * len(row)).dictionary_encode(),
            "at": pa.array(row * HOUR // 4, pa.timestamp("us", "UTC")),
            "dep": pa.array([15.0] * len(row)),
            "arr": row * 1.0,
        }
    )
    weather = {"weather": given(hourly(0))}
    previous = {"weather": [given(hourly(-HOURS))]} if before else {}
    inputs = {"main": given(main), "joins": weather, "previous": previous}
    plain = spec(columns={"x": {"type": "number"}})
    made = given(features(plain, hook=hook, **inputs).outputs["features"])
    asked = MomentsSpec(**dict(plain), moments={"weather": at}, times={"weather": "at"})
    (found,) = check(asked, hook=hook, features=made, **inputs).checks
    return found


def newest(hours: int) -> Callable[..., Any]:
    """Return a function: the newest observation, some hours after the flight leaves."""

    def hook(
        flights: pd.DataFrame, weather: pd.DataFrame, weather_previous: Any = ()
    ) -> pd.DataFrame:
        known = pd.concat([*weather_previous, weather])
        moments = flights["at"] + pd.Timedelta(hours=hours)
        at = np.searchsorted(known["at"], moments, side="right") - 1
        values = known["temp"].to_numpy()
        found = np.where(at < 0, np.nan, values[np.maximum(at, 0)])
        return pd.DataFrame({"x": found}, index=flights.index)

    return hook


@pytest.mark.parametrize("before", [False, True])
def test_the_newest_row_up_to_the_moment_is_green(before: bool) -> None:
    found = verdict(newest(0), before)
    assert found.passed
    assert found.description.startswith("the same without the joined rows that are later (")
    assert found.metadata["differing"] == {}


@pytest.mark.parametrize(("hours", "line", "rows"), [(1, 14, 8), (24, 2, 13 + 37 + 6 * 48)])
def test_a_row_of_the_next_hour_or_day_is_red_with_counts_and_a_line(
    hours: int, line: int, rows: int
) -> None:
    found = verdict(newest(hours))
    assert (found.passed, found.severity) == (False, "error")
    assert found.metadata["differing"] == {"weather": {"x": rows}}
    assert found.description.startswith(
        "made from rows of weather that are later than the prediction: x ("
    )
    assert f", such as line {line} of the batch" in found.description


def test_a_mean_over_the_batch_is_red() -> None:
    def hook(flights: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"x": weather["temp"].mean()}, index=flights.index)

    assert verdict(hook).passed is False


def test_what_the_moment_allows_is_green() -> None:
    later = newest(1)
    assert verdict(later, at="at").passed is False
    assert verdict(later, at="at + '1h'").passed
    assert verdict(later, at="at + 4 * dep * '1 min'").passed


def test_the_same_rows_are_asked_each_time() -> None:
    assert verdict(newest(1)) == verdict(newest(1))


def test_no_row_says_its_moment() -> None:
    found = verdict(newest(0), at="at + dep * '3650000 days'")
    assert found.passed is None
    assert found.description == "no row says when its prediction is made"
