"""The evaluation: figures, slices, predictions, and a page that escapes everything."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ml_assets.errors import HookError
from ml_assets.spec.families import FamilySpec, GroupMedian, LightGBM, Linear, Median, Prior
from ml_assets.spec.model import ChangeSpec, ChooseSpec, ExplainSpec, OptimismSpec, ReportSpec
from ml_assets.stages.evaluate import drawing, rows, slices, words
from ml_assets.stages.evaluate.evaluate import evaluate
from ml_assets.stages.evaluate.explain import explain
from ml_assets.stages.evaluate.optimism import optimism
from ml_assets.stages.evaluate.report import report
from ml_assets.stages.notes import CONSTANT_TARGET, ONE_VALUE
from ml_assets.stages.paired.change import change
from ml_assets.stages.result import Result
from ml_assets.stages.train.choose import choose
from ml_assets_tests.handles import given
from ml_assets_tests.stages.flights import METRIC, World, module

TREES = LightGBM(family="lightgbm", num_trees=20, num_leaves=7, min_data_in_leaf=10)


def families(task: str) -> dict[str, FamilySpec]:
    base: FamilySpec = Median(family="median") if task == "regression" else Prior(family="prior")
    return {"base": base, "linear": Linear(family="linear"), "trees": TREES}


def run(world: World, names: tuple[str, ...] = ("base", "trees"), **changes: Any) -> Result:
    """Fit, choose, refit and evaluate, as the plan does."""
    metrics, sensitive = changes.pop("hooks", {}), changes.pop("sensitive", ())
    declared = {n: f for n, f in families(world.task).items() if n in names}
    declared |= changes.pop("families", {})
    metric: Any = changes.pop("metric", METRIC[world.task])
    fitted = {name: world.fit(family, metric=metric) for name, family in declared.items()}
    board: Any = choose(
        ChooseSpec(metric=metric, baselines=("base",)),
        scores={name: given(result.outputs["scores"]) for name, result in fitted.items()},
    ).outputs["leaderboard"]
    board["chosen"] = changes.pop("chosen", board["chosen"])
    chosen = declared[board["chosen"]]
    models = {
        n: world.refit(f, fitted[n], metric=metric).outputs["model"] for n, f in declared.items()
    }
    spec = ReportSpec.model_validate(
        {
            "model": "flight_delay",
            "description": "How late <b>&amp;</b>?",
            "task": world.task,
            "metric": metric,
            "target": "arr_delay > 15",
            "target_unit": "min" if world.task == "regression" else None,
            "time": "departure",
            "columns": {name: c.model_dump() for name, c in world.columns.items()},
            "evaluation": {"slices": ["origin", "carrier", "wind", "holiday"], **changes},
            "seed": 1,
            "sensitive": sensitive,
            "candidate": "d1:0a",
        }
    )
    own, model = module(chosen.family), given(models[board["chosen"]])
    folds: Any = {fold: world.fold(fold) for fold in ("train", "validation", "test")}
    found = evaluate(
        spec,
        family=own,
        model=model,
        leaderboard=given(board),
        test=folds["test"],
        features=world.features,
        baseline=given(models["base"]),
        baseline_family=module(declared["base"].family),
        others={},
        other_families={},
        metrics=metrics,
    )
    outputs = dict(found.outputs)
    test = {"test": folds["test"], "features": world.features}
    asked = ExplainSpec(metric=metric, seed=1, sensitive=spec.sensitive)
    outputs |= explain(asked, family=own, model=model, **test).outputs
    fit = OptimismSpec(fit=world.spec(chosen))
    outputs |= optimism(fit, family=own, model=model, **folds, features=world.features).outputs
    said = {n: given(outputs[n]) for n in ("metrics", "sections", "explained", "optimism")}
    # The baseline stands for the previous candidate.
    asked_of = ChangeSpec(
        task=world.task,
        metric=metric,
        target=spec.target,
        key=("flight",),
        slices=tuple(n for n in spec.evaluation.slices if n not in sensitive),
        intervals=spec.evaluation.intervals,
        seed=1,
        previous="d1:before",
    )
    features = {day: given(h.content, f"d1:{day}") for day, h in world.features.items()}
    said["change"] = given(
        change(
            asked_of,
            family=own,
            model=model,
            **folds,
            features=features,
            predictions=given(outputs["predictions"]),
            other_family=module(declared["base"].family),
            other=given(models["base"]),
            other_train=folds["train"],
            other_validation=folds["validation"],
            other_features=features,
        ).outputs["change"]
    )
    return Result(outputs | report(spec, **said, **folds).outputs)


class Page(HTMLParser):
    """Collects what matters of a page: tags, ids, links to the outside."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.links += [v or "" for name, v in attrs if name in ("src", "href", "xlink:href")]


