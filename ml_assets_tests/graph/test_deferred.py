"""A deferred candidate as people meet it: commands, the sensor's ticks, Dagster's page, `--now`."""

from __future__ import annotations

import shlex
import sys
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from ml_assets import clock
from ml_assets.graph import sensor_plan
from ml_assets.graph.keys import key_of
from ml_assets_tests import warm
from ml_assets_tests.cli.shell import toy_site
from ml_assets_tests.graph.test_sensor import Ticks
from ml_assets_tests.projects import FORECAST

pytestmark = pytest.mark.slow
FIRST = ("2020-01", "2020-02", "2020-03", "2020-04")
CANDIDATE = "forecast/candidate"
WHY = "not trained: 27 new rows of 400; last 30 days ago"


def test_all_say_the_same_and_a_person_may_train_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with toy_site(tmp_path / "project") as site:
        site.toy.edit(FORECAST, "test: 2", "test: 1")
        site.toy.edit(FORECAST, "min_rows: 30", "min_rows: 10")
        policy = "  owners: [team:sales]\n  retrain: {when: {new_rows: 400}}\n"
        site.toy.edit(FORECAST, "  gate:", f"{policy}  gate:")
        site.toy.land_all(FIRST)
        assert site.json("run")["success"]
        site.toy.land_all(["2020-05"])
        ran = site.json("run")
        assert ran["deferred"] == {"forecast": WHY}
        assert CANDIDATE not in ran["executed"]
        plan = site.json("plan", CANDIDATE)
        (row,) = plan["deferred"]
        assert (row["asset"], row["reason"], plan["due_at"]) == (CANDIDATE, WHY, None)
        assert row["figures"]["rows"] == 27
        (cell,) = site.json("why", CANDIDATE)["cells"]
        assert (cell["status"], cell["reason"]) == ("deferred", WHY)
        assert site.json("status", "forecast")["deferred"] == WHY
        assert [v["reason"] for v in site.json("policy", "forecast")["verdicts"]] == [WHY]

        with warm.python():
            python, log = tmp_path / "python", tmp_path / "started"
            python.write_text(
                f'#!/bin/sh\necho "$@" >> {shlex.quote(str(log))}\nexec {sys.executable} "$@"\n'
            )
        python.chmod(0o755)
        with monkeypatch.context() as patch, site.dagster() as instance, site.inside():
            patch.setattr(sys, "executable", str(python))
            patch.setattr(sensor_plan, "QUIET", 0.0)
            ticks = Ticks(site, instance, log)
            said = [ticks() for _ in range(4)]
            assert said[0] == f"nothing to do; forecast {WHY}"
            assert (
                said[1:]
                == [f"no changes since the last check, and nothing to do; forecast {WHY}"] * 3
            )
            assert (ticks.plans, ticks.requests) == (1, [])
            (seen,) = instance.fetch_observations(key_of(CANDIDATE), limit=5).records
            shown = seen.asset_observation
            assert shown is not None
            assert shown.metadata["not trained because"] == dg.TextMetadataValue(WHY)

        refused = site("run", "forecast", "--now", "--reason", "a new shop", code=2)
        said_no = "is not an owner of forecast; its owners may train it out of turn: team:sales"
        assert said_no in " ".join(refused.err.split())
        assert "--reason is for --now" in site("run", "forecast", "--reason", "x", code=2).err
        assert "--reason is missing" in site("run", "forecast", "--now", code=2).err
        site.more["ML_ASSETS_ACTOR"] = "team:sales"
        now = site.json("run", "forecast", "--now", "--reason", "a new shop")
        assert CANDIDATE in now["executed"]
        assert now["deferred"] == {}
        verdict = site.json("policy", "forecast")["verdicts"][-1]
        assert (verdict["train"], verdict["by"]) == (True, "team:sales")
        assert verdict["reason"] == "asked for by team:sales: a new shop"
        again = site.json("run", "forecast", "--now", "--reason", "once more")
        assert again["executed"] == []
        assert "so there is nothing to train now" in again["warnings"][0]


