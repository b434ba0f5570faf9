"""Serving parity in a fresh process: what is the same, and what is not and how it is said."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ml_assets.errors import StageError
from ml_assets.serve import fresh
from ml_assets.serve.fresh_process import served
from ml_assets.spec.families import Linear
from ml_assets.spec.gate import ParitySpec
from ml_assets.stages.gate.parity import parity, sample
from ml_assets.stages.train.predict import predict
from ml_assets_tests.handles import given
from ml_assets_tests.stages.flights import World, module, references


def checked(world: World, document: Any, family: Any, **changes: Any) -> tuple[Any, Any]:
    """Return the parity document and the metadata."""
    onnx = changes.pop("onnx", None)
    told = ParitySpec.model_validate({"model": "delay", "parity": {"rows": 40}} | changes)
    found = parity(
        told,
        family=family,
        model=given(document, "d1:model"),
        test=world.fold("test"),
        features=world.features,
        served=served,
        onnx=onnx,
    )
    document = found.outputs["parity"]
    json.dumps(document, allow_nan=False)
    return document, found.metadata


def verdicts(document: Any) -> dict[str, bool | None]:
    return {check["name"]: check["passed"] for check in document["checks"]}


def linear(world: World) -> Any:
    return world.fit(Linear(family="linear")).outputs["model"]


def test_a_linear_model_of_three_classes_is_the_same_to_the_bit_in_every_way() -> None:
    world = World("multiclass")
    document, facts = checked(world, linear(world), module("linear"), max_latency_ms=10_000.0)
    assert verdicts(document) == {"fresh": True, "alone": True, "permuted": True, "http": True}
    assert document["rows"] == 40
    assert document["bytes"] == len(json.dumps(linear(world), separators=(",", ":")))
    assert document["latency"] == {"budget_ms": 10_000.0, "within": True}
    assert 0 < facts["latency_ms"] < 10_000
    assert all(check["differing"] == 0 for check in document["checks"])


def test_the_sample_is_spread_over_the_fold_and_missing_values_survive_json() -> None:
    world = World()
    table = sample(world.fold("test").table(), world.features, ["carrier", "wind"], 40)
    whole = pa.concat_tables([world.features[day].table() for day in ("day7", "day8")])
    rows = np.linspace(0, 399, 40).astype(int)
    assert table["wind"].to_pylist() == [whole["wind"].to_pylist()[row] for row in rows]
    assert table["wind"].null_count > 0
    model = fresh.Served("ml_assets.stages.train.linear", json.dumps(linear(world)).encode())
    whole = sample(world.fold("test").table(), world.features, sorted(model.model["columns"]), 40)
    data = [list(row.values()) for row in whole.to_pylist()]
    body = {"dataframe_split": {"columns": whole.column_names, "data": data}}
    answer = json.loads(model.answer(json.dumps(body).encode()))
    assert answer["predictions"] == predict(linear(world), module("linear"), whole).tolist()


FAMILY = '''\
"""A family whose predictions depend on what comes together."""

import os

import numpy as np


def predict(state, batch):
    """Return wind, by its rank in the batch or as it is, as the state says."""
    wind = batch["wind"].fill_null(0.0).to_numpy()
    print("predicting")
    if state["kind"] == "centred":
        return wind.max() - wind
    if state["kind"] == "first":
        return wind + np.arange(len(wind)) * 1e-15
    if state["kind"] == "dies":
        os._exit(3)
    if state["kind"] == "alone":
        return wind / (len(wind) - 1) * (len(wind) - 1)
    return wind
'''


@pytest.fixture
def family(tmp_path: Path) -> Iterator[Callable[[str], tuple[Any, ModuleType]]]:
    """Give a document and a module of a family of the user's own."""
    (tmp_path / "ranked_family.py").write_text(FAMILY)
    sys.path.insert(0, str(tmp_path))
    import importlib

    found = importlib.import_module("ranked_family")

    def make(kind: str) -> tuple[Any, ModuleType]:
        document = {
            "format": 1,
            "family": "custom",
            "source": "ranked_family.py:ranked",
            "task": "regression",
            "columns": {"wind": "number"},
            "categories": {},
            "classes": [],
            "state": {"kind": kind},
        }
        return document, found

    yield make
    sys.path.remove(str(tmp_path))
    sys.modules.pop("ranked_family", None)


