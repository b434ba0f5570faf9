"""A feature is the column of its name where the values are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest

from ml_assets.stages.sources import sources

MAIN = pa.table(
    {
        "store": pa.array(["a", "b", None]).dictionary_encode(),
        "units": pa.array([1, 2, None], pa.int64()),
        "promo": pa.array([True, False, None]),
    }
)


@dataclass
class Given:
    """A joined table."""

    content: pa.Table

    def table(self, columns: list[str]) -> pa.Table:
        """Return some columns."""
        return self.content.select(columns)


def _seen(feature: Any, *columns: str) -> str | None:
    joined: Any = Given(pa.table({"price": [1.5, 2.5, 9.0], "store": ["a", "b", "z"]}))
    name = columns[0].partition(".")[2]
    table = pa.table({name: feature})
    return sources({name: columns}, table, ("sales", MAIN), {"prices": joined}).get(name)


@pytest.mark.parametrize(
    ("values", "column", "same"),
    [
        (pa.array(["a", "b", None]).dictionary_encode(), "sales.store", True),
        (pa.array(["b", "a", None]).dictionary_encode(), "sales.store", False),
        (pa.array(["a", "b", "c"]).dictionary_encode(), "sales.store", False),
        (pa.array(["a", None, None]).dictionary_encode(), "sales.store", False),
        (pa.array([1.0, 2.0, None]), "sales.units", True),
        (pa.array([1.0, 2.5, None]), "sales.units", False),
        (pa.array([True, False, None]), "sales.promo", True),
        (pa.array([2.5, None, 2.5]), "prices.price", True),
        (pa.array([2.5, 3.5, None]), "prices.price", False),
        (pa.array([1.0, 2.0, None]), "sales.absent", False),
    ],
)
def test_the_values_decide(values: pa.Array, column: str, same: bool) -> None:
    assert _seen(values, column) == (column if same else None)


def test_the_main_dataset_comes_first_and_a_joined_one_may_do() -> None:
    assert _seen(pa.array(["a", "b", None]), "sales.store", "prices.store") == "sales.store"
    assert _seen(pa.array(["b", "b", "z"]), "sales.store", "prices.store") == "prices.store"


def test_no_rows_are_every_column() -> None:
    empty = MAIN.slice(0, 0)
    none: Any = pa.table({"units": pa.array([], pa.float64())})
    looked = {"units": ("sales.units",)}
    assert sources(looked, none, ("sales", empty), {}) == {"units": "sales.units"}