def test_a_tick_after_the_due_time_trains_though_nothing_else_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved, start = tmp_path / "clock", datetime.fromisoformat("2021-03-01T12:00:00+00:00")
    clock.move(moved, start)
    with toy_site(tmp_path / "project") as site:
        site.more[clock.CLOCK] = str(moved)
        site.toy.edit(FORECAST, "test: 2", "test: 1")
        site.toy.edit(FORECAST, "min_rows: 30", "min_rows: 10")
        policy = "  retrain: {when: {every: 1 month}, time: clock}\n"
        site.toy.edit(FORECAST, "  gate:", f"{policy}  gate:")
        site.toy.land_all(FIRST)
        assert site.json("run")["success"]
        clock.move(moved, start + timedelta(days=2, hours=12))
        site.toy.land_all(["2020-05"])
        assert list(site.json("run")["deferred"]) == ["forecast"]
        due = datetime.fromisoformat(site.json("plan", CANDIDATE)["due_at"])
        assert due.date().isoformat() == "2021-04-01"

        with monkeypatch.context() as patch, site.dagster() as instance, site.inside():
            patch.setattr(sensor_plan, "QUIET", 0.0)
            ticks = Ticks(site, instance, tmp_path / "none")
            assert ticks().startswith("nothing to do; forecast not trained: last 2 days ago")
            # The clock is set back, before the training: what is due stays as far away.
            clock.move(moved, start - timedelta(days=3))
            assert ticks().startswith("no changes since the last check")
            clock.move(moved, due - timedelta(minutes=5))
            assert ticks().startswith("no changes since the last check")
            clock.move(moved, due + timedelta(minutes=5))
            assert (ticks(), len(ticks.requests)) == ("", 1)
        assert CANDIDATE in site.json("run")["executed"]
        clock.move(moved, start)
        site.toy.land_all(["2020-06"])
        (said,) = site.json("run")["deferred"].values()
        assert said.startswith("not trained: the time is 31 days before the last training")
        assert site.json("why", CANDIDATE)["cells"][0]["reason"] == said
        assert site.json("policy", "forecast")["verdicts"][-1]["reason"] == said
        assert site.json("plan", CANDIDATE)["due_at"] > due.isoformat()


def test_a_withdrawn_batch_waits_and_is_named_until_the_model_is_trained(tmp_path: Path) -> None:
    with toy_site(tmp_path / "project") as site:
        site.toy.edit(FORECAST, "test: 2", "test: 1")
        site.toy.edit(FORECAST, "min_rows: 30", "min_rows: 10")
        policy = "  retrain: {when: {new_rows: 40}}\n"
        site.toy.edit(FORECAST, "  gate:", f"{policy}  gate:")
        site.toy.land_all(FIRST)
        assert site.json("run")["success"]
        made = site.json("status", "forecast")["candidate"]["digest"]
        site("withdraw", "sales", "--batch", "2020-02", "--reason", "of another shop")
        ran = site.json("run")
        assert ran["success"]
        wanted = (
            "not trained: 0 new rows of 40; last 0 hours ago; withdrawn and still in the model: "
        )
        assert ran["deferred"] == {"forecast": f"{wanted}2020-02"}
        assert site.json("why", CANDIDATE)["cells"][0]["status"] == "deferred"
        assert site.json("status", "forecast")["candidate"]["digest"] == made
        # The folds are without it at once; the candidate's report keeps those it was made from.
        folds = site.json("versions", "forecast/train_split")
        assert len(folds) == 2
        site.toy.land_all(["2020-05", "2020-06"])
        ran = site.json("run")
        assert ran["deferred"] == {}
        assert CANDIDATE in ran["executed"]
        assert site.json("status", "forecast")["candidate"]["digest"] != made
        verdict = site.json("policy", "forecast")["verdicts"][-1]
        assert (verdict["train"], verdict["reason"]) == (True, "54 new rows of 40")
