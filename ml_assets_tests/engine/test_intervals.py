"""Prediction intervals of a model, from its YAML to its release."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ml_assets.errors import SpecError
from ml_assets.release.read import read
from ml_assets.release.score import foreign, score
from ml_assets.serve.model import load
from ml_assets.stages.intervals.columns import off
from ml_assets.store.records import Current
from ml_assets_tests.engine.test_cross_validation import blended
from ml_assets_tests.projects import FORECAST, MONTHS, Toy, sales

ASKED = "  evaluation:\n"


def with_intervals(toy: Toy, asked: str = "{coverage: 0.8, by: [store]}") -> None:
    toy.edit(FORECAST, ASKED, f"  prediction_intervals: {asked}\n{ASKED}")


def current(toy: Toy, asset: str) -> Current:
    found = toy.planner().home.records.current("dev", f"forecast/{asset}", "")
    assert found is not None
    return found


def document(toy: Toy, asset: str, output: str) -> Any:
    return toy.planner().home.objects.json(current(toy, asset).outputs[output].digest)


@pytest.mark.parametrize("selection", ["validation", "cross_validation"])
def test_a_candidate_is_calibrated_measured_and_released(
    toy: Toy, selection: str, tmp_path: Any
) -> None:
    blended(toy, selection)
    with_intervals(toy)
    ran = toy.make()
    assert ran.faults == []
    limits = document(toy, "candidate", "limits")
    held = 27 if selection == "validation" else 90
    assert (limits["method"], limits["all"]["rows"]) == (selection, held)
    assert limits["few"] == {"slices": 3, "rows": held, "fewest": 62}
    covered = document(toy, "evaluation_report", "coverage")
    assert [entry["rows"] for entry in covered["batches"]] == [27, 27]
    assert {entry["slice"] for entry in covered["slices"]} == {"store"}
    page = toy.planner().home.objects.read(
        current(toy, "evaluation_report").outputs["report"].digest
    )
    assert b'<section id="intervals"' in page
    home = toy.planner().home
    archive = tmp_path / "forecast-v0.zip"
    archive.write_bytes(home.objects.read(current(toy, "release").outputs["bundle"].digest))
    bundle = read(archive)
    shipped = json.loads(bundle.files["intervals.json"])
    assert shipped["test"]["text"] == covered["text"]
    assert bundle.files["golden_predictions.csv"].startswith(b"prediction,low,high\n")
    assert foreign(bundle) == []
    scored, problems = score(bundle, here=True)
    assert problems == []
    assert [item.program for item in scored] == ["score.py", "score_edge.py"]
    assert scored[0].largest == 0.0
    assert toy.make().having("executed") == set()


def test_asking_for_intervals_changes_no_model_and_takes_back_no_version(toy: Toy) -> None:
    toy.land_all()
    assert toy.make().faults == []
    before = current(toy, "candidate")
    with_intervals(toy)
    planned = {str(item.cell): item.status for item in toy.plan().cells if item.status != "reuse"}
    assert planned == {
        "forecast/candidate": "run",
        "forecast/evaluation_report": "run",
        "forecast/champion": "maybe",
        "forecast/release": "maybe",
    }
    ran = toy.make()
    assert ran.faults == []
    after = current(toy, "candidate")
    assert after.outputs["model"] == before.outputs["model"]
    assert (before.number, after.number) == (0, 1)
    assert {
        part for part in after.actions if after.actions[part] not in before.actions.values()
    } == {"calibrate"}
    # Decided again, since what is released is another.
    assert document(toy, "champion", "decision")["verdict"] == "promote"
    assert current(toy, "release").facts["version"] == "v1"
    # Without them the first candidate is back.
    toy.edit(FORECAST, "  prediction_intervals: {coverage: 0.8, by: [store]}\n", "")
    assert toy.make().faults == []
    assert current(toy, "candidate").digest == before.digest


def test_a_batch_and_raw_rows_have_the_intervals_of_the_version(toy: Toy) -> None:
    toy.land_all(MONTHS[:5])
    with_intervals(toy)
    assert toy.make().faults == []
    limit = document(toy, "candidate", "limits")["all"]["limit"]
    toy.land_all(MONTHS[5:])
    assert toy.make("+forecast/predictions").faults == []
    held = toy.planner().home.records.current("dev", "forecast/predictions", "2020-06")
    assert held is not None
    batch = toy.planner().home.objects.table(held.outputs["predictions"].digest)
    said = batch["prediction"].to_numpy()
    assert batch["low"].to_pylist() == (said - limit).tolist()
    assert batch["high"].to_pylist() == (said + limit).tolist()
    assert 0 <= held.facts["realized"]["covered"] <= 1
    assert held.facts["intervals"] == document(toy, "evaluation_report", "coverage")["text"]
    planner = toy.planner()
    loaded = load(planner.home, planner.project, "forecast")
    header, *lines = sales("2020-06").decode().splitlines()
    rows = [dict(zip(header.split(","), line.split(","), strict=True)) for line in lines]
    answer = loaded.predict([*rows, {**rows[0], "store": ""}], batch="2020-06")
    names = ["prediction", "low", "high"]
    assert answer.column_names[:3] == names
    *found, refused = answer.select(names).to_pylist()
    assert [row["low"] for row in found] == [row["prediction"] - limit for row in found]
    assert [row["high"] for row in found] == [row["prediction"] + limit for row in found]
    assert refused == dict.fromkeys(names)
    coverage = loaded.state.scorer.coverage
    assert coverage == document(toy, "evaluation_report", "coverage")
    assert off(coverage) == (
        [] if coverage["calibrated"] else [f"intervals are {coverage['text']}"]
    )


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("{by: [stroe]}", "no feature 'stroe'"),
        ("{by: [price]}", "'price' is a number; wanted a category, boolean or integer"),
        ("{coverage: 90}", "less than 1"),
        ("{by: [store, store]}", "'store' is duplicated"),
    ],
)
def test_what_cannot_be_asked_for_is_a_mistake(toy: Toy, asked: str, said: str) -> None:
    with_intervals(toy, asked)
    with pytest.raises(SpecError, match=said):
        toy.plan()
