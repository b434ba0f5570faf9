"""ONNX says what the server says, for every family and task, whatever a row holds."""

from __future__ import annotations

import copy
import csv
import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.errors import NotExpressible
from ml_assets.spec.families import Custom, FamilySpec, GroupMedian, LightGBM, Median
from ml_assets.stages.release.onnx import TOLERANCE, missing_text, to_onnx
from ml_assets.stages.release.scoring import score, score_edge
from ml_assets.stages.train.predict import predict
from ml_assets_tests.stages.flights import World, module
from ml_assets_tests.stages.test_train import FAMILIES

EACH = [
    pytest.param((task, family), id=f"{task}-{family.family}")
    for task, families in FAMILIES.items()
    for family in families
]
COLUMNS = {"hour": "integer", "wind": "number", "carrier": "category", "holiday": "boolean"}
WILD = {
    "hour": [0, -3, None, 10**15, 7, 12, 23, None],
    "wind": [None, float("inf"), float("-inf"), float("nan"), -0.0, 1e30, 1e-300, None],
    "carrier": ["never seen", None, "AA", "B6", "", "aa", "UA", None],
    "holiday": [None, True, False, None, True, False, None, None],
}
"""Rows that no training data held."""


def wild() -> pa.Table:
    types = {"integer": pa.int64(), "number": pa.float64(), "category": pa.string()}
    schema = pa.schema([(n, types.get(k, pa.bool_())) for n, k in COLUMNS.items()])
    return pa.table(WILD, schema)


def model_of(task: str, family: FamilySpec) -> dict[str, Any]:
    model: dict[str, Any] = json.loads(json.dumps(World(task).fit(family).outputs["model"]))
    return model


def fed(model: Mapping[str, Any], table: pa.Table) -> dict[str, Any]:
    missing = missing_text(model)
    return {
        name: np.array(
            [[v or missing] for v in table[name].cast(pa.string()).to_pylist()], dtype=object
        )
        if kind == "category"
        else np.array(
            [[np.nan if v is None else float(v)] for v in table[name].to_pylist()], dtype=np.float64
        )
        for name, kind in model["columns"].items()
    }


def session_of(content: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options)


def by_onnx(model: Mapping[str, Any], table: pa.Table) -> Any:
    return session_of(to_onnx(model)).run(None, fed(model, table))[0]


def as_csv(table: pa.Table) -> str:
    sink = io.StringIO()
    writer = csv.writer(sink)
    writer.writerow(table.column_names)
    for row in table.to_pylist():
        writer.writerow(["" if value is None else value for value in row.values()])
    return sink.getvalue()


def numbers(text: str) -> list[list[float]]:
    return [[float(value) for value in row] for row in list(csv.reader(io.StringIO(text)))[1:]]


@pytest.fixture(scope="module", params=EACH)
def fitted(request: pytest.FixtureRequest) -> tuple[dict[str, Any], Any, pa.Table]:
    """A model document, the server's predictions, and the rows: some as trained on, some wild."""
    task, family = request.param
    model = model_of(task, family)
    known = World(task).features["day8"].table().select(list(COLUMNS))
    known = known.set_column(2, "carrier", known["carrier"].cast(pa.string()))
    rows = pa.concat_tables([known.cast(wild().schema), wild()])
    return model, predict(model, module(family.family), rows), rows


def test_onnx_predicts_what_the_server_does(fitted: Any) -> None:
    model, wanted, rows = fitted
    got = by_onnx(model, rows)
    assert got.dtype == np.float64
    assert got.shape == wanted.shape
    assert (np.abs(got - wanted) <= TOLERANCE * np.maximum(1.0, np.abs(wanted))).all()
    if model["task"] == "regression":
        assert np.array_equal(got, wanted)


def test_the_bytes_are_the_same_and_valid(fitted: Any) -> None:
    content = to_onnx(fitted[0])
    assert to_onnx(json.loads(json.dumps(fitted[0]))) == content
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)


def test_score_py_is_the_server_to_the_bit(fitted: Any) -> None:
    model, wanted, rows = fitted
    # An empty field is missing: the text "" and an infinity are said so in a CSV file.
    target = io.StringIO()
    # It keeps arrays in the document, which it has read itself.
    score.score(copy.deepcopy(model), io.StringIO(as_csv(rows), newline=""), target)
    got = np.array(numbers(target.getvalue())).reshape(wanted.shape)
    assert np.array_equal(got, wanted)


def test_score_edge_py_reads_the_same_file(fitted: Any) -> None:
    model, wanted, rows = fitted
    target = io.StringIO()
    score_edge.score(session_of(to_onnx(model)), io.StringIO(as_csv(rows), newline=""), target)
    assert np.array(numbers(target.getvalue())).reshape(wanted.shape) == pytest.approx(
        wanted, rel=TOLERANCE, abs=TOLERANCE
    )
    head = target.getvalue().splitlines()[0]
    assert head == ",".join(model["classes"] or ["prediction"])


