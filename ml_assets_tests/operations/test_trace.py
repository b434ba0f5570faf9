"""From a prediction to the lines that trained its model, and what is left after a deletion."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.engine.sealing import seal
from ml_assets.errors import RequestError, UnknownName
from ml_assets.operations.trace import ranges, trace
from ml_assets.serve.recording.ids import new_id
from ml_assets_tests.asked import FAR, MADE, keep, write
from ml_assets_tests.cli.shell import Shell
from ml_assets_tests.prepared import once
from ml_assets_tests.projects import Toy, copied

JULY = "2020-07"
DAY, OPEN = "2026-03-01", "2026-03-02"


def request(day: str) -> str:
    moment = datetime.fromisoformat(f"{day}T12:00:00+00:00").astimezone(UTC)
    return str(new_id(int(moment.timestamp() * 1e9)))


@pytest.fixture(scope="module")
def predicted(predicting: Toy, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Give a project in which v0, made from January to June, predicted July. For copies."""

    def make(root: Path) -> None:
        with copied(predicting, root) as toy:
            toy.land_all([JULY])
            assert toy.make().faults == []

    return Toy(once(tmp_path_factory, "traced", make).resolve())


@pytest.fixture
def toy(predicted: Toy, tmp_path: Path) -> Iterator[Toy]:
    """Give a copy of that project."""
    with copied(predicted, tmp_path / "project") as found:
        yield found


@given(st.sets(st.integers(min_value=1, max_value=40)))
def test_ranges_hold_the_lines_and_no_others(lines: set[int]) -> None:
    spans = ranges(np.array(sorted(lines), dtype=np.int64))
    assert {line for first, last in spans for line in range(first, last + 1)} == lines
    assert all(b[0] - a[1] > 1 for a, b in itertools.pairwise(spans))


def test_a_prediction_of_a_batch_leads_to_the_lines_that_trained_its_model(toy: Toy) -> None:
    planner = toy.planner()
    found = trace(planner.home, planner.project, f"forecast@{JULY}:2")
    row = found["row"]
    assert (row["file"], row["line"], row["key"]) == (f"sales-{JULY}.csv", 2, "7000")
    # sale 7000: 20 + 5 for the promotion - 7 for July + (0 * 7 + 7) % 3.
    assert row["label"] == 19.0
    assert set(row["prediction"]) == {"prediction", "seen", "unseen"}
    version = found["version"]
    assert (version["version"], version["champion_then"]) == ("v0", "v0")
    assert version["decisions"][0]["action"] == "promoted"
    assert [(r["fold"], r["batch"], r["rows"]) for r in found["trained_on"]] == [
        ("train", "2020-01", 27),
        ("train", "2020-02", 27),
        ("train", "2020-03", 27),
        ("validation", "2020-04", 27),
    ]
    # Lines 11, 21 and 31 of the file are returns.
    assert found["trained_on"][0]["lines"] == [[2, 10], [12, 20], [22, 30]]
    assert found["trained_on"][0]["file"] == "sales-2020-01.csv"
    counts = {(q["dataset"], q["batch"]): q for q in found["quarantine"]}
    assert counts["sales", "2020-01"]["filtered"] == {"returned": 3}
    assert found["code"]["features"]["functions"] == {"hook": "toy.defs.forecast.features:build"}
    assert found["parameters"]["metric"] == "mae"
    assert found["metrics"]["metric"] == "mae"
    assert found["forgotten"] == []
    assert trace(planner.home, planner.project, f"forecast@{JULY}/7000")["row"] == row


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("forecast", RequestError, "wanted MODEL@BATCH/KEY, MODEL@BATCH:LINE or the id of a"),
        ("forcast@2020-07:2", UnknownName, "did you mean 'forecast'"),
        ("forecast@2020-08:2", UnknownName, "no predicted batch of forecast named '2020-08'"),
        ("forecast@2020-07:99", UnknownName, "forecast@2020-07 has no prediction with line 99"),
        ("forecast@2020-07/9", UnknownName, "forecast@2020-07 has no prediction with key '9'"),
        pytest.param(request(DAY), UnknownName, "no model keeps its requests", id="a request"),
    ],
)
def test_an_id_that_names_nothing_is_told(
    toy: Toy, text: str, kind: type[Exception], said: str
) -> None:
    planner = toy.planner()
    with pytest.raises(kind) as error:
        trace(planner.home, planner.project, text)
    assert said in str(error.value)


def test_a_request_is_found_while_it_is_open_and_as_it_is_sealed(toy: Toy) -> None:
    keep(toy)
    early, late = request(DAY), request(OPEN)
    write(toy, DAY, early)
    planner = toy.planner()
    opened = trace(planner.home, planner.project, early)
    seal(planner.home, planner.project, MADE, FAR)
    write(toy, OPEN, late)
    assert toy.make(f"group:{MADE}").faults == []
    planner = toy.planner()
    sealed = trace(planner.home, planner.project, f"{early}/0")
    assert (sealed["row"]["day"], sealed["row"]["line"]) == (DAY, 1)
    for found in (opened, sealed, trace(planner.home, planner.project, late)):
        assert found["row"]["prediction"] == {"prediction": 20.5}
        assert (found["row"]["given"]["sale"], found["model"]) == (7, "forecast")
        assert found["version"]["version"] == "v0"
        assert found["trained_on"][0]["lines"] == [[2, 10], [12, 20], [22, 30]]
    with pytest.raises(UnknownName, match=f"no request {late} with a row 3 is kept"):
        trace(planner.home, planner.project, f"{late}/3")


def test_after_a_deletion_there_is_its_tombstone(toy: Toy) -> None:
    shell = Shell(toy.root)
    shell.json("forget", "sales", "--key", "sale=7000", "--reason", "request 17")
    shell.json("forget", "sales", "--key", "sale=1000", "--reason", "request 18")
    planner = toy.planner()
    with pytest.raises(UnknownName, match=r"1 of sales 2020-07 forgotten at .*: request 17"):
        trace(planner.home, planner.project, f"forecast@{JULY}/7000")
