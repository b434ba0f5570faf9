"""A few rows by trees without Arrow: the bits of `predict`."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.spec.families import CatBoost, LightGBM, LightGBMTuned, Mean
from ml_assets.stages.score.few import FEW, FewRows
from ml_assets.stages.train.predict import predict
from ml_assets_tests.stages.flights import World, module

TREES = LightGBM(family="lightgbm", num_trees=30, num_leaves=7, min_data_in_leaf=10)
TUNED = LightGBMTuned(family="lightgbm_tuned", trials=3, start=TREES)
KINDS = {
    "hour": pa.int64(),
    "wind": pa.float64(),
    "carrier": pa.dictionary(pa.int32(), pa.string()),
    "holiday": pa.bool_(),
}
ROW = st.fixed_dictionaries(
    {
        "hour": st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(0, 24),
        "wind": st.none() | st.floats(),
        "carrier": st.sampled_from([None, "AA", "DL", "UA", "", "ZZ"]),
        "holiday": st.sampled_from([None, True, False]),
    }
)


@cache
def made(task: str, tuned: bool) -> tuple[Any, Any]:
    """Return a model document as it is stored, and its family's module."""
    family = TUNED if tuned else TREES
    document = World(task).fit(family).outputs["model"]
    return json.loads(json.dumps(document)), module(family.family)


@given(st.lists(ROW, min_size=1, max_size=FEW), st.sampled_from(["regression", "binary"]))
@pytest.mark.parametrize("tuned", [False, True])
def test_numbers_are_those_of_predict(tuned: bool, rows: list[dict[str, Any]], task: str) -> None:
    document, family = made(task, tuned)
    equal(document, family, rows)


@given(st.lists(ROW, min_size=1, max_size=FEW))
def test_classes_are_those_of_predict(rows: list[dict[str, Any]]) -> None:
    equal(*made("multiclass", False), rows)


def equal(document: Any, family: Any, rows: list[dict[str, Any]]) -> None:
    table = pa.table({n: pa.array([row[n] for row in rows], kind) for n, kind in KINDS.items()})
    quick = FewRows.of(document)
    assert quick is not None
    np.testing.assert_array_equal(
        quick.predict(table.to_pydict()), predict(document, family, table), strict=True
    )


def test_others_are_left_to_predict() -> None:
    for family in (CatBoost(family="catboost", num_trees=5, depth=2), Mean(family="mean")):
        document = World("regression").fit(family).outputs["model"]
        assert FewRows.of(document) is None
    document, _ = made("regression", False)
    assert FewRows.of({**document, "state": {"constant": 1.0}}) is None