@pytest.mark.parametrize("task", METRIC)
def test_figures_predictions_and_page(task: str) -> None:
    result = run(World(task), ("base", "linear", "trees"))
    found: Any = result.outputs["metrics"]
    metric = METRIC[task]
    json.dumps(found, allow_nan=False)
    assert found["rows"] == 400
    assert found["chosen"] in ("linear", "trees")
    assert found["baseline_family"] == "base"
    assert found["test"][metric] < found["baseline"][metric]
    low, high = found["intervals"][metric]
    assert low <= found["test"][metric] <= high
    difference = found["difference"][metric]
    assert difference["value"] == found["test"][metric] - found["baseline"][metric]
    assert difference["low"] <= difference["value"] <= difference["high"] < 0
    table: Any = result.outputs["predictions"]
    assert table.num_rows == 400
    assert table["_key"].to_pylist()[:2] == ["7-0", "7-1"]
    assert set(table["batch"].to_pylist()) == {"day7", "day8"}
    if task == "regression":
        errors = np.abs(table["target"].to_numpy() - table["prediction"].to_numpy())
        assert errors.mean() == pytest.approx(found["test"]["mae"])
    if task == "multiclass":
        right = np.equal(table["target"].to_pylist(), table["prediction"].to_pylist())
        assert right.mean() == pytest.approx(found["test"]["accuracy"])
    page: Any = result.outputs["report"]
    assert len(page) < 2_000_000
    assert "Better than the trivial baseline" in page.decode()


@pytest.mark.parametrize(
    ("task", "metric"),
    [
        ("regression", "mape"),
        ("binary", "f1"),
        ("binary", "average_precision"),
        ("binary", "balanced_accuracy"),
        ("multiclass", "f1"),
        ("multiclass", "balanced_accuracy"),
    ],
)
def test_a_metric_that_is_asked_for_is_measured_like_the_others(task: str, metric: str) -> None:
    result = run(World(task, rows=120), metric=metric)
    found: Any = result.outputs["metrics"]
    assert found["chosen"] == "trees"
    low, high = found["intervals"][metric]
    assert low <= found["test"][metric] <= high
    assert found["difference"][metric]["low"] is not None
    assert all(metric in entry["metrics"] for entry in found["slices"])
    page: Any = result.outputs["report"]
    assert "Better than the trivial baseline" in page.decode()


@pytest.mark.parametrize("task", METRIC)
def test_the_same_inputs_give_the_same_bytes(task: str) -> None:
    assert run(World(task)).outputs["report"] == run(World(task)).outputs["report"]


def test_the_page_is_one_offline_file_in_which_everything_is_escaped() -> None:
    world = World()
    evil = "<script>alert('x')</script>"
    world.change("_slice_origin", pa.array([evil] * 200))
    text = bytes(run(world).outputs["report"]).decode()
    page = Page(text)
    assert "script" not in page.tags
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in text
    assert "How late &lt;b&gt;&amp;amp;&lt;/b&gt;?" in text
    assert "Wind at &lt;departure&gt; &amp; gusts" in text
    assert all(link.startswith("#") for link in page.links)
    assert "url(http" not in text
    assert len(page.ids) == len(set(page.ids))
    inner = {link[1:] for link in page.links}
    assert inner <= set(page.ids)
    assert page.tags.count("figcaption") == page.tags.count("svg") == 5
    assert "&#34;Segoe UI" not in text
    for placeholder in drawing.COLOURS:
        assert placeholder not in text


