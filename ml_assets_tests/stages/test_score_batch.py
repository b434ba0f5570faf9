"""A batch of features to predictions: rows, what is marked on them, and what came true."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from ml_assets.faults import StageError
from ml_assets.spec.predictions import InputsSpec, PredictionsSpec, RealizedSpec, SeenSpec
from ml_assets.stages.score.batch import inputs, predictions, seen
from ml_assets.stages.score.realized import realized
from ml_assets.stages.split.ranges import REFERENCES
from ml_assets.stages.train import median, prior
from ml_assets_tests.handles import given

DOCUMENT: dict[str, Any] = {
    "task": "regression",
    "classes": [],
    "columns": {"store": "category", "price": "number"},
    "categories": {"store": ["north", "south"]},
    "prepare": {},
    "source": None,
    "family": "median",
    "state": {"constant": 7.0},
}
SPEC = PredictionsSpec(model="forecast", batch="2020-05", joins={"prices": ("price",)})


def features(**columns: list[Any]) -> pa.Table:
    """Return four rows as the features asset has them."""
    made: dict[str, Any] = {
        "_key": ["1", "2", "3", "\\L5"],
        "_target": pa.array([7.0, 9.0, None, 4.0]),
        "_weight": [1.0, 1.0, 1.0, 1.0],
        "_line": [2, 3, 4, 5],
        "store": pa.array(["north", "east", None, "south"]).dictionary_encode(),
        "price": [1.0, None, 3.0, 4.0],
        "_slice_size": ["s", "s", "m", "m"],
    }
    return pa.table({**made, **columns})


def said(known: list[str], document: dict[str, Any] = DOCUMENT, family: Any = median) -> Any:
    table = inputs(InputsSpec(columns=("store", "price")), features=given(features()))
    return predictions(
        SPEC,
        model=given(document),
        inputs=given(table.outputs["inputs"]),
        seen=given(pa.table({"_key": pa.array(known, pa.string())})),
        family=family,
    )


def test_inputs_are_what_a_prediction_depends_on() -> None:
    spec = InputsSpec(columns=("store", "price"))
    found = inputs(spec, features=given(features())).outputs["inputs"]
    assert found.column_names == ["_key", "_line", "store", "price"]
    corrected = features(_target=[0.0, 0.0, 0.0, 0.0], _weight=[2.0] * 4, _slice_size=["x"] * 4)
    assert inputs(spec, features=given(corrected)).outputs["inputs"] == found


def test_each_row_has_its_prediction_and_what_to_know_of_it() -> None:
    result = said(["2", "\\L5\\2020-05"])
    assert result.outputs["predictions"].to_pylist() == [
        {"_key": "1", "_line": 2, "prediction": 7.0, "seen": False, "unseen": None},
        {"_key": "2", "_line": 3, "prediction": 7.0, "seen": True, "unseen": "store"},
        {"_key": "3", "_line": 4, "prediction": 7.0, "seen": False, "unseen": None},
        {"_key": "\\L5", "_line": 5, "prediction": 7.0, "seen": True, "unseen": None},
    ]
    assert result.metadata == {
        "rows": 4,
        "seen": 2,
        "unseen": 1,
        "unseen_in": {"store": 1},
        "missing_joins": {"prices": 1},
    }


def test_classes_have_a_probability_each() -> None:
    document = {
        **DOCUMENT,
        "task": "multiclass",
        "classes": ["low", "high"],
        "state": {"constant": [0.25, 0.75]},
    }
    (row, *_) = said([], document, prior).outputs["predictions"].to_pylist()
    assert (row["prediction"], row["probability_low"], row["probability_high"]) == (
        "high",
        0.25,
        0.75,
    )


def test_what_was_seen_are_the_rows_of_train_and_validation() -> None:
    table = features()
    references = pa.table(
        {"batch": ["2020-05"], "features": ["d1:may"], "start": [1], "stop": [2]}, REFERENCES
    )
    last = pa.table(
        {"batch": ["2020-05"], "features": ["d1:may"], "start": [3], "stop": [4]}, REFERENCES
    )
    found = seen(
        SeenSpec(model="forecast"),
        train=given(references),
        validation=given(last),
        features={"2020-05": given(table, "d1:may")},
    )
    assert found.outputs["seen"]["_key"].to_pylist() == ["2", "\\L5\\2020-05"]


def test_what_came_true_leaves_seen_and_unlabelled_rows_out() -> None:
    table = said(["2"]).outputs["predictions"]
    found = realized(
        RealizedSpec(task="regression"), predictions=given(table), features=given(features())
    ).outputs["realized"]
    # Rows 1 and 4: predicted 7, true 7 and 4.
    assert found["metrics"]["mae"] == pytest.approx(1.5)
    counts = {name: found[name] for name in ("rows", "unlabelled", "seen", "measured")}
    assert counts == {"rows": 4, "unlabelled": 1, "seen": 1, "measured": 2}
    nothing = realized(
        RealizedSpec(task="regression"),
        predictions=given(table),
        features=given(features(_target=pa.nulls(4, pa.float64()))),
    ).outputs["realized"]
    assert (nothing["metrics"], nothing["measured"], nothing["unlabelled"]) == ({}, 0, 4)


def test_other_rows_are_an_error() -> None:
    table = said([]).outputs["predictions"]
    with pytest.raises(StageError, match="other rows than the features"):
        realized(
            RealizedSpec(task="regression"),
            predictions=given(table),
            features=given(features(_line=[2, 3, 4, 6])),
        )
