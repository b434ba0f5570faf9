"""The section that says when new data train a model: what it takes, and what it refuses."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ml_assets.errors import SpecError
from ml_assets.spec.project import read_project
from ml_assets.spec.retrain import Retrain, after, days
from ml_assets_tests.projects import FORECAST, SALES, Toy, write_project


@pytest.mark.parametrize(
    ("given_", "asked"),
    [
        ({}, []),
        ({"when": "always"}, []),
        ({"when": "drift"}, ["drift"]),
        ({"when": {"new_rows": 5}}, ["new_rows"]),
        ({"when": {"any": ["drift", {"loss": "realized"}]}}, ["drift", "loss"]),
        ({"when": {"all": [{"every": "1 month"}, {"new_rows": 1}]}}, ["every", "new_rows"]),
    ],
)
def test_conditions_are_named_or_have_a_value(given_: dict[str, Any], asked: list[str]) -> None:
    found = Retrain.model_validate(given_)
    assert [name for one in found.when.conditions for name in one.asked] == asked
    assert found.always == (not asked)


def test_a_limit_alone_defers() -> None:
    assert not Retrain.model_validate({"at_most": "1 a week"}).always


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"when": "drft"}, "got 'drft', wanted always, drift, or a condition such as new_rows: N"),
        ({"when": {}}, "got no condition; write `when: always`"),
        ({"when": {"new_rows": 0}}, "greater than or equal to 1"),
        ({"when": {"new_rows": 3, "drift": True}}, "got new_rows and drift, wanted one"),
        ({"when": {"any": ["drift"]}}, "at least 2 items"),
        ({"when": {"any": ["drift", "drift"]}}, "drift is asked for twice"),
        ({"when": {"any": ["drift", {}]}}, "got none, wanted one of new_rows, drift, loss, every"),
        ({"when": {"every": "1 fortnight"}}, "wanted a period such as '1 month'"),
        ({"at_most": "weekly"}, "wanted how often in which period, such as '1 a week'"),
        (
            {"when": {"every": "1 day"}, "at_most": "1 a week"},
            "`every: 1 day` and `at_most: 1 a week` contradict each other",
        ),
    ],
)
def test_what_is_no_policy_is_refused(given_: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as error:
        Retrain.model_validate(given_)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("{when: drift}", "retrain.when: drift is what monitoring reports say; set `monitoring:"),
        ("{when: {loss: realized}}", "retrain.when: loss is what monitoring reports say"),
        ("{when: {every: 1 month}}", "retrain.time: the data of sales have no time"),
    ],
)
def test_what_a_model_lacks_for_its_policy_is_told(tmp_path: Path, policy: str, said: str) -> None:
    write_project(tmp_path)
    toy = Toy(tmp_path)
    toy.edit(SALES, "  time: day\n", "")
    toy.edit(FORECAST, "  gate:", f"  retrain: {policy}\n  gate:")
    with pytest.raises(SpecError) as error:
        read_project(tmp_path / "toy" / "defs")
    assert said in str(error.value)


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),
    st.sampled_from(["1 hour", "2 days", "1 week", "1 month", "5 months", "1 year"]),
)
def test_a_period_is_about_its_days(start: datetime, period: str) -> None:
    begin = start.replace(tzinfo=UTC)
    passed = (after(begin, period) - begin).total_seconds() / 86_400
    assert abs(passed - days(period)) <= 4
    assert passed > 0
