"""Rows unlike those that a model learned from: counted, and refused where the spec says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ml_assets.serve.model import load
from ml_assets.serve.service.unusual import out_of_range
from ml_assets.stages.score.score import Predicted
from ml_assets_tests.projects import FORECAST, SALES, Toy, copied
from ml_assets_tests.serve.serving import PREDICT, Client, serving

FEATURES = f"{PREDICT}?features=true"
RAW = {"sale": 7, "day": "2020-06-03", "store": "north", "promo": None}
USUAL: dict[str, Any] = {"promo": True, "store": "north", "price": 12.0, "rise": None}


@pytest.fixture(scope="module")
def toy(predicting: Toy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toy]:
    """Give a copy of a project with a champion."""
    with copied(predicting, tmp_path_factory.mktemp("unusual") / "project") as found:
        yield found


def bounds(toy: Toy) -> tuple[float, float]:
    planner = toy.planner()
    state = load(planner.home, planner.project, "forecast").state
    low, high = state.ranges()["price"]
    assert pc.min_max(state.learned()["price"]).as_py() == {"min": low, "max": high}
    return low, high


def counted(client: Client, figure: str, column: str) -> float:
    start = f'ml_assets_{figure}_total{{column="{column}",model="forecast"}} '
    lines = client.ask("/metrics").body.decode().splitlines()
    return sum(float(line.removeprefix(start)) for line in lines if line.startswith(start))


def test_they_are_counted_and_by_default_predicted_until_the_spec_refuses_them(toy: Toy) -> None:
    low, high = bounds(toy)
    rows = [
        {**USUAL, "price": low},
        {**USUAL, "price": high},
        {**USUAL, "store": "moon", "price": low - 1},
        {**USUAL, "price": high + 1},
    ]
    with serving(toy) as client:
        found = client.ask(FEATURES, rows).json["predictions"]
        assert [row["unseen"] for row in found] == [None, None, "store", None]
        assert counted(client, "unseen", "store") == 1
        assert counted(client, "out_of_range", "price") == 2
        assert b"moon" not in client.ask("/metrics").body
        toy.edit(
            FORECAST,
            "  split: {",
            "  serving: {unseen: refuse, out_of_range: refuse}\n  split: {",
        )
        assert client.ask(FEATURES, rows).status == 200, "it is read at the start"
    with serving(toy) as client:
        found = client.ask(FEATURES, rows)
        within = f"a number from {low:g} to {high:g}, as in what the model learned from"
        assert (found.status, found.json) == (
            422,
            {
                "error": "2 rows are unlike what the model learned from, of 4",
                "problems": [
                    {"row": 2, "column": "price", "rule": "out_of_range", "wanted": within},
                    {
                        "row": 2,
                        "column": "store",
                        "rule": "unseen",
                        "wanted": "a category that the model learned from",
                    },
                    {"row": 3, "column": "price", "rule": "out_of_range", "wanted": within},
                ],
            },
        )
        assert counted(client, "out_of_range", "price") == 2
        assert client.ask(FEATURES, rows[:2]).status == 200
        # A champion reads rows by its own contract, whatever today's says.
        toy.edit(SALES, "store: {type: category,", "store: {type: category, allowed: [south],")
        assert client.ask(f"{PREDICT}?batch=2020-06", [RAW]).status == 200
    with serving(toy) as client:
        assert client.ask(f"{PREDICT}?batch=2020-06", [RAW]).status == 200


@pytest.mark.parametrize("rows", [3, 30])
def test_few_rows_and_many_are_compared_alike(rows: int) -> None:
    values = [1.0, None, 5.5, 0.9, 5.0] * 6
    features = pa.table({"x": pa.array(values[:rows]), "n": pa.array([3, None, 2] * 10)[:rows]})
    at = np.arange(rows, dtype=np.int64)[::-1]
    given = Predicted(at, features, np.zeros(rows), [None] * rows, {})
    found = out_of_range({"x": (1.0, 5.0), "n": (2, 3)}, given)
    wanted = [int(at[n]) for n in range(rows) if values[n] in (5.5, 0.9)]
    assert found == {"x": wanted}
