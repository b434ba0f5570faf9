"""Folds: row ranges to rows, in calendar order."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given as sampled
from hypothesis import strategies as st

from ml_assets.spec.families import Median
from ml_assets.stages.train import folds
from ml_assets_tests.handles import given
from ml_assets_tests.stages.flights import World, references

TWO = {
    "jan": given(pa.table({"v": [0, 1, 2, 3]})),
    "feb": given(pa.table({"v": [10, 11, 12]})),
}


def values(batches: list[tuple[str, int, int]]) -> list[list[int]]:
    found = folds.read(references(batches).table(), TWO, ["v"])
    return [table["v"].to_pylist() for _, table in found]


def test_ranges_are_half_open_and_one_batch_comes_at_a_time() -> None:
    assert values([("jan", 1, 3), ("feb", 0, 3)]) == [[1, 2], [10, 11, 12]]
    assert values([("jan", 0, 1), ("jan", 2, 4), ("feb", 1, 2)]) == [[0, 2, 3], [11]]


@sampled(st.sets(st.integers(0, 99), min_size=1))
def test_any_set_of_rows_can_be_referenced(rows: set[int]) -> None:
    features = {"b": given(pa.table({"v": list(range(100))}))}
    refs = references([("b", row, row + 1) for row in sorted(rows)])
    [(_, table)] = folds.read(refs.table(), features, ["v"])
    assert table["v"].to_pylist() == sorted(rows)


@sampled(st.lists(st.booleans(), min_size=100, max_size=100))
def test_a_part_of_some_rows_has_as_few_ranges_as_can_be(kept: list[bool]) -> None:
    part = folds.Part("b", given(pa.table({"v": range(100)})), np.array([[0, 100]]))
    found = part.where(np.array(kept))
    rows = [row for row, held in enumerate(kept) if held]
    assert found.table(["v"])["v"].to_pylist() == rows
    assert len(found.spans) == sum(row - 1 not in rows for row in rows)


def test_nothing_refers_to_nothing() -> None:
    assert folds.refer(references([("jan", 0, 1)]).table().slice(0, 0), TWO) == []


def test_merged_is_in_calendar_order() -> None:
    train = references([("jan", 0, 2), ("feb", 0, 1)]).table()
    validation = references([("jan", 2, 4), ("feb", 1, 3)]).table()
    merged = folds.merged([validation, train], TWO)
    rows = merged.select(["batch", "start", "stop"]).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        ("jan", 0, 2),
        ("jan", 2, 4),
        ("feb", 0, 1),
        ("feb", 1, 3),
    ]


def test_columns_come_sorted_and_weights_are_read_where_there_are_any() -> None:
    world = World(rows=5, weighted=True)
    world.change("_weight", pa.array([1.0, None, -1.0, 2.0, 3.0]))
    spec = world.spec(Median(family="median"))
    [fold], context, notes = folds.load(spec, [world.fold("test").table()], world.features)
    assert fold.features.column_names == ["carrier", "holiday", "hour", "wind"]
    assert list(context.columns) == fold.features.column_names
    assert fold.weight is not None
    assert fold.weight.tolist() == [1.0, 0.0, 0.0, 2.0, 3.0] * 2
    assert notes == ["4 rows have no usable weight and count as 0"]


def small() -> folds.Fold:
    """Two rows of one batch, one of the next."""
    world = World(rows=5, weighted=True)
    world.change("hour", pa.array([10, 11, 12, 13, 14]), ["day0"])
    world.change("hour", pa.array([20, 21, 22, 23, 24]), ["day1"])
    refs = references([("day0", 1, 2), ("day0", 3, 4), ("day1", 4, 5)])
    [fold], _, _ = folds.load(world.spec(Median(family="median")), [refs.table()], world.features)
    return fold


def test_a_fold_is_read_by_batch() -> None:
    fold = small()
    assert [batch.column_names for batch in fold.batches(["hour"])] == [["hour"]] * 2
    assert [batch["hour"].to_pylist() for batch in fold.batches()] == [[11, 13], [24]]
    assert fold.features["hour"].to_pylist() == [11, 13, 24]


def test_rows_of_a_fold_are_taken_by_number() -> None:
    fold = small()
    for rows in ([0, 1, 2], [1], [2], [2, 0, 2], []):
        found = fold.take(np.array(rows, dtype=np.int64))
        assert found["hour"].to_pylist() == [[11, 13, 24][row] for row in rows]
        assert found.column_names == list(fold.columns)


def test_a_fold_of_some_rows() -> None:
    fold = small()
    assert fold.where(np.array([True, True, True])) is fold
    kept = fold.where(np.array([False, True, True]))
    assert [batch["hour"].to_pylist() for batch in kept.batches()] == [[13], [24]]
    assert kept.target.tolist() == fold.target[1:].tolist()
    assert kept.weight is not None
    assert fold.weight is not None
    assert kept.weight.tolist() == fold.weight[1:].tolist()
    assert fold.where(np.array([True, True, False])).parts[0].spans.tolist() == [[1, 2], [3, 4]]
    whole = fold.parts[0].where(np.array([False, True]))
    assert whole.spans.tolist() == [[3, 4]]
    none = fold.where(np.array([False, False, False]))
    assert [batch.num_rows for batch in none.batches()] == [0, 0]


def test_weights_that_are_all_zero_weigh_alike() -> None:
    world = World(rows=2, weighted=True)
    world.change("_weight", pa.array([0.0, 0.0]))
    spec = world.spec(Median(family="median"))
    [fold], _, notes = folds.load(spec, [world.fold("test").table()], world.features)
    assert fold.weight is None
    assert notes == ["all weights are 0; rows are weighted equally"]


def test_a_class_that_train_does_not_hold_is_minus_one() -> None:
    table = pa.table({"_target": ["late", "early", "never seen"]})
    assert folds.labels(table, ["early", "late"]).tolist() == [1.0, 0.0, -1.0]