def test_latest_of_the_batch_minus_a_value_is_caught(family: Any) -> None:
    """The date feature of the issue inside a model: all but the rows that hold the maximum."""
    world = World()
    document, _ = checked(world, *family("centred"))
    assert verdicts(document) == {"fresh": True, "alone": False, "permuted": True, "http": True}
    (alone,) = [check for check in document["checks"] if check["name"] == "alone"]
    table = sample(world.fold("test").table(), world.features, ["wind"], 40)
    apart = np.array(table["wind"].fill_null(0.0))
    apart = apart.max() - apart
    assert alone["differing"] == 39
    assert alone["largest"] == pytest.approx(apart.max())
    mean = f"{apart[apart > 0].mean():.4g}"
    assert alone["text"] == f"39 of 40 predictions differ one by one, by {mean} on average"


def test_the_last_bit_counts(family: Any) -> None:
    document, _ = checked(World(), *family("first"))
    found = verdicts(document)
    assert (found["fresh"], found["http"]) == (True, True)
    assert (found["alone"], found["permuted"]) == (False, False)


def test_a_family_that_fails_alone_is_said(family: Any) -> None:
    document, _ = checked(World(), *family("alone"))
    (alone,) = [check for check in document["checks"] if check["name"] == "alone"]
    assert alone["passed"] is False
    assert alone["text"].startswith(
        "fails one by one: HookError: ranked_family.py:predict returned"
    )


def test_a_fresh_process_that_cannot_load_the_family_is_said(family: Any) -> None:
    document, found = family("plain")
    other = ModuleType("not_in_any_path")
    other.predict = found.predict  # type: ignore[attr-defined]
    checks, _ = checked(World(), document, other)
    assert verdicts(checks) == {"fresh": False}
    assert "ModuleNotFoundError: No module named 'not_in_any_path'" in checks["checks"][0]["text"]


def test_a_fresh_process_that_dies_is_said(family: Any) -> None:
    document, _ = family("dies")
    here = ModuleType("ranked_family")
    here.predict = lambda state, batch: batch["wind"].fill_null(0.0).to_numpy()  # type: ignore[attr-defined]
    checks, _ = checked(World(), document, here)
    assert checks["checks"][0]["text"].endswith("the process ended with code 3")
    assert verdicts(checks) == {"fresh": False}


def test_onnx_is_compared_within_its_tolerance(family: Any) -> None:
    world = World()
    document, found = family("plain")
    exported = _onnx(off=1e-7)
    checks, _ = checked(world, document, found, onnx=lambda _: exported)
    assert verdicts(checks)["onnx"] is True
    checks, _ = checked(world, document, found, onnx=lambda _: _onnx(off=1e-3))
    assert verdicts(checks)["onnx"] is False

    def inexpressible(_document: Any) -> bytes:
        raise StageError("a family of your own")

    checks, _ = checked(world, document, found, onnx=inexpressible)
    assert verdicts(checks)["onnx"] is None
    assert checks["checks"][-1]["text"] == "not compared as ONNX: a family of your own"


def _onnx(off: float) -> bytes:
    """Return a graph that gives `wind`, 0 where it is missing, and a little more."""
    from onnx import TensorProto, helper

    double = TensorProto.DOUBLE
    nodes = [
        helper.make_node("IsNaN", ["wind"], ["missing"]),
        helper.make_node("Where", ["missing", "zero", "wind"], ["known"]),
        helper.make_node("Add", ["known", "off"], ["added"]),
        helper.make_node("Reshape", ["added", "flat"], ["prediction"]),
    ]
    graph = helper.make_graph(
        nodes,
        "wind",
        [helper.make_tensor_value_info("wind", double, [None, 1])],
        [helper.make_tensor_value_info("prediction", double, [None])],
        [
            helper.make_tensor("zero", double, [1], [0.0]),
            helper.make_tensor("off", double, [1], [off]),
            helper.make_tensor("flat", TensorProto.INT64, [1], [-1]),
        ],
    )
    opsets = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()


def test_row_references_that_skip_rows() -> None:
    world = World()
    test = references([("day7", 10, 12), ("day8", 0, 1)]).table()
    table = sample(test, world.features, ["wind"], 10)
    wanted = [*world.features["day7"].table()["wind"].to_pylist()[10:12]]
    assert table["wind"].to_pylist() == [*wanted, world.features["day8"].table()["wind"][0].as_py()]
