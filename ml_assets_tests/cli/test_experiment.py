"""`ml-assets experiment`: its document, its words, MLflow's runs, and what it refuses."""

from __future__ import annotations

from pathlib import Path

from ml_assets.adapters.mlflow import client as adapter
from ml_assets_tests.cli.shell import Site

ALPHA = "training.families.linear.alpha"
GRID = ("forecast", "--set", "train.linear.alpha=0.1,10")


def test_a_grid_its_document_and_its_runs(site: Site) -> None:
    before = site.digests()
    found = site.json("experiment", *GRID)
    assert [item["name"] for item in found["variations"]] == ["alpha=0.1", "current", "alpha=10.0"]
    best, current, worst = found["variations"]
    assert (found["best"], found["metric"], found["fold"]) == ("alpha=0.1", "mae", "validation")
    assert best["difference"] == best["value"] - current["value"] < 0 < worst["difference"]
    assert [best["reused"], current["reused"], worst["reused"]] == [False, True, False]
    assert Path(found["plot"]).read_bytes().startswith(b"<?xml")
    assert found["adopted"] is None
    assert site.digests() == before
    again = site.json("experiment", *GRID)
    assert all(item["reused"] for item in again["variations"])
    assert again["mlflow"] == found["mlflow"]
    with site.store() as home:
        client = adapter.opened(home)
        experiment = client.get_experiment_by_name("forecast-dev-experiments")
        assert experiment is not None
        runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
        parent = runs.pop(ALPHA)
        assert parent.info.run_id == found["mlflow"]["run_id"]
        assert [file.path for file in client.list_artifacts(parent.info.run_id)] == [
            "experiment.svg"
        ]
        assert set(runs) == {"alpha=0.1", "current", "alpha=10.0"}
        for item in found["variations"]:
            run = runs[item["name"]]
            assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
            assert run.data.metrics["validation_mae"] == item["value"]
            assert run.data.params[ALPHA] == str(item["settings"][ALPHA])
            assert run.info.status == "FINISHED"


def test_what_is_wrong_is_refused_before_anything_is_fitted(site: Site) -> None:
    def error(*words: str) -> str:
        answer = site("experiment", *words, code=2)
        assert answer.out == ""
        return answer.err

    assert "did you mean 'forecast'" in error("forcast", "--set", "train.linear.alpha=1")
    assert "--set is missing" in error("forecast")
    said = error("forecast", "--set", "train.linear.alhpa=1", "--set", "train.mean.x=1")
    assert "did you mean 'alpha'" in said
    assert "no family 'mean'" in said
    assert "did you mean 'alpha=0.1'" in error(*GRID, "--adopt", "alpha=0.2")


def test_without_folds_it_says_what_to_run(new_site: Site) -> None:
    answer = new_site("experiment", *GRID, code=1)
    assert "forecast waits: nothing has landed for sales" in answer.err
    new_site.toy.land_all(("2020-01",))
    answer = new_site("experiment", *GRID, code=1)
    assert 'ml-assets run "+forecast/validation_split"' in answer.err


def test_adopting_the_best_and_going_back(site: Site) -> None:
    file = site.root / "toy" / "defs" / "forecast" / "defs.yaml"
    text = file.read_text()
    answer = site("experiment", *GRID, "--adopt", "BEST")
    assert "mae on validation, best first" in answer.out
    assert "current (alpha=1.0)" in answer.out
    assert f"adopted {ALPHA}: 1.0 -> 0.1" in answer.out
    assert file.read_text() == text.replace(
        "linear: {family: linear}", "linear: {family: linear, alpha: 0.1}"
    )
    todo = site.json("plan")
    assert [item["asset"] for item in todo["run"]] == [
        "forecast/evaluation_report",
        "forecast/champion",
    ]
    assert todo["publish"] == ["forecast/candidate"]
    found = site.json("experiment", *GRID, "--adopt", "best")
    assert found["adopted"]["changed"] == {}
    file.write_text(text)
    assert site.json("run")["run_id"] is None
