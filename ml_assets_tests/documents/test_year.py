"""The year in production, shortened: a month of traffic, a twelfth of the flights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from docs.year.page import PAGE, events, plots
from docs.year.project import write_project
from docs.year.world import World, first_of
from ml_assets.spec.project import read_project
from ml_assets_tests import warm
from ml_assets_tests.processes import ROOT

WORDS = ["--first", "3", "--last", "7", "--days", "1", "--every", "12", "--apart", "1"]


def test_the_project_of_the_year_is_the_demos_with_some_edits(tmp_path: Path) -> None:
    write_project(tmp_path / "project", every=10)
    model = read_project(tmp_path / "project" / "year" / "defs").models["flight_delay"]
    assert (model.gate.mode, model.gate.min_rows) == ("trial", 500)
    assert list(model.training.families) == ["median", "carrier_median", "lightgbm"]
    assert model.retrain.at_most == "1 per 2 months"
    assert [c.new_rows for c in model.retrain.when.conditions] == [2000, None]
    assert model.gate.not_worse is not None
    assert model.gate.not_worse.margin == "5%"


def test_a_feed_leaves_labels_out_and_changes_nothing_else(tmp_path: Path) -> None:
    world = World(tmp_path / "sample", tmp_path / "landing", tmp_path / "clock", 0)
    world.sample.mkdir()
    whole = world.sample / "flights-2013-07.csv"
    whole.write_text("day,dep_time,arr_time,arr_delay,air_time,origin\n1,05,,3.0,1,NA\n")
    world.deliver("flights", 7, labels=False)
    landed = world.landing / "flights" / "flights-2013-07.csv"
    assert landed.read_text() == "day,dep_time,origin\n1,05,NA\n"
    world.deliver("flights", 7)
    assert landed.read_text() == whole.read_text()
    assert [path.name for path in landed.parent.iterdir()] == [landed.name]
    assert first_of(13).isoformat() == "2014-01-01T06:00:00+00:00"


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    words = [sys.executable, "-m", "docs.year", "--folder", str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "holds something else; name a new folder" in done.stderr
    assert (tmp_path / "thesis.tex").exists()


@pytest.mark.slow
def test_a_month_plays_by_itself(tmp_path: Path) -> None:
    folder = tmp_path / "year"
    words = [sys.executable, "-m", "docs.year", "--folder", str(folder), *WORDS]
    environ = {**os.environ, "PYTHONPATH": warm.path()}
    done = subprocess.run(words, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads((folder / "year.json").read_text())
    assert found["failed"] == []
    first, second = found["promotions"]
    assert (first["action"], first["version"], first["at"]) == ("promoted", "v0", "2013-07-01")
    assert list(found["asked"]) == ["2013-07-05"]
    # What was asked became data, by the clock that was moved.
    (day,) = found["days"]
    assert (day["batch"], day["rows"]) == ("2013-07-05", found["asked"]["2013-07-05"])
    assert day["version"] == "v0"
    assert day["realized"]
    (month,) = found["months"]
    assert month["batch"] == "2013-07"
    assert month["realized"]
    # The labels of July are enough for a training; a trial decides on what it made.
    assert [(v["at"], v["train"]) for v in found["verdicts"]] == [("2013-09-01", True)]
    assert (second["action"], second["version"], second["at"]) == ("waiting", "v1", "2013-09-01")
    said = [what for _, _, what in events(found)]
    assert any(what.startswith("Trained: ") for what in said)
    assert [plot.name for plot in plots(found)] == ["quality", "fault"]
    assert "<!-- year: events -->" in PAGE.read_text()