def test_slices_are_worst_first_and_few_rows_last() -> None:
    world = World()
    values = pa.array(["JFK"] * 100 + ["EWR"] * 98 + ["LGA", None])
    world.change("_slice_origin", values)
    found: Any = run(world).outputs["metrics"]
    origin = [entry for entry in found["slices"] if entry["slice"] == "origin"]
    assert [entry["few"] for entry in origin] == [False, False, True, True]
    assert {entry["value"] for entry in origin[2:]} == {"LGA", "(missing)"}
    assert origin[0]["metrics"]["mae"] >= origin[1]["metrics"]["mae"]
    assert sum(entry["rows"] for entry in origin) == 400
    low, high = origin[0]["interval"]
    assert low <= origin[0]["metrics"]["mae"] <= high
    wind = {entry["value"] for entry in found["slices"] if entry["slice"] == "wind"}
    assert len(wind) == 5


def test_groups_of_a_slice() -> None:
    def grouped(values: list[Any]) -> tuple[list[str], list[int]]:
        labels, code = slices.groups(pa.chunked_array([pa.array(values)]))
        return labels, code.tolist()

    assert grouped(["b", "a", "a"]) == (["a", "b"], [1, 0, 0])
    assert grouped([True, False, None, True]) == (["true", "(missing)", "false"], [0, 2, 1, 0])
    assert grouped([7, 8, 8]) == (["8", "7"], [1, 0, 0])
    labels, code = grouped([float(n) for n in range(20)])
    assert (
        labels == ["9 to under 14", "14 and above", "4 to under 9", "under 4"] or len(labels) == 4
    )
    assert len(code) == 20
    labels, _ = grouped([1e9 + n for n in range(20)])
    assert "1000000004" in " ".join(labels)
    many, code = grouped([f"{n:02}" for n in range(40)])
    assert many[-1] == "(10 other values)"
    assert code[-1] == 30
    assert grouped([None, None]) == (["(missing)"], [0, 0])
    empty: pa.ChunkedArray = pa.chunked_array([pa.nulls(2, pa.float64())])
    assert slices.groups(empty)[0] == ["(missing)"]


@pytest.mark.parametrize("task", METRIC)
def test_a_constant_target_still_gives_a_report(task: str) -> None:
    world = World(task)
    value = pa.array(["late"] * 200) if task == "multiclass" else pa.array([1.0] * 200)
    world.change("_target", value.cast(pa.int8()) if task == "binary" else value)
    result = run(world)
    found: Any = result.outputs["metrics"]
    assert found["chosen"] == "base"
    json.dumps(found, allow_nan=False)
    assert CONSTANT_TARGET in found["notes"]
    name = {"regression": "r2", "binary": "auc"}.get(task)
    if name:
        assert found["test"][name] is None
        assert found["intervals"][name] is None
        assert found["difference"][name]["value"] is None
        assert any(note.startswith(f"{name} has no value") for note in found["notes"])
    page = bytes(result.outputs["report"]).decode()
    assert "No better than the trivial baseline" in page


def test_why_a_trivial_family_was_taken_stands_with_the_result() -> None:
    world = World("binary")
    world.change("_target", pa.array([0] * 200, pa.int8()), [list(world.features)[-3]])
    result = run(world, metric="auc")
    found: Any = result.outputs["metrics"]
    said = (
        "the families could not be ranked on validation: auc has no value there (only one class "
        "occurs), so a trivial one was taken"
    )
    assert found["chosen"] == "base"
    assert [note for note in found["notes"] if note.startswith(said)]
    assert f"T{said[1:]}" in bytes(result.outputs["report"]).decode(), "in the verdict's sentence"


