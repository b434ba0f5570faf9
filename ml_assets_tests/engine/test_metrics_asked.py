"""Metrics that only a spec that names them has, from its YAML to the decision."""

from __future__ import annotations

import pytest

from ml_assets.errors import SpecError
from ml_assets_tests.engine.test_intervals import document
from ml_assets_tests.projects import FORECAST, Toy

ASKED = "    intervals: {resamples: 100}\n"


def test_a_metric_chooses_reports_and_decides(toy: Toy) -> None:
    toy.edit(FORECAST, "metric: mae", "metric: mape")
    toy.land_all()
    assert toy.make().faults == []
    board = document(toy, "candidate", "leaderboard")
    assert board["metric"] == "mape"
    assert set(board["families"][0]["metrics"]) == {"mae", "rmse", "r2", "median_ae", "mape"}
    values = [entry["value"] for entry in board["families"]]
    assert values == sorted(values)
    figures = document(toy, "evaluation_report", "metrics")
    low, high = figures["intervals"]["mape"]
    assert low < figures["test"]["mape"] < high
    assert all("mape" in entry["metrics"] for entry in figures["slices"])
    assert document(toy, "champion", "decision")["metric"] == "mape"
    toy.edit(FORECAST, "linear: {family: linear}", "linear: {family: linear, alpha: 2}")
    assert toy.make().faults == []
    assert document(toy, "champion", "decision")["comparison"] == "compared"
    assert "mape" in document(toy, "evaluation_report", "change")["figures"]


def test_metrics_of_a_list_are_reported_and_train_nothing(toy: Toy) -> None:
    toy.land_all()
    assert toy.make().faults == []
    before = document(toy, "evaluation_report", "metrics")["test"]
    toy.edit(FORECAST, ASKED, f"    metrics: [mape]\n{ASKED}")
    ran = toy.make()
    assert ran.faults == []
    assert ran.states["forecast/candidate"] == "reused"
    after = document(toy, "evaluation_report", "metrics")["test"]
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"mape"}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("[f1]", "'f1' is not for regression"),
        ("[maep]", "'maep' is not for regression; did you mean"),
        ("[mape, mape]", "'mape' is duplicated"),
        ("{mape: 3}", "mape"),
    ],
)
def test_what_is_no_metric_is_a_mistake(toy: Toy, asked: str, said: str) -> None:
    toy.edit(FORECAST, ASKED, f"    metrics: {asked}\n{ASKED}")
    with pytest.raises(SpecError, match=said):
        toy.plan()
