"""A folder of Parquet files, as Spark writes it, is one batch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml_assets.engine.deliveries import delivery, problem
from ml_assets.operations.forget.rewrite import without
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.stages.ingest import ingest
from ml_assets.stages.parts import parts_of
from ml_assets_tests.handles import given
from ml_assets_tests.stages.batches import ingest_spec, ingested

SPEC = DatasetSpec.model_validate(
    {
        "description": "d",
        "landing": {"pattern": ".*"},
        "columns": {"number": {"type": "integer"}, "name": {"type": "text"}},
    }
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder as Spark writes it: two parts of one row, a mark and checksums."""
    made = tmp_path / "people.parquet"
    made.mkdir()
    for number, name in enumerate(["Ann", "Bob"]):
        table = pa.table({"number": [number], "name": [name]})
        pq.write_table(
            table if number else table.select(["name", "number"]), made / f"part-{number}.parquet"
        )
        (made / f".part-{number}.parquet.crc").write_bytes(b"crc")
    (made / "_SUCCESS").touch()
    return made


def test_parts_are_read_in_the_order_of_their_names(folder: Path) -> None:
    assert problem(folder) is None
    raw, rejects, summary = ingested(delivery(folder).content())
    assert raw == [
        {"_line": 1, "number": 0, "name": "Ann"},
        {"_line": 2, "number": 1, "name": "Bob"},
    ]
    assert (rejects, summary["warnings"]) == ([], [])


def test_the_content_is_of_names_and_bytes_alone(folder: Path) -> None:
    before = delivery(folder)
    content = before.content()
    for part in before.parts:
        os.utime(part, (1, 1))
        part.chmod(0o600)
    (folder / "_committed").touch()
    after = delivery(folder)
    assert after.content() == content
    assert after.stamp != before.stamp
    (folder / "part-1.parquet").rename(folder / "part-2.parquet")
    assert delivery(folder).content() != content


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("_temporary/", "is still being written (it holds _temporary)"),
        ("notes.txt", "is a folder with notes.txt; wanted a file, or a folder of Parquet files"),
        ("day=1/", "is a folder with folders (day=1); wanted a file"),
    ],
)
def test_a_folder_that_is_no_batch_is_named(folder: Path, name: str, wanted: str) -> None:
    if name.endswith("/"):
        (folder / name).mkdir()
    else:
        (folder / name).touch()
    assert (problem(folder) or "").startswith(wanted)


def test_a_folder_without_parts_is_no_batch(tmp_path: Path) -> None:
    (tmp_path / "_SUCCESS").touch()
    assert (problem(tmp_path) or "").startswith("is a folder without Parquet files")


@pytest.mark.parametrize(
    ("other", "rule", "wanted"),
    [
        (
            pa.table({"number": [1]}),
            "file.columns",
            "part-1.parquet has no column name, which other parts have",
        ),
        (
            pa.Table.from_arrays([[1], ["Bob"], ["Cy"]], ["number", "name", "name"]),
            "file.columns",
            "have other columns (one of them twice)",
        ),
        (pa.table({"number": ["x"], "name": ["y"]}), "file.columns", "columns of other types"),
        (b"number,name\n", "file.format", "part-1.parquet is not a Parquet file"),
        (b"PAR1", "file.parquet", "damaged or truncated"),
    ],
)
def test_parts_that_do_not_fit_refuse_the_batch(
    folder: Path, other: pa.Table | bytes, rule: str, wanted: str
) -> None:
    part = folder / "part-1.parquet"
    part.write_bytes(other) if isinstance(other, bytes) else pq.write_table(other, part)
    raw, rejects, summary = ingested(delivery(folder).content())
    assert raw == []
    assert wanted in summary["refused"]
    assert {row["rule"] for row in rejects} == {rule}


@pytest.mark.parametrize(
    ("on", "rows", "apart"),
    [
        ("ignore", [(0, "Ann"), (1, None)], []),
        ("quarantine", [(0, "Ann")], [(2, "column.missing")]),
    ],
)
def test_records_of_a_part_without_a_column(
    folder: Path, on: str, rows: list[Any], apart: list[Any]
) -> None:
    part = pa.table({"number": [1], "other": ["x"]})
    pq.write_table(part, folder / "part-1.parquet")
    spec = ingest_spec().model_copy(update={"on_missing_column": on})
    found = ingest(spec, landed=given(delivery(folder).content())).outputs
    raw, rejects = found["raw"].to_pylist(), found["rejects"].to_pylist()
    assert [(row["number"], row["name"]) for row in raw] == rows
    assert [(row["_line"], row["rule"]) for row in rejects] == apart
    said = [row["reason"] for row in rejects] or found["summary"]["warnings"]
    assert said[-1].startswith("part-1.parquet has no column name")


def test_a_damaged_archive_is_refused(folder: Path) -> None:
    _, rejects, _ = ingested(delivery(folder).content()[:700])
    assert rejects[0]["rule"] == "file.format"


def test_a_row_is_cut_out_of_its_part(folder: Path) -> None:
    content = delivery(folder).content()
    left, count = without(content, SPEC, {"name": "Ann"})
    assert count == 1
    assert [row["name"] for row in ingested(left)[0]] == ["Bob"]
    assert parts_of(left)["part-1.parquet"] == parts_of(content)["part-1.parquet"]
    assert without(content, SPEC, {"name": "Cy"}) == (content, 0)
