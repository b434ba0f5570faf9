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

from ml_assets.serve.answers import Answers
from ml_assets.spec.families import CatBoost, LightGBM, LightGBMTuned, Mean
from ml_assets.stages.intervals.columns import columns
from ml_assets.stages.score.answer import answer, known_of, unseen_in
from ml_assets.stages.score.few import FEW, FewRows
from ml_assets.stages.score.lists import answer_lists
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
SLICES = [{"values": ["AA"], "limit": 0.5}, {"values": [None], "limit": 0.7}]
LIMITS: dict[str, Any] = {
    "regression": {"task": "regression", "by": ["carrier"], "slices": SLICES, "all": {"limit": 3}},
    "binary": {"task": "binary", "by": ["carrier"], "slices": SLICES, "all": {"limit": None}},
    "multiclass": {"task": "multiclass", "by": [], "slices": [], "all": {"limit": 0.6}},
}
"""How intervals, or sets of classes, are made."""


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


def table_of(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.table({n: pa.array([row[n] for row in rows], kind) for n, kind in KINDS.items()})


def equal(document: Any, family: Any, rows: list[dict[str, Any]]) -> None:
    table = table_of(rows)
    quick = FewRows.of(document)
    assert quick is not None
    np.testing.assert_array_equal(
        quick.predict(table.to_pydict()), predict(document, family, table), strict=True
    )


@given(st.lists(ROW, min_size=1, max_size=32), st.sampled_from(list(LIMITS)))
def test_lists_say_what_the_table_of_an_answer_says(rows: list[dict[str, Any]], task: str) -> None:
    document, _ = made(task, False)
    if task == "binary":
        document = {**document, "threshold": 0.4}
    table, quick, limits = table_of(rows), FewRows.of(document), LIMITS[task]
    assert quick is not None
    values = table.to_pydict()
    found, known = quick.predict(values), known_of(document)
    said = answer(
        document,
        len(rows),
        np.arange(len(rows)),
        found,
        unseen_in(document, table),
        [None] * len(rows),
        {},
        columns(limits, document, found, table),
    )
    lists = answer_lists(document, limits, known, found, values)
    assert lists == said.to_pydict()
    assert list(lists) == said.column_names
    assert Answers(lists=lists).table.equals(said)
    assert Answers(lists=lists).rows() == said.to_pylist()


def test_others_are_left_to_predict() -> None:
    for family in (CatBoost(family="catboost", num_trees=5, depth=2), Mean(family="mean")):
        document = World("regression").fit(family).outputs["model"]
        assert FewRows.of(document) is None
    document, _ = made("regression", False)
    assert FewRows.of({**document, "state": {"constant": 1.0}}) is None
