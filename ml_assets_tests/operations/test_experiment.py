"""Experiments on the toy project: what is fitted, what is reused, what stays as it was."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from ml_assets.errors import NotMaterialized, UnknownName
from ml_assets.operations.adopt import adopt
from ml_assets.operations.experiment import Experiment, Tried
from ml_assets.operations.experiment_plot import plot
from ml_assets.operations.variation import axes, vary
from ml_assets_tests import processes
from ml_assets_tests.projects import Toy

ALPHA = "training.families.linear.alpha"
GRID = ["train.linear.alpha=0.1,1,10"]
OWN = '''\
"""A family that fails for one of its settings."""


def fit(settings, train, validation, context):
    if settings["shift"] == 2:
        raise ValueError("two is too much")
    return {"value": float(settings["shift"])}


def refit(settings, state, fold, context):
    return state


def predict(state, batch):
    import numpy as np

    return np.full(len(batch), state["value"])
'''


def _tried(toy: Toy, texts: list[str], trials: int | None = None) -> list[Tried]:
    experiment = Experiment(toy.planner(), "forecast")
    return experiment.run(axes(experiment.model, texts, trials is not None), trials)


def test_a_grid_is_fitted_once_and_moves_no_pointer(made: Toy) -> None:
    before = made.digests()
    first = _tried(made, GRID)
    assert [tried.name for tried in first] == ["alpha=0.1", "current", "alpha=10.0"]
    assert [tried.executed for tried in first] == [True, False, True]
    assert first[1].settings == {ALPHA: 1.0}
    assert first[0].value < first[1].value < first[2].value  # type: ignore[operator]
    assert first[0].metrics["mae"] == first[0].value
    assert first[0].rows == {"train": 81, "validation": 27}
    again = _tried(made, GRID)
    assert [(t.name, t.value) for t in again] == [(t.name, t.value) for t in first]
    assert not any(tried.executed for tried in again)
    assert made.digests() == before
    assert made.plan().todo == []


def test_the_best_adopted_trains_nothing(made: Toy) -> None:
    planner = made.planner()
    experiment = Experiment(planner, "forecast")
    experiment.run(axes(experiment.model, GRID, ranges=False))
    settings = {ALPHA: 0.1}
    experiment.prepare(settings)
    wanted = vary(experiment.model, settings)
    adopt(planner.project.folders["forecast"] / "defs.yaml", settings, wanted)
    todo = {str(item.cell): item.status for item in made.plan().todo}
    assert todo == {
        "forecast/candidate": "reuse",
        "forecast/evaluation_report": "run",
        "forecast/champion": "run",
        "forecast/release": "maybe",
    }
    assert made.make("forecast/candidate").states == {"forecast/candidate": "reused"}


def test_a_search_is_the_same_when_started_again(made: Toy) -> None:
    texts = ["train.linear.alpha=0.01..100", "train.linear.max_rows=50,100000"]
    first = _tried(made, texts, trials=5)
    assert len(first) == 6
    for tried in first:
        assert 0.01 <= tried.settings[ALPHA] <= 100
        assert float(f"{tried.settings[ALPHA]:.4g}") == tried.settings[ALPHA]
    longer = _tried(made, texts, trials=7)
    assert {tried.name for tried in longer if not tried.executed} == {t.name for t in first}


def test_folds_that_are_not_made_are_not_made_by_an_experiment(toy: Toy) -> None:
    with pytest.raises(UnknownName, match="no model named 'forcast'; did you mean 'forecast'"):
        Experiment(toy.planner(), "forcast")
    toy.land_all(("2020-01", "2020-02"))
    with pytest.raises(NotMaterialized, match=r'ml-assets run "\+forecast/validation_split"'):
        Experiment(toy.planner(), "forecast")


def test_a_variation_that_fails_does_not_stop_the_others(made: Toy) -> None:
    (made.root / "toy" / "defs" / "forecast" / "own.py").write_text(OWN)
    made.edit(
        "toy/defs/forecast/defs.yaml",
        "      linear: {family: linear}\n",
        "      linear: {family: linear}\n"
        "      own: {family: custom, module: own.py:mine, settings: {shift: 20}}\n",
    )
    tried = _tried(made, ["train.own.settings.shift=1,2,21"])
    assert [item.name for item in tried[2:]] == ["shift=1", "shift=2"]
    assert {item.name for item in tried[:2]} == {"current", "shift=21"}
    assert tried[3].value is None
    assert tried[3].fault is not None
    assert "two is too much" in tried[3].fault
    assert plot(tried, ["training.families.own.settings.shift"], "mae").startswith(b"<?xml")


def test_damaged_scores_are_made_again(made: Toy) -> None:
    first = _tried(made, GRID)
    planner = made.planner()
    experiment = Experiment(planner, "forecast")
    (axis,) = axes(experiment.model, GRID, ranges=False)
    record = planner.home.records.current("dev", "forecast/candidate")
    assert record is not None
    done = planner.home.records.action(record.actions["fit:linear"])
    assert done is not None
    Path(planner.home.objects.path(done.outputs["scores"].digest)).write_bytes(b"{}")
    again = experiment.run([axis])
    assert [(t.name, t.value) for t in again] == [(t.name, t.value) for t in first]
    assert [t.name for t in again if t.executed] == ["current"]


KILLED = """
import os, signal, sys
from pathlib import Path
from ml_assets.operations.experiment import Experiment
from ml_assets.operations.variation import axes
from ml_assets.store.records import Records
from ml_assets_tests.projects import Toy

real, left = Records.record_action, [2]

def record(self, *arguments, **options):
    real(self, *arguments, **options)
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)

Records.record_action = record
experiment = Experiment(Toy(Path(sys.argv[1])).planner(), "forecast")
experiment.run(axes(experiment.model, ["train.linear.alpha=2,3,4,5"], ranges=False))
"""


def test_a_killed_experiment_goes_on(made: Toy) -> None:
    made.close()
    processes.run(KILLED, made.root, code=-signal.SIGKILL)
    tried = _tried(made, ["train.linear.alpha=2,3,4,5"])
    reused = {item.name for item in tried if not item.executed}
    assert reused == {"current", "alpha=2.0", "alpha=3.0"}
    assert len(tried) == 5


def test_the_picture_has_a_panel_for_each_setting(made: Toy) -> None:
    texts = ["train.linear.alpha=0.1,10", "train.linear.max_rows=50,60"]
    tried = _tried(made, texts)
    paths = [ALPHA, "training.families.linear.max_rows"]
    picture = plot(tried, paths, "mae")
    assert picture == plot(tried, paths, "mae")
    for label in (b"alpha", b"max_rows", b"mae on validation"):
        assert label in picture
