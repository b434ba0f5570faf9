"""The year in production: its project and its feeds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from docs.year.project import write_project
from docs.year.world import World, first_of
from ml_assets.spec.project import read_project
from ml_assets_tests.processes import ROOT


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
