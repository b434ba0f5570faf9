"""Categories as columns of numbers, and the weights of classes, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from ml_assets.stages.train.class_weight import balanced
from ml_assets.stages.train.folds import Context, Fold
from ml_assets.stages.train.matrix import by_column, learn, matrix, with_tables


def context(
    categories: dict[str, list[str]], task: str = "regression", classes: int = 0
) -> Context:
    columns = {**dict.fromkeys(categories, "category"), "size": "number"}
    named = [str(number) for number in range(classes)]
    return Context(task, "mae", columns, categories, named, 1, 1)


def table(codes: list[int | None]) -> pa.Table:
    numbers = [None if code is None else float(code) for code in codes]
    return pa.table({"kind": pa.array(codes, pa.int16()), "size": pa.array(numbers)})


def test_few_values_become_a_column_each() -> None:
    about, rows = context({"kind": ["a", "b", "c"]}), table([0, 2, None, 1])
    found, inputs = learn(rows, np.arange(4.0), None, about, 3)
    wanted = [[1, 0, 0, 0], [0, 0, 1, 2], [0, 0, 0, np.nan], [0, 1, 0, 1]]
    assert np.array_equal(found, np.array(wanted, dtype=float), equal_nan=True)
    assert np.array_equal(matrix(with_tables(inputs), rows), found, equal_nan=True)
    assert by_column(np.array([1.0, 2.0, 4.0, 8.0]), inputs, about) == [7.0, 8.0]


@pytest.mark.parametrize(("values", "columns"), [(0, 0), (1, 1), (2, 1), (3, 3)])
def test_of_two_values_one_column_says_all(values: int, columns: int) -> None:
    about = context({"kind": ["a", "b", "c"][:values]})
    _, inputs = learn(table([None] * 3), np.arange(3.0), None, about, 3)
    assert len(inputs) == columns + 1


def test_without_any_value_a_column_is_left_to_learn_from() -> None:
    about = replace(context({"kind": []}), columns={"kind": "category"})
    found, inputs = learn(table([None] * 3), np.arange(3.0), None, about, 3)
    assert np.isnan(found).all()
    assert found.shape == (3, 1)
    assert inputs == [{"column": "kind"}]


def test_many_values_become_the_shrunk_mean_and_a_row_does_not_see_its_own_target() -> None:
    about = context({"kind": ["a", "b", "c"]})
    rows = table([0] * 20 + [1] * 10 + [None] * 10)
    target = np.array([6.0] * 20 + [2.0] * 20)
    found, inputs = learn(rows, target, None, about, 2)
    # The overall mean, 4, counts as ten rows.
    assert inputs[0]["table"] == pytest.approx([3.0, (120 + 40) / 30, 3.0, 4.0])
    kept, own = found[:, 0], matrix(with_tables(inputs), rows)[:, 0]
    assert (kept[:20] < own[:20]).all()
    assert (kept[20:] > own[20:]).all()
    weight = np.array([1.0] * 20 + [3.0] * 20)
    heavy = learn(rows, target, weight, about, 2)[1][0]["table"]
    assert heavy == pytest.approx([(30 + 30) / 25, (60 + 30) / 20, (30 + 30) / 25, 3.0])


def test_many_values_of_several_classes_become_shares() -> None:
    about = context({"kind": ["a", "b", "c"]}, "multiclass", 3)
    rows = table([0] * 10 + [1] * 10 + [2] * 10)
    _, inputs = learn(rows, np.repeat([0.0, 1.0, 2.0], 10), None, about, 2)
    assert [part["column"] for part in inputs] == ["kind", "kind", "size"]
    third = 10 / 3
    assert inputs[0]["table"] == pytest.approx([1 / 3, third / 20, (10 + third) / 20, third / 20])


def test_pure_noise_in_many_values_says_nothing() -> None:
    draw = np.random.default_rng(0)
    codes, target = draw.integers(0, 200, 2000), draw.normal(size=2000)
    about = context({"kind": [str(n) for n in range(200)]})
    found, _ = learn(table(codes.tolist()), target, None, about, 10)
    # Leaving out a row's own target, the correlation is that of chance: 4 / sqrt(n).
    assert abs(np.corrcoef(found[:, 0], target)[0, 1]) < 0.09


def test_balanced_classes() -> None:
    about = context({}, "binary")
    target = np.array([0.0, 0.0, 0.0, 1.0])
    fold = Fold(target, None, [], {}, {})
    assert balanced(fold, about, None) is fold
    assert balanced(fold, about, "balanced").weight == pytest.approx([2 / 3] * 3 + [2.0])
    heavy = Fold(target, np.array([1.0, 1.0, 0.0, 2.0]), [], {}, {})
    assert balanced(heavy, about, "balanced").weight == pytest.approx([1.0, 1.0, 0.0, 2.0])
    light = Fold(target, np.array([1.0, 2.0, 1.0, 0.0]), [], {}, {})
    assert balanced(light, about, "balanced").weight == pytest.approx([1.0, 2.0, 1.0, 0.0])
    assert balanced(fold, context({}), "balanced") is fold
