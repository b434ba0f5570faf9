"""Every family: fits, refits, predicts the same for a row alone, a batch and its permutation."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ml_assets.errors import DamagedObject, HookError
from ml_assets.spec.families import (
    CatBoost,
    Custom,
    ExtraTrees,
    FamilySpec,
    GroupMedian,
    HistGradientBoosting,
    LightGBM,
    LightGBMTuned,
    Linear,
    Mean,
    Median,
    Prior,
    RandomForest,
    TargetQuantile,
)
from ml_assets.spec.model import FeatureColumn
from ml_assets.stages.train.lightgbm import without_threads
from ml_assets.stages.train.median import weighted_median
from ml_assets.stages.train.predict import predict
from ml_assets.stages.train.sampling import sample
from ml_assets_tests.stages.flights import World, module

TREES = LightGBM(family="lightgbm", num_trees=30, num_leaves=7, min_data_in_leaf=10)
TUNED = LightGBMTuned(family="lightgbm_tuned", trials=3, start=TREES)
GROWN: list[FamilySpec] = [
    CatBoost(family="catboost", num_trees=30, depth=3),
    RandomForest(family="random_forest", num_trees=5, num_leaves=20),
    ExtraTrees(family="extra_trees", num_trees=5, num_leaves=20, feature_fraction=1.0),
    HistGradientBoosting(family="hist_gradient_boosting", num_trees=20, num_leaves=7),
]
FAMILIES: dict[str, list[FamilySpec]] = {
    "regression": [
        Median(family="median"),
        Mean(family="mean"),
        TargetQuantile(family="quantile", alpha=0.4),
        GroupMedian(family="group_median", by="carrier"),
        Linear(family="linear"),
        TREES,
        TUNED,
        *GROWN,
    ],
    "binary": [Prior(family="prior"), Linear(family="linear"), TREES, TUNED, *GROWN],
    "multiclass": [Prior(family="prior"), Linear(family="linear"), TREES, *GROWN],
}
EACH = [
    pytest.param(task, family, id=f"{task}-{family.family}")
    for task, families in FAMILIES.items()
    for family in families
]


@pytest.mark.parametrize(("task", "family"), EACH)
def test_fits_and_predicts_alike_for_one_row_a_batch_and_a_permuted_batch(
    task: str, family: FamilySpec
) -> None:
    world = World(task)
    fitted = world.fit(family)
    again = world.refit(family, fitted)
    for result in (fitted, again):
        model = json.loads(json.dumps(result.outputs["model"], allow_nan=False, sort_keys=True))
        table = world.features["day8"].table()
        whole = predict(model, module(family.family), table)
        order = np.random.default_rng(1).permutation(len(table))
        mixed = predict(model, module(family.family), table.take(pa.array(order)))
        alone = [predict(model, module(family.family), table.slice(n, 1))[0] for n in range(30)]
        assert np.isfinite(whole).all()
        assert np.array_equal(mixed, whole[order])
        assert np.array_equal(np.array(alone), whole[:30])
    assert again.metadata["rows"] == 7 * world.rows
    if task == "multiclass":
        assert whole.shape == (world.rows, 3)
        assert whole.sum(axis=1) == pytest.approx(1.0)


@pytest.mark.parametrize(("task", "family"), EACH)
def test_same_inputs_same_model_with_one_thread_and_with_two(task: str, family: FamilySpec) -> None:
    # Few trees: two threads on a machine that has no core to spare wait for each other.
    few = TREES.model_copy(update={"num_trees": 5})
    if isinstance(family, LightGBM):
        family = few
    if isinstance(family, LightGBMTuned):
        family = family.model_copy(update={"start": few, "trials": 2})
    one, two = World(task), World(task)
    first, second = one.fit(family, threads=1), two.fit(family, threads=2)
    assert first.outputs == second.outputs
    first = one.refit(family, first, threads=1)
    assert first.outputs == two.refit(family, second, threads=2).outputs


@pytest.mark.parametrize("task", FAMILIES)
def test_learners_beat_the_baseline_and_say_their_scores(task: str) -> None:
    world = World(task)
    metric = "mae" if task == "regression" else "log_loss"
    scores = [world.fit(family).outputs["scores"] for family in FAMILIES[task]]
    baselines = [s["validation"][metric] for s in scores if s["baseline"]]
    learners = [s["validation"][metric] for s in scores if not s["baseline"]]
    assert baselines
    assert max(learners) < min(baselines)
    assert scores[-1]["rows"] == {"train": 1200, "validation": 200}
    assert 0 < scores[-1]["trees"] <= 30


@pytest.mark.parametrize("task", FAMILIES)
def test_constant_target_still_gives_a_model(task: str) -> None:
    world = World(task)
    value = pa.array(["late"] * 200) if task == "multiclass" else pa.array([1.0] * 200)
    if task == "binary":
        value = value.cast(pa.int8())
    world.change("_target", value)
    for family in FAMILIES[task]:
        fitted = world.fit(family)
        model = world.refit(family, fitted).outputs["model"]
        found = predict(model, module(family.family), world.features["day0"].table())
        assert (found == 1.0).all()
        assert "the target is constant" in fitted.metadata["notes"][0]
    metric = {"regression": "r2", "binary": "auc"}.get(task)
    if metric:
        assert fitted.outputs["scores"]["validation"][metric] is None


def test_a_target_that_varies_only_in_validation_is_not_refitted() -> None:
    world = World()
    world.change("_target", pa.array([1.0] * 200), [f"day{n}" for n in range(6)])
    fitted = world.fit(TREES)
    again = world.refit(TREES, fitted)
    assert again.outputs["model"] == fitted.outputs["model"]
    assert again.metadata["notes"] == ["the target was constant in train: not refitted"]


@pytest.mark.parametrize(("task", "family"), EACH)
def test_bad_features_unseen_values_and_one_row_of_validation(
    task: str, family: FamilySpec
) -> None:
    world = World(task)
    world.columns["gone"] = FeatureColumn(type="number")
    world.columns["empty"] = FeatureColumn(type="category")
    world.columns['naïve <b>{}[],:"'] = FeatureColumn(type="number")
    for day, handle in world.features.items():
        table = handle.table()
        wild = pa.array(np.where(np.arange(len(table)) % 5, 1.0, np.inf))
        table = table.append_column("gone", pa.nulls(len(table), pa.float64()))
        table = table.append_column("empty", pa.nulls(len(table), pa.string()))
        table = table.append_column('naïve <b>{}[],:"', wild)
        one = table.slice(0, 1) if day == "day6" else table
        world.features[day] = type(handle)(one, day)
    new = pa.array(["never seen"]).dictionary_encode()
    world.change("carrier", new, ["day6"])
    fitted = world.fit(family)
    model = world.refit(family, fitted).outputs["model"]
    json.dumps(fitted.outputs, allow_nan=False)
    assert np.isfinite(predict(model, module(family.family), world.features["day6"].table())).all()


@pytest.mark.parametrize(("task", "family"), EACH)
def test_weights_are_used(task: str, family: FamilySpec) -> None:
    plain, weighted = World(task), World(task, weighted=True)
    model = weighted.fit(family).outputs["model"]
    assert model["state"] != plain.fit(family).outputs["model"]["state"]


def test_a_class_unseen_in_training_scores_as_wrong() -> None:
    world = World("multiclass")
    world.change("_target", pa.array(["diverted"] * 200), ["day6"])
    for family in FAMILIES["multiclass"]:
        scores = world.fit(family).outputs["scores"]
        assert scores["validation"]["accuracy"] == 0.0


@pytest.mark.parametrize(
    ("task", "metric"),
    [
        ("regression", "rmse"),
        ("regression", "r2"),
        ("regression", "median_ae"),
        ("binary", "brier"),
        ("binary", "auc"),
        ("binary", "accuracy"),
        ("multiclass", "accuracy"),
        ("regression", "mape"),
        ("binary", "average_precision"),
        ("binary", "f1"),
        ("multiclass", "balanced_accuracy"),
    ],
)
def test_early_stopping_follows_the_metric(task: str, metric: str) -> None:
    world = World(task)
    fitted = world.fit(TREES, metric=metric)
    curve, scores = fitted.metadata["curve"], fitted.outputs["scores"]
    at_best = curve["validation"][scores["trees"] - 1]
    value = scores["validation"][metric]
    if metric == "accuracy":
        value = 1 - value
    instead = {"r2": "mean squared error", "f1": "log_loss", "balanced_accuracy": "log_loss"}
    instead["mape"] = "mean absolute error relative to the target, or to 1 where that is more"
    if metric in instead:
        assert curve["metric"] == instead[metric]
        assert at_best == min(curve["validation"])
    else:
        assert at_best == pytest.approx(value, rel=1e-6)
    world.fit(TUNED, metric=metric) if task != "multiclass" else None


def test_medians_by_hand() -> None:
    world = World(rows=4)
    world.change("_target", pa.array([1.0, 2.0, 3.0, 10.0]))
    world.change("carrier", pa.array(["AA", "AA", "DL", None]).dictionary_encode())
    family = GroupMedian(family="group_median", by="carrier")
    state = world.fit(family).outputs["model"]["state"]
    assert state == {"by": "carrier", "overall": 2.5, "groups": [[0.0, 1.5], [1.0, 3.0]]}
    table = world.features["day0"].table()
    world.change("carrier", pa.array(["DL", "AA", "XX", None]), ["day0"])
    model = world.fit(Median(family="median")).outputs["model"]
    assert predict(model, module("median"), table).tolist() == [2.5] * 4
    model = {**model, "state": state, "categories": {"carrier": ["AA", "DL"]}}
    found = predict(model, module("group_median"), world.features["day0"].table())
    assert found.tolist() == [3.0, 1.5, 2.5, 2.5]
    assert weighted_median(np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 1.0])) == 2.0


def test_groups_by_a_number_and_groups_without_weight() -> None:
    world = World(weighted=True)
    by_hour = GroupMedian(family="group_median", by="hour")
    assert len(world.fit(by_hour).outputs["model"]["state"]["groups"]) == 24
    world.change("hour", pa.nulls(200, pa.int64()))
    assert world.fit(by_hour).outputs["model"]["state"]["groups"] == []


def test_linear_predicts_what_scikit_learn_predicts_and_takes_rows_evenly() -> None:
    world = World()
    small = Linear(family="linear", max_rows=100)
    fitted = world.fit(small)
    assert fitted.metadata["notes"] == ["fitted on 100 of 1,200 evenly spaced rows"]
    assert fitted.outputs["model"]["state"]["rows"] == 100
    assert sample(np.array([0.0] * 9 + [1.0]), 3, classes=True).tolist() == [0, 4, 9]
    assert sample(np.arange(4.0), 9, classes=False).tolist() == [0, 1, 2, 3]
    wind = world.features["day0"].table()["wind"].to_numpy()
    found = predict(fitted.outputs["model"], module("linear"), world.features["day0"].table())
    slope = np.polyfit(wind[np.isfinite(wind)], found[np.isfinite(wind)], 1)[0]
    assert slope == pytest.approx(3.0, abs=0.3)


def test_linear_with_no_weight_in_its_sample_weighs_alike() -> None:
    world = World(weighted=True)
    world.change("_weight", pa.array([0.0] + [1.0] * 198 + [0.0]))
    few = Linear(family="linear", max_rows=2)
    assert world.fit(few).outputs["model"]["state"]["rows"] == 2


def test_two_classes_of_a_multiclass_task() -> None:
    world = World("multiclass")
    world.change(
        "_target", lambda t: pa.array(["a" if h < 12 else "b" for h in t["hour"].to_pylist()])
    )
    for family in FAMILIES["multiclass"][1:]:
        scores = world.fit(family).outputs["scores"]
        assert scores["validation"]["accuracy"] > 0.8


def test_trees_are_kept_as_text_without_threads() -> None:
    import lightgbm

    world = World()
    model = world.fit(TREES).outputs["model"]
    text = model["state"]["model"]
    assert "num_threads" not in text
    assert "parameters:" in text
    assert lightgbm.Booster(model_str=text).num_trees() == model["state"]["trees"]
    assert without_threads("tree\n[num_threads: 9]\n\nparameters:\n[a: 1]\n[num_threads: 2]\n") == (
        "tree\n[num_threads: 9]\n\nparameters:\n[a: 1]\n"
    )


def test_tuning_starts_from_start_and_keeps_the_best_trial() -> None:
    world = World()
    start = TREES.model_copy(update={"num_leaves": 4, "learning_rate": 0.9})
    family = TUNED.model_copy(update={"start": start})
    fitted = world.fit(family)
    trials = fitted.metadata["trials"]
    assert [trial["trial"] for trial in trials] == [0, 1, 2]
    assert trials[0]["num_leaves"] == 4
    assert trials[0]["learning_rate"] == 0.9
    best = min(trials, key=lambda trial: trial["value"])
    assert fitted.outputs["scores"]["settings"]["num_leaves"] == best["num_leaves"]
    again = world.refit(family, fitted).outputs["model"]
    assert again["settings"] == fitted.outputs["model"]["settings"]
    assert again["state"]["trees"] == best["trees"]


def test_tuning_on_few_rows_tries_small_leaves_and_finds_a_split() -> None:
    world = World(rows=30)
    fitted = world.fit(LightGBMTuned(family="lightgbm_tuned", trials=2))
    # Of 180 rows a leaf needs at most nine.
    assert fitted.metadata["trials"][0]["min_data_in_leaf"] == 9
    assert 1 <= fitted.metadata["trials"][1]["min_data_in_leaf"] <= 9
    assert fitted.outputs["scores"]["validation"]["r2"] > 0.5


WEIGHED = [
    family for family in FAMILIES["binary"] if family.family not in ("prior", "lightgbm_tuned")
]


@pytest.mark.parametrize("family", WEIGHED, ids=lambda family: family.family)
def test_balanced_classes_make_the_rare_one_likelier(family: FamilySpec) -> None:
    world = World("binary")
    rare = np.where(np.arange(200) % 8 == 0, 1, 0).astype(np.int8)
    world.change("_target", pa.array(rare))
    table = world.features["day8"].table()

    def mean(kind: FamilySpec) -> float:
        model = world.refit(kind, world.fit(kind)).outputs["model"]
        return float(predict(model, module(kind.family), table).mean())

    plain = mean(family)
    assert plain < 0.3
    assert mean(family.model_copy(update={"class_weight": "balanced"})) > plain + 0.1


OWN = Custom(family="custom", module="own.py:mean", settings={"shrink": 0.5})


def mean(**changes: Any) -> SimpleNamespace:
    """A family of the user's own: the mean, shrunk."""

    def fit(settings: Any, train: Any, validation: Any, context: Any) -> dict[str, Any]:
        report = {"notes": ["shrunk"], "curve": {"metric": context.metric, "validation": [1.0]}}
        return {"mean": settings["shrink"] * float(train.target.mean()), "report": report}

    def refit(settings: Any, state: Any, fold: Any, context: Any) -> dict[str, Any]:
        return {"mean": settings["shrink"] * float(fold.target.mean()), "before": state["mean"]}

    def predict(state: Any, batch: Any) -> Any:
        return np.full(batch.num_rows, state["mean"])

    return SimpleNamespace(**{"fit": fit, "refit": refit, "predict": predict, **changes})


