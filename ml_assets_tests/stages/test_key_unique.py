"""The recount of keys."""

from __future__ import annotations

import pyarrow as pa

from ml_assets.stages.check.key_unique import check
from ml_assets.stages.result import Check
from ml_assets_tests.handles import given
from ml_assets_tests.stages.batches import clean_spec

COLUMNS = {"a": {"type": "integer"}, "b": {"type": "category"}}


def verdict(a: list[int | None], b: list[str | None], key: tuple[str, ...] = ("a", "b")) -> Check:
    """Check a table of two columns."""
    table = pa.table({"a": pa.array(a, pa.int64()), "b": pa.array(b).dictionary_encode()})
    return check(clean_spec(COLUMNS, key=key), cleaned=given(table)).checks[0]


def test_unique() -> None:
    found = verdict([1, 1, 2], ["x", "y", "x"])
    assert (found.name, found.passed) == ("key_unique", True)
    assert found.metadata == {"rows": 3, "repeated": 0, "without_key": 0}


def test_repeated() -> None:
    found = verdict([1, 1, 1, 2], ["x", "x", "x", "x"])
    assert found.passed is False
    assert found.metadata["repeated"] == 2
    assert "2 of 4 rows repeat a key (a, b), wanted none" in found.description


def test_a_missing_part_is_no_key() -> None:
    found = verdict([1, 1, None, None], [None, None, "x", "x"])
    assert found.passed
    assert "4 rows have no key" in found.description


def test_no_rows() -> None:
    assert verdict([], []).passed


def test_no_key() -> None:
    assert verdict([1], ["x"], key=()).passed is None
