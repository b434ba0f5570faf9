"""What people may see of a record."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pyarrow as pa

from ml_assets.spec.columns import Column
from ml_assets.stages.shown import row_texts, shortened, value

OPEN = Column(type="text")
SECRET = Column(type="text", sensitive=True)


def test_values() -> None:
    assert value("a'b", OPEN) == 'got "a\'b"'
    assert value(dt.date(2013, 1, 31), OPEN) == "got 2013-01-31"
    assert len(value("a" * 500, OPEN)) < 70
    assert "a" * 5 not in value("aaaaa", SECRET)


def test_rows() -> None:
    table = pa.table(
        {
            "_line": [2],
            "a": ["é/"],
            "b": ["hush"],
            "c": [dt.datetime(2013, 1, 1, tzinfo=dt.UTC)],
            "d": [Decimal("1.50")],
        }
    )
    columns = {"d": OPEN, "c": OPEN, "b": SECRET, "a": OPEN, "absent": OPEN}
    assert row_texts(table, columns) == [
        '{"d":"1.50","c":"2013-01-01T00:00:00+00:00","b":"***","a":"é/"}'
    ]
    assert row_texts(table, {"absent": OPEN}) == ["{}"]


def test_shortened() -> None:
    assert shortened("abc", 3) == "abc"
    assert shortened("abcd", 3) == "ab…"
