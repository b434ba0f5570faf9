"""Parquet is read whole, in order, and leaves nothing running behind."""

from __future__ import annotations

import io
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet
import pytest

from ml_assets.stages import parquet
from ml_assets_tests.processes import ROOT

TABLE = pa.table({"a": [1, 2], "a.b": [3, 4], "c": pa.array(["x", "y"]).dictionary_encode()})

LEAVES = """
import os, pyarrow as pa, pyarrow.parquet
from ml_assets.stages import parquet
file = pa.BufferOutputStream()
pyarrow.parquet.write_table(pa.table({"a": list(range(1000))}), file)
content = file.getvalue().to_pybytes()
before = os.listdir("/proc/self/task")
assert parquet.read(content, ["a"]).num_rows == 1000
assert os.listdir("/proc/self/task") == before, "a thread was started"
"""


def _file() -> bytes:
    file = io.BytesIO()
    pyarrow.parquet.write_table(TABLE, file)
    return file.getvalue()


def test_all_columns() -> None:
    assert parquet.read(_file()).equals(TABLE)


@pytest.mark.parametrize("columns", [["c", "a"], ["a"], ["a.b"], []])
def test_some_columns_in_the_order_asked_for(columns: list[str]) -> None:
    found = parquet.read(_file(), columns)
    assert found.column_names == columns
    assert found.num_rows == 2


def test_a_column_that_is_not_there() -> None:
    with pytest.raises(KeyError, match="d"):
        parquet.read(_file(), ["d"])


def test_no_thread_outlives_the_read() -> None:
    """A thread that still holds Python's bytes as the process ends aborts it."""
    subprocess.run([sys.executable, "-c", LEAVES], check=True, cwd=ROOT)


def test_nothing_reads_parquet_another_way() -> None:
    wild = [
        path for path in (ROOT / "ml_assets").rglob("*.py") if ".read_table(" in path.read_text()
    ]
    assert wild == []
