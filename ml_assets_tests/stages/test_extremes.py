"""Values at the ends of every type: in cleaned or in quarantine, and no later stage stumbles."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import example, settings
from hypothesis import given as drawn
from hypothesis import strategies as st

from ml_assets_tests.stages.batches import ingested
from ml_assets_tests.stages.quality_batches import EVERY, report_of, table

COLUMNS: dict[str, Any] = {
    "at": {"type": "timestamp"},
    "day": {"type": "date"},
    "id": {"type": "integer"},
    "size": {"type": "number", "range": [-1e90, None]},
    "name": {"type": "text"},
    "kind": {"type": "category"},
    "free": {"type": "boolean"},
}
KINDS = {
    "at": pa.timestamp("us"),
    "day": pa.date32(),
    "id": pa.int64(),
    "size": pa.float64(),
    "name": pa.binary(),
    "kind": pa.string_view(),
    "free": pa.int8(),
}
BITS = {"at": 64, "day": 32, "id": 64}
TEXTS = (
    *("", "NA", "x", "\N{LINE SEPARATOR}", "-0", "1e400", "1e100", "-1e99", "1e-320", "nan", "inf"),
    *("9223372036854775807", "-9223372036854775808", "9223372036854775808", "1" * 400),
    *("0001-01-01", "9999-12-31", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"),
    *("9999-12-31T23:59:59.999999Z", "0000-01-01", "2024-02-30", "true", "2013-01-01"),
)
FEWEST = 40


def _number(bits: int) -> st.SearchStrategy[int]:
    least, largest = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return st.one_of(st.sampled_from([least, largest, 0, 1, -1]), st.integers(least, largest))


VALUES: dict[str, st.SearchStrategy[Any]] = {
    **{name: _number(bits) for name, bits in BITS.items()},
    "size": st.floats(),
    "name": st.binary(max_size=3),
    "kind": st.text(max_size=3),
    "free": st.sampled_from([-1, 0, 1, 2]),
}


def _file(rows: list[dict[str, Any]]) -> bytes:
    arrays = {}
    for name, kind in KINDS.items():
        values = [row[name] for row in rows]
        stored = {64: pa.int64(), 32: pa.int32()}.get(BITS.get(name, 0), kind)
        arrays[name] = (
            pa.array(values, stored).view(kind) if name in BITS else pa.array(values, kind)
        )
    file = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(arrays), file)
    return file.getvalue()


def _all_come_out(content: bytes, records: int) -> None:
    """Ingest, clean and report a file beside itself."""
    found, rejects, summary = ingested(content, COLUMNS)
    assert summary["landed"] == len(found) + len(rejects) == records
    raw = table({name: [row[name] for row in found] for name in COLUMNS}, COLUMNS)
    for block in ("day", "row"):
        figures = report_of(raw, {"before": raw}, COLUMNS, block).figures
        assert figures["rows"]["landed"] == len(found)
        left = sum(figures["quarantined"].values())
        assert figures["rows"]["cleaned"] + left == len(found)
    checks = report_of(raw, {"before": raw}, COLUMNS).checks
    assert set(checks) == set(EVERY)


@settings(max_examples=15, deadline=None)
@drawn(
    rows=st.lists(st.fixed_dictionaries({n: st.none() | v for n, v in VALUES.items()}), min_size=1)
)
@example(
    rows=[
        {
            "at": 2**62,
            "day": 2**31 - 1,
            "id": 2**63 - 1,
            "size": 1e300,
            "name": b"\xff",
            "kind": "",
            "free": 2,
        }
    ]
)
def test_parquet(rows: list[dict[str, Any]]) -> None:
    rows = (rows * FEWEST)[: max(FEWEST, len(rows))]
    _all_come_out(_file(rows), len(rows))


@settings(max_examples=15, deadline=None)
@drawn(rows=st.lists(st.lists(st.sampled_from(TEXTS), min_size=7, max_size=7), min_size=1))
def test_csv(rows: list[list[str]]) -> None:
    rows = (rows * FEWEST)[: max(FEWEST, len(rows))]
    lines = [",".join(f'"{text}"' for text in row) for row in [list(COLUMNS), *rows]]
    _all_come_out(("\n".join(lines) + "\n").encode(), len(rows))


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_with_every_text(name: str) -> None:
    rows = [",".join(f'"{t}"' if name == c else "" for c in COLUMNS) for t in TEXTS]
    rows = [row if row.strip(",") else '"",,,,,,' for row in rows] * 2
    _all_come_out("\n".join([",".join(COLUMNS), *rows, ""]).encode(), len(rows))
