"""A check, a metric and a family of the user's own, as files in a model's folder: no fork."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import ml_assets
from ml_assets_tests.cli.shell import Site
from ml_assets_tests.graph import events
from ml_assets_tests.prepared import made_site

MONTHS = ("2020-01", "2020-02", "2020-03", "2020-04")
MODEL = "toy/defs/forecast/defs.yaml"
CHECKS = '''\
"""Checks of our own."""


def promoted(frame):
    """At least five rows with a promotion."""
    count = int(frame["promo"].sum())
    return count >= 5, {"promoted": count}
'''
METRICS = '''\
"""Metrics of our own."""

import numpy as np


def largest(target, prediction):
    """The largest error."""
    return float(np.abs(target - prediction).max())
'''
FAMILY = '''\
"""The mean by promotion."""

import numpy as np


def means(fold, shift):
    promo = np.asarray(fold.features["promo"].combine_chunks().fill_null(0)).astype(bool)
    return {str(int(v)): float(fold.target[promo == v].mean()) + shift for v in (False, True)}


def fit(settings, train, validation, context):
    return {"means": means(train, settings["shift"]), "shift": settings["shift"]}


def refit(settings, state, fold, context):
    return {"means": means(fold, state["shift"]), "shift": state["shift"]}


def predict(state, batch):
    promo = np.asarray(batch["promo"].combine_chunks().fill_null(0)).astype(bool)
    return np.where(promo, state["means"]["1"], state["means"]["0"])
'''


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a project with extensions, materialized."""
    with made_site(tmp_path_factory, "extension", _materialize) as site:
        yield site


def _materialize(site: Site) -> None:
    folder = site.root / "toy" / "defs" / "forecast"
    (folder / "checks.py").write_text(CHECKS)
    (folder / "metrics.py").write_text(METRICS)
    (folder / "by_promo.py").write_text(FAMILY)
    family = "{family: custom, module: 'by_promo.py:by_promo', settings: {shift: 0.0}}"
    site.toy.edit(MODEL, "linear: {family: linear}", f"by_promo: {family}")
    site.toy.edit(
        MODEL, "  evaluation:\n", "  evaluation:\n    metrics: {largest: metrics.py:largest}\n"
    )
    site.toy.edit(MODEL, "  split:", "  checks: {promoted: checks.py:promoted}\n  split:")
    site.toy.land_all(MONTHS)
    answer = site.json("run")
    assert answer["success"], answer["faults"]


def test_the_check_is_shown_for_every_batch(site: Site) -> None:
    assert events.checks(site, "forecast/features", "promoted") == dict.fromkeys(
        MONTHS, events.GREEN
    )
    verdict = events.check(site, "forecast/features", "promoted", "2020-02")
    assert verdict.metadata["promoted"].value == 8


def test_the_metric_is_in_the_report(site: Site) -> None:
    metrics = site.json("status", "forecast")["candidate"]["metrics"]
    assert metrics["test"]["largest"] >= metrics["test"]["mae"]
    assert "largest" in metrics["baseline"]


def test_the_family_is_chosen_and_predicts(site: Site) -> None:
    candidate = site.json("status", "forecast")["candidate"]
    assert candidate["family"] == "by_promo"
    assert candidate["metrics"]["test"]["mae"] < candidate["metrics"]["baseline"]["mae"]
    with site.inside():
        model = ml_assets.load("forecast/candidate")
        features = ml_assets.load("forecast/features", partition="2020-01")
        predicted = model.predict(features)
    promo = features["promo"].astype(bool).to_numpy()
    assert set(predicted[promo]) == {model.document["state"]["means"]["1"]}
    site.toy.forget()


def test_another_setting_trains_that_family_alone(site: Site) -> None:
    site.toy.edit(MODEL, "shift: 0.0", "shift: 0.5")
    plan = site.json("plan")
    assert [row["asset"] for row in plan["run"]] == [
        "forecast/candidate",
        "forecast/evaluation_report",
    ]
    reason = site.json("why", "forecast/candidate")["cells"][0]["reason"]
    assert "shift" in reason
    assert "median" not in reason


def test_a_check_that_breaks_its_promise_names_the_file(site: Site) -> None:
    site.toy.edit("toy/defs/forecast/checks.py", "return count >= 5, ", "return 'many', ")
    answer = site.json("run", "forecast/features", code=1)
    assert "checks.py:promoted returned" in "\n".join(answer["faults"])
    site.toy.edit("toy/defs/forecast/checks.py", "return 'many', ", "return count >= 5, ")
    assert site.json("run")["run_id"] is None
