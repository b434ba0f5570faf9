"""Logical types in Arrow, and the tables between the stages."""

from __future__ import annotations

import pyarrow as pa
import pytest

from ml_assets.spec.columns import Column
from ml_assets.stages.schema import (
    TYPES,
    Bad,
    arrow_type,
    bad_table,
    category,
    compact,
    table_schema,
)


@pytest.mark.parametrize("kind", TYPES)
def test_every_logical_type_has_an_arrow_type(kind: str) -> None:
    column = Column.model_validate({"type": kind})
    assert table_schema({"a": column}).field("a").type == arrow_type(column)


def test_equal_rows_have_equal_categories() -> None:
    found = category(pa.array(["b", None, "a", "b"]))
    assert found.dictionary.to_pylist() == ["a", "b"]
    assert found.to_pylist() == ["b", None, "a", "b"]
    assert category(pa.array([], pa.string())).to_pylist() == []


def test_compact_drops_values_that_no_row_has() -> None:
    table = pa.table({"a": category(pa.array(["a", "b"])), "b": [1, 2]}).slice(1)
    found = compact(table)
    assert found.column("a").combine_chunks().dictionary.to_pylist() == ["b"]
    assert found.to_pylist() == table.to_pylist()


def test_records_that_are_set_aside_are_in_order_of_their_lines() -> None:
    bad = [Bad(3, "r", None, "why", "x"), Bad(2, "r", "a", "why", "y")]
    assert bad_table(bad).column("_line").to_pylist() == [2, 3]
    assert bad_table([]).num_rows == 0