def test_a_model_that_says_one_value_is_said_to() -> None:
    few = TREES.model_copy(update={"min_data_in_leaf": 100_000})
    found: Any = run(World(), families={"trees": few}, chosen="trees").outputs["metrics"]
    assert ONE_VALUE in found["notes"]
    assert ONE_VALUE not in run(World(), chosen="base").outputs["metrics"]["notes"]
    assert ONE_VALUE not in run(World()).outputs["metrics"]["notes"]


def test_one_test_row() -> None:
    world = World()
    days = list(world.features)
    world.features[days[-1]] = given(world.features[days[-1]].table()[:1])
    world.features[days[-2]] = given(world.features[days[-2]].table()[:0])
    result = run(world)
    found: Any = result.outputs["metrics"]
    assert found["rows"] == 1
    assert found["intervals"]["mae"] is None
    assert b"No interval for the difference" in bytes(result.outputs["report"])


def test_a_model_no_better_than_chance_and_one_that_is_worse() -> None:
    world = World()
    noise = pa.array(np.random.default_rng(7).normal(size=200))
    days = list(world.features)
    for number, day in enumerate(days):
        world.change("_target", pa.array(np.random.default_rng(number).normal(size=200)), [day])
    world.change("_target", world.features["day6"].table()["wind"].fill_null(0.0), ["day6"])
    page = bytes(run(world).outputs["report"]).decode()
    assert "trivial baseline</h2>" in page
    world = World()
    for day in days[-2:]:
        world.change("_target", pa.array(np.full(200, 42.0)), [day])
        world.change("wind", noise, [day])
    page = bytes(run(world).outputs["report"]).decode()
    assert "Worse than the trivial baseline" in page
    assert "not better than baseline" in page


def bias(target: Any, prediction: Any) -> float:
    return float((prediction - target).mean())


def test_a_metric_of_your_own() -> None:
    result = run(World(), hooks={"bias": bias}, metrics={"bias": "own.py:bias"})
    found: Any = result.outputs["metrics"]
    assert abs(found["test"]["bias"]) < 2
    assert found["intervals"]["bias"] is None
    assert found["difference"]["bias"]["low"] is None
    assert b">bias<" in bytes(result.outputs["report"]).replace(b"\n", b"")


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        (lambda target, prediction: "1", "own.py:bias returned '1', wanted one finite number"),
        (lambda target, prediction: True, "own.py:bias returned True"),
        (lambda target, prediction: float("nan"), "own.py:bias returned nan"),
        (lambda target, prediction: np.ones(2), "own.py:bias returned array"),
        (lambda target, prediction: 1 / 0, r"own.py:bias raised ZeroDivisionError at line \d+: "),
        (lambda target: 1.0, "own.py:bias raised TypeError: "),
    ],
)
def test_a_metric_of_your_own_that_returns_the_wrong_thing(hook: Any, said: str) -> None:
    with pytest.raises(HookError, match=said):
        run(World(), hooks={"bias": hook}, metrics={"bias": "own.py:bias"})


def test_classes_of_the_baseline_are_put_in_the_order_of_the_model() -> None:
    model = {
        "family": "prior",
        "source": None,
        "task": "multiclass",
        "columns": {"hour": "integer"},
        "categories": {},
        "classes": ["b", "a"],
        "state": {"binary": False, "shares": [0.75, 0.25]},
    }
    table = pa.table({"hour": [1]})
    found = rows.aligned(rows.Fitted(model, module("prior")), table, ["a", "b", "c"])
    assert found.tolist() == [[0.25, 0.75, 0.0]]


def test_a_group_median_may_be_the_baseline_of_a_linear_model() -> None:
    world = World()
    family = GroupMedian(family="group_median", by="carrier")
    assert world.fit(family).outputs["scores"]["baseline"]
    assert world.fit(Linear(family="linear")).outputs["scores"]["baseline"] is False


def test_numbers_for_people() -> None:
    assert words.number(None) == "\N{EN DASH}"
    assert words.number(-2.5) == "\N{MINUS SIGN}2.500"
    assert words.number(1234.0, "min") == "1234 min"
    assert words.number(0.0) == "0.000"
