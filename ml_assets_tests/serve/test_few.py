"""Few rows of features are answered without Arrow: as many are, over every protocol, on record."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ml_assets.engine.sealing import seal
from ml_assets.errors import StageError
from ml_assets.serve.model import LoadedModel, load
from ml_assets.serve.service import golden
from ml_assets.stages.score.few import FewRows, Values
from ml_assets.stages.train.encode import Array
from ml_assets_tests.asked import FAR, MADE, keep, sealed
from ml_assets_tests.engine.test_predictions import first_four
from ml_assets_tests.prepared import once
from ml_assets_tests.projects import FORECAST, Toy, copied, toy_project
from ml_assets_tests.serve.serving import PREDICT, Client, serving

ARROW = "application/vnd.apache.arrow.stream"
ASKED = f"{PREDICT}?features=true&interval=true"
ROW: dict[str, Any] = {"promo": True, "store": "north", "price": 3, "rise": None}
ROWS = [ROW, {**ROW, "promo": None, "store": "moon"}, {**ROW, "price": 1e6, "rise": -0.5}]


def make(root: Path) -> None:
    with toy_project(root) as toy:
        trees = "boosted: {family: lightgbm, num_trees: 20, num_leaves: 4, min_data_in_leaf: 2}"
        toy.edit(FORECAST, "linear: {family: linear}", trees)
        intervals = "  prediction_intervals: {coverage: 0.8, by: [store]}\n"
        toy.edit(FORECAST, "  evaluation:\n", f"{intervals}  evaluation:\n")
        keep(toy)
        first_four(toy)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toy]:
    """Give a project whose champion is of trees, and whose service keeps what it is asked."""
    made = Toy(once(tmp_path_factory, "trees", make).resolve())
    with copied(made, tmp_path_factory.mktemp("few") / "project") as found:
        yield found


@pytest.fixture
def model(toy: Toy) -> LoadedModel:
    """Give the champion."""
    planner = toy.planner()
    return load(planner.home, planner.project, "forecast")


def stream() -> bytes:
    kinds = {"promo": pa.bool_(), "store": pa.string(), "price": pa.int64(), "rise": pa.float64()}
    schema = pa.schema(list(kinds.items()))
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(pa.Table.from_pylist([ROW], schema))
    return sink.getvalue()


def test_a_row_has_the_same_answer_over_every_protocol_alone_and_among_others(
    toy: Toy, model: LoadedModel
) -> None:
    assert model.few(model.state, [ROW]) == {name: [value] for name, value in ROW.items()}
    wanted = model.predict(ROWS, features=True).to_pylist()
    params = {"features": True}
    tensors = [
        {"name": name, "shape": [3], "datatype": "BYTES", "data": [row[name] for row in ROWS]}
        for name in ROW
    ]
    with serving(toy) as client:
        found = client.ask(ASKED, ROWS).json["predictions"]
        assert found == [{n: v for n, v in row.items() if n != "problem"} for row in wanted]
        assert [client.ask(ASKED, [row]).json["predictions"] for row in ROWS] == [
            [row] for row in found
        ]
        # A list this long is read as a table.
        assert client.ask(ASKED, ROWS * 11).json["predictions"] == found * 11
        text = b"promo,store,price,rise\ntrue,north,3,\n"
        assert client.ask(ASKED, text, "text/csv").json["predictions"] == found[:1]
        answer = client.ask(ASKED, stream(), ARROW, Accept=ARROW)
        assert pa.ipc.open_stream(answer.body).read_all().to_pylist() == found[:1]
        answer = client.ask(ASKED, ROWS, Accept=ARROW)
        assert pa.ipc.open_stream(answer.body).read_all().to_pylist() == found
        explained = client.ask(f"{ASKED}&explain=true", [ROW]).json["predictions"][0]
        assert {name: explained[name] for name in found[0]} == found[0]
        numbers = [row["prediction"] for row in found]
        answer = client.ask("/invocations", {"dataframe_records": ROWS, "params": params})
        assert answer.json == {"predictions": numbers}
        infer = {"inputs": tensors, "parameters": params}
        outputs = client.ask("/v2/models/forecast/infer", infer).json["outputs"]
        assert outputs[0]["data"] == numbers


def test_unusual_rows_are_counted_and_wrong_ones_told(toy: Toy) -> None:
    with serving(toy) as client:
        found = client.ask(ASKED, ROWS)
        assert [row["unseen"] for row in found.json["predictions"]] == [None, "store", None]
        assert unusual(client) == {
            'unseen_total{column="store"': 1,
            'range_total{column="price"': 1,
        }
        wrong = client.ask(ASKED, [ROW, {**ROW, "price": "dear"}])
    assert (wrong.status, wrong.json["problems"][0]["rule"]) == (422, "parse.number")


def unusual(client: Client) -> dict[str, float]:
    lines = client.ask("/metrics").body.decode().splitlines()
    names = ('unseen_total{column="store"', 'range_total{column="price"')
    return {name: float(line.split()[-1]) for name in names for line in lines if name in line}


def test_they_are_on_record_as_they_were_answered(toy: Toy) -> None:
    with copied(toy, toy.root.parent / "recorded") as own:
        with serving(own) as client:
            answer = client.ask(ASKED, ROWS).json
        planner = own.planner()
        seal(planner.home, planner.project, MADE, FAR)
        (rows,) = sealed(own).values()
    mine = [row for row in rows if row["request_id"] == answer["request_id"]]
    for name in ("prediction", "low", "high", "unseen"):
        assert [row[f"request_{name}"] for row in mine] == [
            row[name] for row in answer["predictions"]
        ]
    assert json.loads(mine[0]["request_features"]) == ROW


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (
            "features=perhaps",
            "features: Input should be a valid boolean, unable to interpret input",
        ),
        ("features=true&explain=2&interval=%20", "interval: Input should be a valid boolean"),
    ],
)
def test_a_wrong_query_is_told_without_its_value(toy: Toy, query: str, said: str) -> None:
    with serving(toy) as client:
        found = client.ask(f"{PREDICT}?{query}", [ROW])
    assert found.status == 422
    assert said in found.json["error"]
    assert "perhaps" not in found.body.decode()


def test_a_version_takes_traffic_only_if_few_rows_have_their_predictions_too(
    toy: Toy, model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    planner = toy.planner()
    golden.check(planner.home, "forecast", model.state)
    plain = FewRows.predict

    def other(self: FewRows, values: Values) -> Array:
        return np.nextafter(plain(self, values), np.inf)

    monkeypatch.setattr(FewRows, "predict", other)
    with pytest.raises(StageError, match="golden rows have other predictions"):
        golden.check(planner.home, "forecast", model.state)
