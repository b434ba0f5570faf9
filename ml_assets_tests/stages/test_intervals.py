"""Prediction intervals: limits from errors, intervals and sets of classes from limits."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from ml_assets.spec.families import Median, Prior
from ml_assets.spec.intervals import CalibrateSpec
from ml_assets.spec.predictions import RealizedSpec
from ml_assets.stages.intervals.apply import apply, classes, header, limits, read, text
from ml_assets.stages.intervals.calibrate import calibrate, errors, limit, limits_of
from ml_assets.stages.intervals.columns import columns
from ml_assets.stages.score.realized import realized
from ml_assets_tests.handles import given
from ml_assets_tests.stages.flights import World, module
from ml_assets_tests.stages.test_cross import MEMBERS, blended, crossed

MEDIAN = Median(family="median")


def spec(task: Any = "regression", **changes: Any) -> CalibrateSpec:
    return CalibrateSpec(task=task, **({"coverage": 0.9} | changes))


def calibrated(
    world: World, family: str, model: Any, held: dict[str, Any] | None = None, **changes: Any
) -> Any:
    found = calibrate(
        spec(world.task, **changes),
        family=module(family),
        model=given(model),
        train=world.fold("train"),
        validation=world.fold("validation"),
        features=world.features,
        held=None if held is None else {name: given(table) for name, table in held.items()},
    )
    return found.outputs["limits"]


@drawn(st.lists(st.floats(0, 1e6), max_size=60), st.sampled_from([0.5, 0.8, 0.9, 0.95]))
def test_the_limit_is_the_smallest_that_enough_of_one_row_more_would_be_within(
    found: list[float], coverage: float
) -> None:
    got = limit(np.array(found), coverage)
    enough = (len(found) + 1) * coverage - 1e-9
    if got is None:
        assert len(found) < enough
    else:
        assert sum(value <= got for value in found) >= enough
        assert sum(value < got for value in found) < enough


def test_a_slice_with_too_few_rows_has_the_limit_for_all() -> None:
    error = np.concatenate([np.full(34, 1.0), np.full(33, 5.0)])
    origins = ["JFK"] * 34 + ["EWR"] * 33
    found = limits_of(spec(by=("origin",)), error, [origins])
    assert found["all"] == {"rows": 67, "limit": 5.0}
    assert found["slices"] == [{"values": ["JFK"], "rows": 34, "limit": 1.0}]
    assert found["few"] == {"slices": 1, "rows": 33, "fewest": 34}
    slices = {"origin": ["JFK", "EWR", "LGA", None]}
    low, high = apply(found, np.array([10.0, 10.0, 10.0, 10.0]), slices)
    assert low.tolist() == [9.0, 5.0, 5.0, 5.0]
    assert high.tolist() == [11.0, 15.0, 15.0, 15.0]


def test_slices_of_several_columns_are_their_combinations_and_missing_is_a_value() -> None:
    error = np.concatenate([np.full(100, 1.0), np.full(100, 2.0)])
    by = [["JFK"] * 100 + [None] * 100, ["true"] * 100 + ["3"] * 100]
    found = limits_of(spec(by=("origin", "seats")), error, by)
    slices: dict[str, list[Any]] = {"origin": ["JFK", "", "JFK"], "seats": [True, 3.0, 3]}
    assert limits(found, 3, slices).tolist() == [1.0, 2.0, 2.0]


def test_too_few_rows_leave_no_interval_and_every_class() -> None:
    found = limits_of(spec(), np.ones(8), [])
    assert found["all"] == {"rows": 8, "limit": None}
    low, high = apply(found, np.zeros(2), {})
    assert np.isnan([*low, *high]).all()
    assert classes(found, np.array([[0.7, 0.2, 0.1]]), {}).all()


def test_errors_of_classes_are_what_their_probability_lacks() -> None:
    shares = np.array([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]])
    assert errors("multiclass", np.array([1.0, -1.0]), shares) == pytest.approx([0.8, np.inf])
    one = errors("binary", np.array([0.0, 1.0]), np.array([0.4, 0.4]))
    assert one == pytest.approx([0.4, 0.6])


def test_an_unknown_class_too_often_leaves_every_class() -> None:
    found = limits_of(spec("multiclass"), np.array([0.1] * 80 + [np.inf] * 20), [])
    assert found["all"]["limit"] is None


def test_a_set_has_the_likeliest_class_and_all_within_the_limit() -> None:
    document = {"by": [], "slices": [], "all": {"limit": 0.7}}
    shares = np.array([[0.5, 0.4, 0.1], [0.2, 0.25, 0.55]])
    assert classes(document, shares, {}).tolist() == [[True, True, False], [False, False, True]]
    # No class is within the limit: the likeliest alone.
    assert classes(document, np.array([[0.25, 0.26, 0.24, 0.25]]), {}).sum() == 1


@drawn(st.one_of(st.integers(-(10**15), 10**15), st.booleans(), st.text(min_size=1)))
def test_a_value_has_one_text_however_it_was_read(value: Any) -> None:
    assert text(value) == (str(value).lower() if isinstance(value, bool) else str(value))
    if isinstance(value, int) and not isinstance(value, bool):
        assert text(float(value)) == text(np.int64(value)) == text(value)


def test_the_median_is_calibrated_on_validation() -> None:
    world = World(rows=200)
    model = world.fit(MEDIAN).outputs["model"]
    found = calibrated(world, "median", model)
    (day,) = world.fold("validation").table()["batch"].to_pylist()
    off = np.abs(world.features[day].table()["_target"].to_numpy() - model["state"]["median"])
    assert found["all"] == {"rows": 200, "limit": np.sort(off)[180]}
    assert (found["method"], found["score"]) == ("validation", "absolute residual")


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_classes_are_calibrated_on_validation(task: str) -> None:
    world = World(task=task, rows=200)
    model = world.fit(Prior(family="prior")).outputs["model"]
    found = calibrated(world, "prior", model, by=("holiday",))
    assert found["score"] == "1 - probability of the class"
    assert 0 < found["all"]["limit"] < 1
    assert [entry["values"] for entry in found["slices"]] == [["false"]]


def test_after_a_cross_validation_the_held_out_rows_calibrate() -> None:
    world = World(rows=60)
    made = crossed(world, MEDIAN)
    held = made.outputs["held"]
    assert not isinstance(held, (dict, list, bytes))
    model = made.outputs["model"]
    found = calibrated(world, "median", model, {"median": held}, by=("carrier",))
    off = np.abs(held["target"].to_numpy() - held["p0"].to_numpy())
    assert found["method"] == "cross_validation"
    assert found["all"] == {"rows": len(off), "limit": limit(off, 0.9)}
    # Held-out rows are in the order of their parts: their carriers follow.
    days = [*world.fold("train").table()["batch"].to_pylist()]
    days += world.fold("validation").table()["batch"].to_pylist()
    carriers = np.array(
        [c for day in days for c in world.features[day].table()["carrier"].to_pylist()]
    )
    of_rows = carriers[held["row"].to_numpy()]
    for entry in found["slices"]:
        assert entry["limit"] == limit(off[of_rows == entry["values"][0]], 0.9)
    assert len(found["slices"]) == 3


def test_a_blend_is_calibrated_by_its_weights() -> None:
    world = World(rows=60)
    made = {name: crossed(world, family).outputs for name, family in MEMBERS.items()}
    held: dict[str, Any] = {name: outputs["held"] for name, outputs in made.items()}
    models = {name: outputs["model"] for name, outputs in made.items()}
    model: Any = blended(world, models, held).outputs["model"]
    found = calibrated(world, "blend", model, held)
    weights = {m["name"]: m["weight"] for m in model["state"]["members"]}
    said = sum(weight * held[name]["p0"].to_numpy() for name, weight in weights.items())
    off = np.abs(held["trees"]["target"].to_numpy() - said)
    assert found["all"]["limit"] == limit(off, 0.9)


def test_each_row_of_a_table_has_the_interval_of_its_slice() -> None:
    slices = [
        {"values": ["JFK", "true"], "limit": 1.0},
        {"values": [None, "false"], "limit": 2.0},
    ]
    document = {"task": "regression", "by": ["origin", "late"], "slices": slices}
    document["all"] = {"limit": 5.0}
    origin = pa.array(["JFK", None, "EWR", "JFK", "JFK"]).dictionary_encode()
    rows = pa.table({"origin": origin, "late": [True, False, True, None, True]})
    found = columns(document, {}, np.zeros(5), rows)
    assert found["high"].to_pylist() == [1.0, 2.0, 5.0, 5.0, 1.0]
    assert found["low"].to_pylist() == [-1.0, -2.0, -5.0, -5.0, -1.0]
    none = {**document, "by": [], "slices": [], "all": {"limit": None}}
    assert columns(none, {}, np.zeros(5), rows)["low"].null_count == 5
    assert columns(document, {}, np.zeros(0), rows.slice(0, 0))["low"].to_pylist() == []


def test_sets_stand_in_a_table_and_in_a_file_as_json_lists() -> None:
    document = {"task": "multiclass", "by": [], "slices": [], "all": {"limit": 0.7}}
    model = {"classes": ["a", "b,", 'c"']}
    shares = np.array([[0.5, 0.4, 0.1], [0.0, 0.0, 1.0]])
    found = columns(document, model, shares, pa.table({"x": [1, 2]}))
    assert found["set"].to_pylist() == ['["a", "b,"]', '["c\\""]']
    binary = {"task": "binary", "by": [], "slices": [], "all": {"limit": 0.7}}
    found = columns(binary, {"classes": []}, np.array([0.5, 0.9]), pa.table({"x": [1, 2]}))
    assert found["set"].to_pylist() == ["[0, 1]", "[1]"]
    assert header(document) == ["set"]
    assert columns(None, model, shares, pa.table({})) == {}


@pytest.mark.parametrize(
    ("kind", "fields", "wanted"),
    [
        ("boolean", ["true", "1", "FALSE", ""], ["true", "true", "false", None]),
        ("integer", ["3", "3.0", ""], ["3", "3", None]),
        ("category", ["3.0", "x", ""], ["3.0", "x", None]),
    ],
)
def test_a_field_of_a_file_has_the_text_of_the_stored_value(
    kind: str, fields: list[str], wanted: list[str | None]
) -> None:
    assert [text(read(kind, field)) for field in fields] == wanted


@pytest.mark.parametrize(
    ("target", "sets", "wanted"),
    [(["a", "b", "z"], [["a"], ["a"], ["a", "b"]], 1 / 3), ([0, 1], [[0, 1], [0]], 0.5)],
)
def test_what_came_true_says_how_many_labels_were_in_their_set(
    target: list[Any], sets: list[list[Any]], wanted: float
) -> None:
    multiclass = isinstance(target[0], str)
    names = ["probability_a", "probability_b"] if multiclass else ["prediction"]
    said = {"_line": range(len(sets)), **{name: [0.5] * len(sets) for name in names}}
    said |= {"set": [json.dumps(one) for one in sets], "seen": [False] * len(sets)}
    labels = pa.table({"_line": range(len(sets)), "_target": target})
    made = realized(
        RealizedSpec(task="multiclass" if multiclass else "binary"),
        predictions=given(pa.table({name: list(column) for name, column in said.items()})),
        features=given(labels),
    )
    found: Any = made.outputs["realized"]
    assert found["covered"] == pytest.approx(wanted)
