"""Sections of the report on rows that a person can check by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from ml_assets.spec.model import EvaluateSpec, ExplainSpec
from ml_assets.stages.evaluate import bootstrap, drawing, parts, slices
from ml_assets.stages.evaluate.contributions import contributions
from ml_assets.stages.evaluate.explain import explain
from ml_assets.stages.evaluate.losses import row_losses
from ml_assets.stages.evaluate.registry import SECTIONS
from ml_assets.stages.evaluate.rows import Fitted, PredictedRows
from ml_assets.stages.evaluate.sample import sample
from ml_assets.stages.evaluate.section import Section, Study, View
from ml_assets.stages.evaluate.sections import calibration, confusion, residuals, thresholds, worst
from ml_assets.stages.train import encode, lightgbm
from ml_assets.stages.train.cost import cost
from ml_assets_tests.handles import given
from ml_assets_tests.stages.flights import METRIC, World, module

EVIL = "<script>alert('é')</script> |"


def study(
    target: Any,
    prediction: Any,
    task: str = "regression",
    classes: tuple[str, ...] = (),
    time: Any = None,
    **columns: Any,
) -> Study:
    """Return rows with predictions, drawn row by row."""
    target = np.asarray(target, dtype=np.float64)
    prediction = np.asarray(prediction, dtype=np.float64)
    when = np.full(len(target), "NaT", "M8[us]") if time is None else np.asarray(time, "M8[us]")
    metric: Any = METRIC[task]
    spec = EvaluateSpec.model_validate(
        {
            "model": "m",
            "description": "",
            "task": task,
            "metric": metric,
            "target": "y",
            "target_unit": None,
            "time": None,
            "columns": {},
            "evaluation": {"intervals": {"resamples": 200}},
            "seed": 1,
        }
    )
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    place = np.arange(len(target))
    rows = PredictedRows(
        target, prediction, {"b": prediction}, when, {}, list(classes), table, place, table
    )
    draws = bootstrap.draw(when, "row", 200, 1)
    return Study(spec, rows, draws, row_losses(metric, target, prediction), {})


def shown(found: Study, name: str) -> Section | None:
    """Return what a section says of its own figures."""
    entry = SECTIONS[name]
    assert entry.measure is not None
    figures = entry.measure(found)
    json.dumps(figures, allow_nan=False)
    metrics = {"level": 0.95, "test": {"auc": 0.5}}
    return entry.show(View(found.spec, metrics, {name: figures}, {}, {}, {}, {}))


def test_calibration_of_probabilities() -> None:
    # 0.2 said ten times and true twice, 0.8 said ten times and true five times: (0 + 0.3) / 2.
    said = [0.2] * 10 + [0.8] * 10
    happened = [1] * 2 + [0] * 8 + [1] * 5 + [0] * 5
    found = calibration.measure(study(happened, said, "binary"))
    assert found["rows"] == [10, 10]
    assert found["said"] == pytest.approx([0.2, 0.8])
    assert found["observed"] == pytest.approx([0.2, 0.5])
    assert found["error"] == pytest.approx(0.15)
    low, high = found["interval"]
    assert low < 0.15 < high
    # sqrt(2/pi) * (sqrt(0.16 * 10) + sqrt(0.25 * 10)) / 20
    assert found["by_chance"] == pytest.approx(0.11354, rel=1e-3)
    assert [sum(part) for part in found["by_class"]] == [13, 7]


def test_calibration_of_a_regression_and_of_a_constant() -> None:
    found = calibration.measure(study([0, 2, 4, 6], [1, 1, 3, 3]))
    assert found["said"] == [1, 3]
    assert found["observed"] == [1, 5]
    assert found["error"] == 1.0
    assert found["slope"] == 2.0
    flat = calibration.measure(study([0, 2], [1, 1]))
    assert flat["slope"] is None
    assert flat["error"] == 0.0
    assert calibration.measure(study([1], [1]))["why"] == "there are fewer than two test rows"


def test_calibration_of_the_likeliest_class() -> None:
    said = [[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]]
    found = calibration.measure(study([0, 0, 1, -1], said, "multiclass", ("a", "b")))
    assert found["said"] == [0.6, 0.9]
    assert found["observed"] == [0.5, 1.0]
    assert found["error"] == pytest.approx(0.1)


def test_thresholds() -> None:
    found = thresholds.measure(study([0, 1, 1, 0], [0.1, 0.4, 0.8, 0.8], "binary"))
    rate = thresholds.rates(found)
    assert rate["precision"][[0, 40, 41]].tolist() == pytest.approx([0.5, 2 / 3, 0.5])
    assert rate["recall"][[0, 40, 41, 81]].tolist() == [1, 1, 0.5, 0]
    assert rate["f1"][40] == pytest.approx(0.8)
    assert rate["false"][[0, 40]].tolist() == [1, 0.5]
    assert np.isnan(rate["precision"][81])
    only = study([1, 1], [0.2, 0.4], "binary")
    assert thresholds.measure(only)["why"] == "only class 1 occurs on test"
    section = shown(only, "thresholds")
    assert section is not None
    assert section.text == "Not computed: only class 1 occurs on test."


@hypothesis_given(st.lists(st.tuples(st.booleans(), st.integers(0, 100)), min_size=2, max_size=30))
def test_every_row_reaches_its_own_threshold(rows: list[tuple[bool, int]]) -> None:
    happened = [float(one) for one, _ in rows]
    found = thresholds.measure(study(happened, [n / 100 for _, n in rows], "binary"))
    if "why" in found:
        assert len(set(happened)) == 1
        return
    for step in range(101):
        wanted = sum(one for one, n in rows if n >= step)
        assert found["found"][step] == wanted


def test_confusion_with_a_class_missing_in_test_and_one_unknown() -> None:
    said = np.eye(3)[[0, 0, 1, 1]]
    found = study([0, 1, 1, -1], said, "multiclass", ("a", EVIL, "c"))
    figures = confusion.measure(found)
    assert figures["labels"] == ["a", EVIL, "c", confusion.OTHERS, confusion.UNKNOWN]
    assert figures["counts"][:2] == [[1, 0, 0, 0, 0], [1, 1, 0, 0, 0]]
    assert figures["counts"][4] == [0, 1, 0, 0, 0]
    section = shown(found, "confusion")
    assert section is not None
    assert section.notes == [
        "Not on test: c.",
        "1 test row of a class that is not in training.",
    ]
    by_class = {str(line.cells[0]): list(line.cells[1:]) for line in section.tables[1].lines}
    assert by_class["a"] == ["1", "50.0%", "100.0%", "0.667"]


def test_many_classes_are_put_together() -> None:
    names = tuple(f"c{n:02}" for n in range(15))
    target = [*range(15), *range(11)]
    found = confusion.measure(study(target, np.eye(15)[target], "multiclass", names))
    assert len(found["labels"]) == confusion.MOST + 2
    assert sum(map(sum, found["counts"])) == 26
    assert found["counts"][confusion.MOST][confusion.MOST] == 3


def test_the_planted_slice_is_found_and_noise_is_not() -> None:
    draw = np.random.default_rng(3)
    count = 4000
    carrier = draw.choice(["AA", "DL", EVIL], count)
    noise = draw.choice([f"n{n}" for n in range(20)], count)
    error = draw.exponential(1.0, count) + 1.0 * (carrier == EVIL)
    found = worst.measure(study(error, np.zeros(count), carrier=carrier, noise=noise))
    assert found["searched"] == 23
    assert [entry["where"] for entry in found["worst"]] == [{"carrier": EVIL}]
    (entry,) = found["worst"]
    assert entry["more"] == pytest.approx(entry["loss"] - entry["rest"])
    assert entry["more"] == pytest.approx(1.0, abs=0.15)
    low, high = entry["interval"]
    assert low < entry["more"] < high
    assert found["found"] == 1


def test_slices_with_few_rows_are_not_compared() -> None:
    few = ["a"] * 3 + ["b"] * 297
    found = worst.measure(study(np.arange(300.0), np.zeros(300), slice=few))
    assert (found["searched"], found["few"], found["worst"]) == (0, 2, [])


def test_slices_of_few_days_are_not_compared() -> None:
    days = np.arange(1500) // 150
    error = np.where(days < 4, 9.0, 1.0) + days % 3
    where = np.where(days < 4, "snow", "sun")
    found = study(error, np.zeros(1500), weather=where)
    assert worst.measure(found)["found"] == 1
    by_day = replace(found, draws=bootstrap.drawn(days, "day", 200, 1))
    searched = worst.measure(by_day)
    assert (searched["searched"], searched["few"], searched["found"]) == (1, 1, 0)
    assert slices.blocks(by_day.draws, days < 2) == 2
    assert slices.blocks(by_day.draws, days == 1) == 1


def test_holm() -> None:
    # 3 x 0.01, then 2 x 0.02, then the largest so far.
    entries: list[Any] = [{"p": 0.02}, {"p": 0.01}, {"p": 0.03}]
    assert [e["adjusted"] for e in worst._holm(entries)] == pytest.approx([0.04, 0.03, 0.04])


def test_residuals_over_time() -> None:
    time = ["2013-11-01", "2013-11-01", "2013-11-03", "NaT"]
    found = residuals.measure(study([1, 3, 10, 0], [0, 0, 0, 0], time=time))
    course = found["over_time"]
    assert course["start"] == ["2013-11-01", "2013-11-03"]
    assert course["rows"] == [2, 1]
    assert course["loss"] == [2.0, 10.0]
    assert course["residual"][0][2] == 2.0
    assert course["untimed"] == 1
    untimed = residuals.measure(study([1, 3], [0, 0]))
    assert untimed["over_time"]["why"] == "the rows with a time span 0 days"


@pytest.mark.parametrize("size", [0.0, 1e17, 1e99])
def test_residuals_at_the_ends_of_time_and_size_are_drawn(size: float) -> None:
    time = ["0001-01-01", "9999-12-31", "9999-12-31"]
    section = shown(study([size] * 3, [0, 0, 0], time=time), "residuals")
    assert section is not None
    assert [plot.name for plot in section.plots][-2:] == ["residual-over-time", "loss-over-time"]
    edges = residuals.measure(study([size] * 3, [0, 0, 0]))["histogram"]["edges"]
    assert edges[0] < size < edges[-1]


def test_periods() -> None:
    days = np.datetime64("2013-01-01") + np.arange(70)
    kind, starts, group = parts.periods(days.astype("M8[us]"))
    assert (kind, starts[:2], group[:8].tolist()) == (
        "week",
        ["2012-12-31", "2013-01-07"],
        [0, 0, 0, 0, 0, 0, 1, 1],
    )
    kind, starts, _ = parts.periods((days[0] + np.arange(800)).astype("M8[us]"))
    assert (kind, starts[1]) == ("month", "2013-02-01")


@pytest.mark.parametrize("task", METRIC)
def test_a_single_row_and_constant_predictions_are_said(task: str) -> None:
    classes = ("a", "b") if task == "multiclass" else ()
    for count in (1, 2, 40):
        target = np.arange(count) % 2
        said = np.full((count, 2), 0.5) if task == "multiclass" else np.full(count, 0.5)
        found = study(target, said, task, classes, some=["x"] * count)
        for name, entry in SECTIONS.items():
            if entry.measure is not None:
                shown(found, name)


def test_a_sample_of_references() -> None:
    table = pa.table(
        {"batch": ["a", "b"], "features": ["x", "y"], "start": [2, 0], "stop": [5, 100]}
    )
    assert sample(table, 200, 1).num_rows == 103
    some = sample(table, 20, 1)
    assert some.num_rows == 20
    assert some.equals(sample(table, 20, 1))
    assert not some.equals(sample(table, 20, 2))
    for row in some.to_pylist():
        low, high = (2, 5) if row["batch"] == "a" else (0, 100)
        assert low <= row["start"] < row["stop"] == row["start"] + 1 <= high


@pytest.fixture(scope="module")
def trees() -> Any:
    """A regression of trees and its world: the wind matters, holidays do not."""
    from ml_assets.spec.families import LightGBM

    world = World(rows=100)
    family = LightGBM(family="lightgbm", num_trees=10, num_leaves=4, min_data_in_leaf=10)
    return world, world.fit(family).outputs["model"]


def test_contributions_of_trees_add_up_to_the_prediction(trees: Any) -> None:
    world, model = trees
    table = world.features["day8"].table()
    batch = encode.encode(table, model["columns"], model["categories"])
    method, start, amounts = contributions(Fitted(model, lightgbm), batch, [0, 7])  # type: ignore[misc]
    assert method == "tree"
    said = Fitted(model, lightgbm).predict(table.take([0, 7]))
    assert (start + amounts.sum(axis=1)).tolist() == pytest.approx(said.tolist())


def test_contributions_of_a_linear_model_add_up_to_the_prediction() -> None:
    from ml_assets.spec.families import Linear

    world = World(rows=100)
    model: Any = world.fit(Linear(family="linear")).outputs["model"]
    table = world.features["day8"].table()
    batch = encode.encode(table, model["columns"], model["categories"])
    own = Fitted(model, module("linear"))
    _, start, amounts = contributions(own, batch, [0, 7])  # type: ignore[misc]
    said = own.predict(table.take([0, 7]))
    assert (start + amounts.sum(axis=1)).tolist() == pytest.approx(said.tolist())


def test_importance_and_what_is_sensitive(trees: Any) -> None:
    world, model = trees
    spec = ExplainSpec(metric="mae", seed=1, sensitive=("wind",))
    asked = {"test": world.fold("test"), "features": world.features, "model": given(model)}
    found: Any = explain(spec, family=lightgbm, **asked).outputs["explained"]
    order = [entry["feature"] for entry in found["importance"]["features"]]
    assert order[0] == "wind"
    none = next(e for e in found["importance"]["features"] if e["feature"] == "holiday")
    assert none["more"] == 0.0
    values = {
        part["feature"]: part["value"]
        for row in found["contributions"]["rows"]
        for part in row["contributions"]
    }
    assert values["wind"] == "***"
    assert values["carrier"] in ("AA", "DL", "UA")
    assert explain(spec, family=lightgbm, **asked).outputs["explained"] == found


def test_cost(trees: Any) -> None:
    _, model = trees
    found = cost(model)
    assert found["features"] == 4
    assert found["parameters"] == 4 * model["state"]["trees"]
    median = {"columns": {"a": "number"}, "state": {"median": 2.5}}
    assert cost(median) == {"features": 1, "parameters": 1, "bytes": 49}


def test_a_plot_in_a_page_and_as_a_file() -> None:
    def paint(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color=drawing.MAIN)
        axes.set_xlabel("<b>$x$</b>")

    plot = drawing.drawn("line", "A <line>", "It goes up.", paint)
    assert "var(--plot-main)" in plot.element()
    assert 'aria-hidden="true"' in plot.element()
    file = plot.file()
    assert file.startswith("<svg")
    assert "<title>A &lt;line&gt;</title><desc>It goes up.</desc>" in file
    assert "var(--" not in file
    assert "#1f5fa8" in file
    assert "<b>" not in file
    for placeholder in drawing.COLOURS:
        assert placeholder not in file + plot.element()
