"""Cross-validation's parts: balanced, groups whole, earlier rows before later ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from ml_assets.errors import StageError
from ml_assets.spec.families import Median
from ml_assets.spec.model import CrossSpec, FeatureColumn
from ml_assets.stages.train import folds
from ml_assets.stages.train.parts import Division, divide, references
from ml_assets_tests.handles import given
from ml_assets_tests.stages.flights import references as rows_of


def fold_of(**batches: dict[str, list[Any]]) -> folds.Fold:
    features = {
        name: given(
            pa.table(
                {
                    "_key": [f"{name}{row}" for row in range(len(columns["_target"]))],
                    "_time": pa.array(
                        columns.get("_time", [None] * len(columns["_target"])),
                        pa.timestamp("us", "UTC"),
                    ),
                    "_target": pa.array(columns["_target"]),
                    **{k: pa.array(v) for k, v in columns.items() if k == "_group"},
                    "x": pa.array([1.0] * len(columns["_target"])),
                }
            ),
            f"d1:{name}",
        )
        for name, columns in batches.items()
    }
    wanted = rows_of([(name, 0, len(c["_target"])) for name, c in batches.items()])
    task = "binary" if isinstance(next(iter(batches.values()))["_target"][0], int) else "regression"
    (fold,), _, _ = folds.load(spec(task), [wanted.table()], features)
    return fold


def spec(task: Any = "regression", count: int = 2, **changes: Any) -> CrossSpec:
    given_spec = {
        "task": task,
        "metric": "mae" if task == "regression" else "log_loss",
        "family": Median(family="median"),
        "columns": {"x": FeatureColumn(type="number")},
        "threads": 1,
        "seed": 1,
        "folds": count,
        "forward": False,
        "grouped": False,
        "salt": "0",
    }
    return CrossSpec(**(given_spec | changes))


def test_each_part_has_its_share_of_every_class() -> None:
    fold = fold_of(a={"_target": [0] * 6 + [1] * 3})
    part = divide(spec("binary", 3), fold).part
    assert sorted(np.bincount(part).tolist()) == [3, 3, 3]
    assert np.bincount(part[fold.target == 1]).tolist() == [1, 1, 1]


def test_rows_of_a_group_stay_together_over_batches() -> None:
    fold = fold_of(
        a={"_target": [1.0, 2.0, 3.0], "_group": ["p", "q", "r"]},
        b={"_target": [4.0, 5.0, 6.0], "_group": ["p", "q", "s"]},
    )
    part = divide(spec(grouped=True), fold).part
    assert part[0] == part[3]
    assert part[1] == part[4]
    assert set(part) == {0, 1}


def test_by_time_a_part_is_predicted_from_earlier_batches_alone() -> None:
    fold = fold_of(**{name: {"_target": [1.0, 2.0]} for name in "abc"})
    division = divide(spec(forward=True), fold)
    assert division.part.tolist() == [0, 0, 1, 1, 2, 2]
    learned = [rows.tolist() for _, rows, _ in division.each()]
    assert learned == [[True, True] + [False] * 4, [True] * 4 + [False] * 2]


def test_by_time_with_few_batches_rows_of_one_time_stay_together() -> None:
    times = [3, 1, 2, 2, 1, 3]
    fold = fold_of(a={"_target": [1.0] * 6, "_time": times})
    assert divide(spec(forward=True), fold).part.tolist() == [2, 0, 1, 1, 0, 2]


def test_one_group_or_one_time_cannot_be_divided() -> None:
    one = fold_of(a={"_target": [1.0, 2.0], "_group": ["p", "p"], "_time": [5, 5]})
    with pytest.raises(StageError, match="at least 2 groups of rows, has 1 in 2 rows"):
        divide(spec(grouped=True), one)
    with pytest.raises(StageError, match="at least 2 batches or times, has 1 in 2 rows"):
        divide(spec(forward=True), one)


def test_rows_as_references() -> None:
    fold = fold_of(a={"_target": [1.0, 2.0, 3.0]}, b={"_target": [4.0, 5.0]})
    kept = np.array([True, False, True, False, False])
    assert references(fold, kept).to_pylist() == [
        {"batch": "a", "features": "d1:a", "start": 0, "stop": 1},
        {"batch": "a", "features": "d1:a", "start": 2, "stop": 3},
    ]


@settings(max_examples=60, deadline=None)
@drawn(
    st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=8), min_size=2, max_size=6),
    st.integers(2, 5),
    st.booleans(),
)
def test_every_row_is_held_out_once_and_never_learned_from_then(
    groups: list[list[int]], count: int, forward: bool
) -> None:
    batches = {
        f"b{n}": {"_target": [1.0] * len(g), "_group": [str(x) for x in g], "_time": g}
        for n, g in enumerate(groups)
    }
    fold = fold_of(**batches)
    names = np.array([x for g in groups for x in g])
    if len(set(names)) < 2:
        return
    division: Division = divide(spec(count=count, forward=forward, grouped=True), fold)
    held = np.zeros(len(names), dtype=int)
    for _, learned, out in division.each():
        assert learned.any()
        assert out.any()
        assert not (learned & out).any()
        held += out
        if not forward:
            assert not set(names[learned]) & set(names[out])
    assert set(held[division.part > 0]) <= {1}
    assert (held[division.part == 0] == (0 if forward else 1)).all()
