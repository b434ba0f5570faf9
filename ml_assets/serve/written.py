"""Answers written to a file or a stream, piece by piece.

Belongs here: CSV, Parquet, JSON Lines. Does not belong here: what an answer holds.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from ml_assets.errors import RequestError

Write = Callable[[pa.Table], None]
SUFFIXES = {".csv": "csv", ".parquet": "parquet", ".jsonl": "json", ".ndjson": "json"}


def format_of(path: Path) -> str:
    """Return the format that a file's name asks for; RequestError for another name."""
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise RequestError(
            f"{path.name}: wanted a name that ends in {', '.join(SUFFIXES)}, for the format"
        )
    return kind


@contextmanager
def written(path: Path) -> Iterator[Write]:
    """Write a file that is there as a whole or not at all."""
    form = format_of(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file, streamed(file, form) as write:
            yield write
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def streamed(file: IO[bytes], form: str = "csv") -> Iterator[Write]:
    """Write to an open file; the first table says the columns."""
    opened: list[Any] = []
    open_one = {"csv": _csv, "parquet": _parquet, "json": _Json}[form]

    def write(table: pa.Table) -> None:
        if not opened:
            opened.append(cast(Any, open_one)(file, table.schema))
        opened[0].write_table(table)

    yield write
    for writer in opened:
        writer.close()


def _csv(file: IO[bytes], schema: pa.Schema) -> Any:
    options = pyarrow.csv.WriteOptions(quoting_header="needed")
    return pyarrow.csv.CSVWriter(file, schema, write_options=options)


def _parquet(file: IO[bytes], schema: pa.Schema) -> Any:
    return pq.ParquetWriter(file, schema)


class _Json:
    """JSON Lines: an object a row, missing values as null."""

    def __init__(self, file: IO[bytes], schema: pa.Schema) -> None:
        self._file = file

    def write_table(self, table: pa.Table) -> None:
        for row in table.to_pylist():
            text = json.dumps(row, ensure_ascii=False, default=_text)
            self._file.write(f"{text}\n".encode())

    def close(self) -> None:
        """Nothing is left to write."""


def _text(value: Any) -> str:
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)