def test_a_family_of_your_own() -> None:
    world = World()
    fitted = world.fit(OWN, own=mean())
    model = fitted.outputs["model"]
    assert model["source"] == "own.py:mean"
    assert "report" not in model["state"]
    assert fitted.metadata["notes"] == ["shrunk"]
    again = world.refit(OWN, fitted, own=mean()).outputs["model"]
    assert again["state"]["before"] == model["state"]["mean"]
    assert len(predict(again, mean(), world.features["day0"].table())) == 200


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fit": lambda *_: None}, "own.py:fit returned NoneType, wanted a dict"),
        ({"fit": lambda *_: {"a": np.ones(1)}}, "own.py:fit returned no plain JSON"),
        ({"fit": lambda *_: {"a": float("nan")}}, "own.py:fit returned no plain JSON"),
        ({"fit": lambda *_: 1 / 0}, r"own.py:fit raised ZeroDivisionError at line \d+: "),
        ({"fit": lambda *_: {"mean": 1, "importance": [1]}}, "1 numbers as importance, wanted 4"),
        ({"fit": None}, "own.py has no function fit"),
        ({"predict": lambda *_: [1.0]}, "own.py:predict returned list, wanted an array of 200"),
        ({"predict": lambda *_: "?"}, "own.py:predict returned str"),
        ({"predict": lambda *_: np.ones((200, 2))}, r"predict returned shape \(200, 2\)"),
        ({"predict": lambda *_: np.full(200, np.nan)}, "not finite"),
    ],
)
def test_a_family_of_your_own_that_breaks_its_promise(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(HookError, match=said):
        World().fit(OWN, own=mean(**changes))


def test_no_rows_no_predictions() -> None:
    world = World("multiclass")
    model = world.fit(TREES).outputs["model"]
    assert predict(model, module("lightgbm"), world.features["day0"].table()[:0]).shape == (0, 3)


def test_a_damaged_object_is_no_fault_of_a_family_of_your_own() -> None:
    def fit(settings: Any, train: Any, *_: Any) -> Any:
        raise DamagedObject("d1:aa", "object d1:aa is damaged")

    with pytest.raises(DamagedObject, match=r"^object d1:aa is damaged$"):
        World().fit(OWN, own=mean(fit=fit))


def test_mean_and_quantile_by_hand() -> None:
    world = World(rows=4, weighted=True)
    world.change("_target", pa.array([1.0, 2.0, 3.0, 10.0]))
    world.change("_weight", pa.array([1.0, 1.0, 1.0, 5.0]))
    mean_of = world.fit(Mean(family="mean")).outputs["model"]
    assert mean_of["state"] == {"value": 7.0}  # type: ignore[call-overload,index]
    quantile = TargetQuantile(family="quantile")
    for metric, wanted in (("pinball_0.3", 3.0), ("pinball_0.9", 10.0), ("mae", 10.0)):
        model: Any = world.fit(quantile, metric=metric).outputs["model"]
        assert model["state"] == {"value": wanted}
