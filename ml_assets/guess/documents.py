"""JSON Lines and Excel, as rows of texts.

Belongs here: formats that have no reader by columns. Does not belong here: CSV, Parquet.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook

from ml_assets.errors import RequestError
from ml_assets.stages.ingest.sniff import GZIP

FIRST = 1_000
"""Objects whose fields are looked up for the columns."""


def excel(path: Path, sheet: str | None = None) -> tuple[str, list[list[str]]]:
    """Return the first sheet with rows (or the one named) and its rows.

    Raises RequestError for a workbook that cannot be read or holds none.
    """
    try:
        book = CalamineWorkbook.from_path(str(path))
        for name in book.sheet_names if sheet is None else [sheet]:
            rows = book.get_sheet_by_name(name).to_python(skip_empty_area=True)
            if rows:
                return name, [[_text(value) for value in row] for row in rows]
    except CalamineError as error:
        raise RequestError(f"{path.name}: the workbook cannot be read: {error}") from None
    raise RequestError(f"{path.name}: the workbook holds no rows")


def fields(path: Path, encoding: str) -> list[str]:
    """Return the fields of the first objects of a file, in the order met."""
    names = dict[str, None]()
    for number, item in enumerate(_objects(path, encoding)):
        names.update(dict.fromkeys(item))
        if number >= FIRST:
            break
    return list(names)


def jsonl(path: Path, encoding: str, names: list[str], rows: int) -> Iterator[list[pa.Array]]:
    """Yield the fields of `rows` objects after another, as texts."""
    taken = list[dict[str, Any]]()
    for item in _objects(path, encoding):
        taken.append(item)
        if len(taken) == rows:
            yield _columns(taken, names)
            taken = []
    if taken:
        yield _columns(taken, names)


def _columns(items: list[dict[str, Any]], names: list[str]) -> list[pa.Array]:
    return [pa.array([_text(item.get(name)) for item in items], pa.string()) for name in names]


def _objects(path: Path, encoding: str) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        packed = file.read(2) == GZIP
    opener = gzip.open if packed else open
    with opener(path, "rt", encoding=encoding, newline="\n") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                item = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise RequestError(f"{path.name}:{number}: not JSON: {error}") from None
            if not isinstance(item, dict):
                raise RequestError(f"{path.name}:{number}: wanted an object in each line")
            yield item


def _text(value: Any) -> str:
    """Return a value as a CSV file would hold it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