@pytest.mark.parametrize("objective", ["poisson", "huber", "quantile", "tweedie", "mape"])
def test_other_objectives_of_lightgbm(objective: str) -> None:
    trees = LightGBM(
        family="lightgbm", objective=objective, num_trees=5, num_leaves=5, min_data_in_leaf=10
    )
    world = World()
    world.change("_target", pa.array([float(n % 5 + 1) for n in range(200)]))
    model = world.fit(trees).outputs["model"]
    rows = world.features["day8"].table()
    wanted = predict(model, module("lightgbm"), rows)
    assert by_onnx(model, rows) == pytest.approx(wanted, rel=TOLERANCE)


ROW = st.tuples(
    st.none() | st.integers(-(2**53), 2**53),
    st.none() | st.floats(),
    st.none() | st.text(max_size=3),
    st.none() | st.booleans(),
)


@settings(max_examples=15)
@given(rows=st.lists(ROW, min_size=1, max_size=20))
def test_any_row_that_there_is(rows: list[Any]) -> None:
    model, session = _trees()
    columns = dict(zip(COLUMNS, map(list, zip(*rows, strict=True)), strict=True))
    table = pa.table(columns, wild().schema)
    wanted = predict(model, module("lightgbm"), table)
    assert np.array_equal(session.run(None, fed(model, table))[0], wanted)


_TREES = next(f for f in FAMILIES["regression"] if f.family == "lightgbm")
_kept: list[Any] = []


def _trees() -> Any:
    if not _kept:
        model = model_of("regression", _TREES)
        _kept.append((model, session_of(to_onnx(model))))
    return _kept[0]


def test_a_group_that_is_a_number() -> None:
    model = World().fit(GroupMedian(family="group_median", by="hour")).outputs["model"]
    rows = wild()
    wanted = predict(model, module("group_median"), rows)
    assert np.array_equal(by_onnx(model, rows), wanted)
    assert len(set(wanted)) > 1


@pytest.mark.parametrize("task", ["regression", "multiclass"])
def test_a_constant_and_one_tree_of_one_leaf(task: str) -> None:
    model = World(task).fit(FAMILIES[task][-1]).outputs["model"]
    share = 0.25 if task == "regression" else [0.25, 0.5, 0.25]
    got = by_onnx({**model, "state": {"constant": share}}, wild())
    assert np.array_equal(got, np.tile(np.array(share), (8, 1) if task == "multiclass" else 8))
    stump = LightGBM(family="lightgbm", num_trees=1, min_data_in_leaf=10_000)
    model = World(task).fit(stump).outputs["model"]
    assert by_onnx(model, wild()) == pytest.approx(predict(model, module("lightgbm"), wild()))


def test_the_empty_text_as_a_category() -> None:
    model = {
        "family": "group_median",
        "source": None,
        "task": "regression",
        "classes": [],
        "columns": {"prediction": "category"},
        "categories": {"prediction": ["", "?", "b"]},
        "state": {
            "by": "prediction",
            "overall": 9.0,
            "groups": [[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]],
        },
    }
    assert missing_text(model) == "??"
    session = session_of(to_onnx(model))
    assert [item.name for item in session.get_outputs()] == ["prediction_"]
    texts = np.array([[""], ["?"], ["b"], ["??"], ["c"]], dtype=object)
    assert session.run(None, {"prediction": texts})[0].tolist() == [1.0, 2.0, 3.0, 9.0, 9.0]


def test_what_onnx_cannot_express_is_said() -> None:
    own = Custom(family="custom", module="own.py:wind")
    model = {**World().fit(Median(family="median")).outputs["model"], "family": own.family}
    with pytest.raises(NotExpressible, match=r"custom family \(own.py:wind\)"):
        to_onnx({**model, "source": own.module, "state": {"slope": 1.0}})
    trees = World().fit(_TREES).outputs["model"]
    text = trees["state"]["model"].replace("objective=regression_l1", "objective=lambdarank")
    with pytest.raises(NotExpressible, match="objective 'lambdarank' has no ONNX operators"):
        to_onnx({**trees, "state": {**trees["state"], "model": text}})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hour,wind,carrier\n1,2,AA\n", "no column holiday; it has hour, wind, carrier"),
        ("hour,wind,carrier,holiday\n1.5,2,AA,true\n", "row 1: hour is '1.5', wanted integer"),
        ("hour,wind,carrier,holiday\n1,2,AA,true\n1,x,AA,no\n", "row 2: holiday is 'no', wanted"),
        ("hour,wind,carrier,holiday\n1,2,AA,true\n1,2,AA\n", "row 2: 3 fields, the header has 4"),
        ("hour,wind,carrier,holiday\ninf,2,AA,1\n", "row 1: hour is 'inf', wanted integer"),
    ],
)
def test_a_bad_file_is_named(text: str, said: str) -> None:
    model, _ = _trees()
    with pytest.raises(SystemExit, match=said):
        score.score(model, io.StringIO(text), io.StringIO())
