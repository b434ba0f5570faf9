"""The portfolio: what is written for how many rows, columns and classes."""

from __future__ import annotations

import pyarrow as pa
import pytest
import yaml

from ml_assets.scaffold.families import BORDERS, SECONDS, borders, seconds, training_lines
from ml_assets.scaffold.target import Target
from ml_assets.spec.families import CatBoost
from ml_assets.spec.model import Task


def target(rows: int, task: Task = "regression", classes: int = 0) -> Target:
    counts = tuple((str(number), rows // classes) for number in range(classes))
    return Target(("y",), "y", task, pa.array([0] * rows), metric="rmse", classes=counts)


def catboost(found: Target, splits: int) -> CatBoost:
    document = yaml.safe_load("\n".join(training_lines(found, 0.7, splits)))
    return CatBoost.model_validate(document["training"]["families"]["catboost"])


@pytest.mark.parametrize(
    ("rows", "columns", "classes", "depth", "trees"),
    [
        (400, 12, 0, 6, 1000),
        (1900, 30, 0, 6, 1000),
        (200, 300, 0, 4, 400),
        (200, 3000, 0, 4, 50),
        (5000, 300, 0, 4, 1000),
        (1900, 30, 5, 4, 800),
    ],
)
def test_catboost_has_a_budget(
    rows: int, columns: int, classes: int, depth: int, trees: int
) -> None:
    found = target(rows, "multiclass" if classes else "regression", classes)
    made = catboost(found, columns * min(rows, BORDERS))
    assert (made.depth, made.num_trees) == (depth, trees)
    fits = 6 if rows < 2000 else 2
    cost = seconds(columns * min(rows, BORDERS), max(classes, 1), depth) * trees * fits
    assert cost < SECONDS or trees == 50


def test_a_category_is_one_column_or_one_for_each_class() -> None:
    assert borders(7, True, 3) == 7
    assert borders(40, True, 3) == 80
    assert borders(4000, False, 3) == BORDERS
