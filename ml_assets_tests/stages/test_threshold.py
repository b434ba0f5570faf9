"""The threshold of a binary model: chosen on rows not learned from, used wherever a class is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn import metrics as theirs

from ml_assets.engine.recipes.release import programs
from ml_assets.release.read import unpacked
from ml_assets.release.score import foreign, score
from ml_assets.spec.families import Linear, Prior
from ml_assets.spec.model import FitSpec, Training
from ml_assets.spec.threshold import ByCosts, Costs
from ml_assets.stages import metrics
from ml_assets.stages.evaluate import bootstrap
from ml_assets.stages.score.answer import predicted
from ml_assets.stages.train import threshold
from ml_assets.stages.train.fit import fit
from ml_assets.stages.train.predict import predict
from ml_assets_tests.release.bundles import bundle_bytes, files_of, released
from ml_assets_tests.stages.flights import World, module

LINEAR = Linear(family="linear")
BY_COSTS = ByCosts(costs=Costs(false_positive=1.0, false_negative=5.0))
TARGET = np.array([0.0, 0.0, 1.0, 0.0, 1.0, 1.0])
CHANCE = np.array([0.1, 0.2, 0.3, 0.4, 0.6, 0.9])


def test_by_hand() -> None:
    # From 0.25 on: three hits, one false alarm, F1 = 6/7. From 0.5 on: two hits, one miss, 4/5.
    assert threshold.chosen("f1", TARGET, CHANCE) == (0.25, None)
    # A miss costs five: the false alarm at 0.4 is cheaper.
    assert threshold.chosen(BY_COSTS, TARGET, CHANCE) == (0.25, None)
    dear = ByCosts(costs=Costs(false_positive=5.0, false_negative=1.0))
    assert threshold.chosen(dear, TARGET, CHANCE) == (0.5, None)
    assert threshold.chosen(0.7, TARGET, CHANCE) == (0.7, None)


def test_of_one_class_there_is_nothing_to_choose() -> None:
    found, note = threshold.chosen("f1", np.ones(3), np.array([0.2, 0.3, 0.4]))
    assert found == 0.5
    assert note == "threshold 0.5: only one class occurs in the rows that would choose it"


@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.50001, 0.9, 1.0])),
        min_size=2,
        max_size=30,
    ).filter(lambda rows: len({true for true, _ in rows}) == 2),
    st.sampled_from(["f1", "costs"]),
)
def test_no_other_threshold_is_better(rows: list[tuple[bool, float]], kind: str) -> None:
    target = np.array([float(true) for true, _ in rows])
    chance = np.array([value for _, value in rows])

    def value(at: float) -> float:
        said = chance >= at
        if kind == "f1":
            return float(theirs.f1_score(target, said, zero_division=0.0))
        return -float((said & (target == 0)).sum() + 5.0 * (~said & (target == 1)).sum())

    rule: Any = "f1" if kind == "f1" else BY_COSTS
    found, _ = threshold.chosen(rule, target, chance)
    assert 0.0 <= found <= 1.0
    best = max(value(at) for at in [0.0, *np.nextafter(chance, 2.0), *chance])
    assert value(found) == pytest.approx(best)


def spec_of(world: World, rule: Any, family: Any = LINEAR) -> FitSpec:
    return FitSpec.model_validate({**dict(world.spec(family, metric="f1")), "threshold": rule})


def test_a_fit_chooses_on_validation_and_a_refit_keeps_it() -> None:
    world = World("binary")
    spec = spec_of(world, BY_COSTS)
    folds = {name: world.fold(name) for name in ("train", "validation")}
    fitted = fit(spec, family=module("linear"), features=world.features, **folds)
    model: Any = fitted.outputs["model"]
    table = world.features["day6"].table()
    target, chance = table["_target"].to_numpy(), predict(model, module("linear"), table)
    assert model["threshold"] == threshold.chosen(BY_COSTS, target, chance)[0]
    assert model["threshold"] < 0.5
    said: Any = fitted.outputs["scores"]
    wanted = theirs.f1_score(target, chance >= model["threshold"])
    assert said["validation"]["f1"] == pytest.approx(wanted)
    wanted = theirs.accuracy_score(target, chance >= model["threshold"])
    assert said["validation"]["accuracy"] == pytest.approx(wanted)
    again = world.refit(LINEAR, fitted).outputs["model"]
    assert again["threshold"] == model["threshold"]  # type: ignore[call-overload,index]


def test_a_model_without_a_threshold_does_not_mention_one() -> None:
    model: Any = World("binary").fit(LINEAR).outputs["model"]
    assert "threshold" not in model
    assert threshold.of(model) == 0.5
    assert list(predicted(model, np.array([0.4]))) == ["prediction"]


def test_answers_and_draws_are_by_the_threshold() -> None:
    said = predicted({"task": "binary", "threshold": 0.3}, np.array([0.29, 0.3]))
    assert said["class"].to_pylist() == [False, True]
    draws = bootstrap.drawn(np.arange(6), "row", 200, 1)
    whole = np.zeros(6, dtype=np.int64)
    for name in metrics.OF_CLASSES:
        found = bootstrap.distribution(name, TARGET, CHANCE, draws, whole, 1, 0.25)[:, 0]
        same = bootstrap.distribution(name, TARGET, CHANCE + 0.25, draws, whole, 1)[:, 0]
        assert np.array_equal(found, same, equal_nan=True)


def test_a_bundle_says_the_class() -> None:
    world = World("binary", rows=60)
    spec = spec_of(world, BY_COSTS)
    folds = {name: world.fold(name) for name in ("train", "validation")}
    fitted = fit(spec, family=module("linear"), features=world.features, **folds)
    shipped = programs("linear", threshold=True)
    more: dict[str, Any] = {"files": shipped, "target_unit": None}
    made = released("binary", LINEAR, model=fitted.outputs["model"], **more)
    wanted = files_of(made)["golden_predictions.csv"].decode()
    assert wanted.startswith("prediction,class\n")
    assert {line.split(",")[1] for line in wanted.splitlines()[1:]} == {"true", "false"}
    bundle = unpacked(bundle_bytes(made), "delay")
    assert foreign(bundle) == []
    scored, wrong = score(bundle, here=True)
    assert not wrong
    assert [item.program for item in scored] == ["score.py", "score_edge.py"]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (1.5, "less than 1"),
        ("f2", "'f1'"),
        ({"costs": {"false_positive": 1}}, "Field required"),
        ({"costs": {"false_positive": 1, "false_negative": 0}}, "greater than 0"),
    ],
)
def test_wrong_thresholds(rule: Any, said: str) -> None:
    families: Any = {"prior": Prior(family="prior")}
    with pytest.raises(ValidationError, match=said):
        Training(families=families, metric="f1", threshold=rule)
