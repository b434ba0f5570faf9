"""Cross-validation and blends: held-out predictions, weights, refits, ONNX."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import onnxruntime
import pyarrow as pa
import pytest

from ml_assets.errors import StageError
from ml_assets.spec.families import Blended, FamilySpec, LightGBM, Linear, Median
from ml_assets.spec.model import CrossSpec
from ml_assets.stages import metrics
from ml_assets.stages.release.onnx import TOLERANCE, to_onnx
from ml_assets.stages.result import Result
from ml_assets.stages.train.blending import blend
from ml_assets.stages.train.cross import cross_fit
from ml_assets.stages.train.predict import predict
from ml_assets.stages.train.weights import weights
from ml_assets_tests.handles import given
from ml_assets_tests.stages.flights import World, module
from ml_assets_tests.stages.test_onnx import fed

TREES = LightGBM(family="lightgbm", num_trees=20, num_leaves=7, min_data_in_leaf=10)
LINEAR = Linear(family="linear")
MEMBERS: dict[str, FamilySpec] = {"trees": TREES, "linear": LINEAR}
BLEND = Blended(family="blend", members=MEMBERS)


def crossed(world: World, family: FamilySpec, **changes: Any) -> Result:
    how: dict[str, Any] = {"folds": 5, "forward": False, "grouped": False, "salt": "0"}
    return cross_fit(
        CrossSpec(**dict(world.spec(family)), **(how | changes)),
        family=module(family.family),
        train=world.fold("train"),
        validation=world.fold("validation"),
        features=world.features,
    )


def blended(
    world: World, models: dict[str, Any], held: dict[str, Any] | None, metric: str | None = None
) -> Result:
    return blend(
        world.spec(BLEND, metric=metric),  # type: ignore[arg-type]
        family=module("blend"),
        models={name: given(model) for name, model in models.items()},
        train=world.fold("train"),
        validation=world.fold("validation"),
        features=world.features,
        held=None if held is None else {name: given(item) for name, item in held.items()},
    )


def test_the_median_of_the_other_parts_predicts_each_part() -> None:
    world = World(rows=10)
    found = crossed(world, Median(family="median"), folds=2)
    held = found.outputs["held"]
    assert isinstance(held, pa.Table)
    target, part = held["target"].to_numpy(), held["part"].to_numpy()
    assert sorted(held["row"].to_pylist()) == list(range(70))
    for number in (0, 1):
        others = np.median(target[part != number])
        assert held["p0"].to_numpy()[part == number] == pytest.approx(others)
    scores: Any = found.outputs["scores"]
    wanted = metrics.mae(target, held["p0"].to_numpy())
    assert scores["validation"]["mae"] == pytest.approx(wanted)
    assert len(scores["parts"]) == 2
    assert scores["rows"] == {"train": 35, "validation": 70}


def test_a_refit_takes_over_the_median_number_of_trees() -> None:
    world = World("binary")
    found = crossed(world, TREES)
    model: Any = found.outputs["model"]
    again: Any = world.refit(TREES, found).outputs["model"]
    assert again["state"]["trees"] == model["found"]["trees"]


def test_a_class_that_a_part_does_not_learn_has_no_probability() -> None:
    world = World("multiclass", rows=20)
    first = np.array(["late"] * 19 + ["once"])
    world.change("_target", lambda table: pa.array(["early", "late"] * 10))
    world.change("_target", pa.array(first), ["day0"])
    found = crossed(world, LINEAR)
    held: Any = found.outputs["held"]
    at = held["row"].to_pylist().index(19)
    assert held["target"][at].as_py() == 2.0
    assert held["p2"][at].as_py() == 0.0
    assert np.column_stack([held[f"p{n}"] for n in range(3)]).sum(axis=1) == pytest.approx(1.0)


def test_weights_lower_the_loss_of_the_mean() -> None:
    target = np.array([0.0, 10.0])
    low, high, far = np.array([-1.0, 9.0]), np.array([1.0, 11.0]), np.array([50.0, 50.0])
    assert weights("regression", "rmse", target, [low, high, far]) == (0.5, 0.5, 0.0)
    assert weights("regression", "mae", target, [far, high]) == (0.0, 1.0)
    sure, wrong = np.array([0.1, 0.9]), np.array([0.9, 0.1])
    assert weights("binary", "log_loss", np.array([0.0, 1.0]), [wrong, sure]) == (0.0, 1.0)
    assert weights("regression", "mae", np.zeros(0), [np.zeros(0), np.zeros(0)]) == (0.5, 0.5)


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
@pytest.mark.parametrize("by_parts", [False, True])
def test_a_blend_predicts_the_weighted_mean_of_its_refitted_members(
    task: str, by_parts: bool
) -> None:
    world = World(task, rows=60)
    fits = {n: crossed(world, f) if by_parts else world.fit(f) for n, f in MEMBERS.items()}
    models = {name: fit.outputs["model"] for name, fit in fits.items()}
    held = {name: fit.outputs["held"] for name, fit in fits.items()} if by_parts else None
    found = blended(world, models, held)
    again: Any = world.refit(BLEND, found).outputs["model"]  # type: ignore[arg-type]
    model = json.loads(json.dumps(again, allow_nan=False))
    table = world.features["day8"].table()
    wanted: Any = 0.0
    for name, family in MEMBERS.items():
        refitted: Any = world.refit(family, fits[name]).outputs["model"]
        own = predict(refitted, module(family.family), table)
        wanted = wanted + found.metadata["weights"][name] * own
    whole = predict(model, module("blend"), table)
    assert np.array_equal(whole, wanted)
    alone = [predict(model, module("blend"), table.slice(n, 1))[0] for n in range(20)]
    assert np.array_equal(np.array(alone), whole[:20])
    session = onnxruntime.InferenceSession(to_onnx(model))
    edge = session.run(None, fed(model, table))[0]
    assert np.abs(edge - whole).max() <= TOLERANCE * max(1.0, np.abs(whole).max())


def test_the_score_of_a_blend_is_of_rows_that_chose_no_weight() -> None:
    world = World(rows=40)
    fits = {name: crossed(world, family, folds=2) for name, family in MEMBERS.items()}
    models = {name: fit.outputs["model"] for name, fit in fits.items()}
    held: Any = fits["linear"].outputs["held"]
    target, part = held["target"].to_numpy(), held["part"].to_numpy()
    # Each member is right in one part; the other part chooses the wrong one for it.
    one, two = (
        held.set_column(3, "p0", pa.array(target + 10.0 * (part == wrong))) for wrong in (0, 1)
    )
    found = blended(world, models, {"trees": one, "linear": two}, "rmse")
    scores: Any = found.outputs["scores"]
    assert found.metadata["weights"] == pytest.approx({"trees": 0.5, "linear": 0.5})
    assert scores["validation"]["rmse"] == pytest.approx(10.0)


def test_a_constant_target_makes_a_constant_blend() -> None:
    world = World(rows=12)
    world.change("_target", pa.array([4.0] * 12))
    models = {name: world.fit(family).outputs["model"] for name, family in MEMBERS.items()}
    found = blended(world, models, None)
    model: Any = found.outputs["model"]
    assert model["state"] == {"constant": 4.0}
    assert predict(model, module("blend"), world.features["day8"].table()).tolist() == [4.0] * 12


def test_members_of_other_rows_do_not_fit() -> None:
    world = World(rows=12)
    other = World(rows=12)
    other.change("carrier", pa.array(["ZZ"] * 12).dictionary_encode())
    models = {
        "trees": world.fit(TREES).outputs["model"],
        "linear": other.fit(LINEAR).outputs["model"],
    }
    with pytest.raises(StageError, match="linear was fitted on other rows or columns"):
        blended(world, models, None)
