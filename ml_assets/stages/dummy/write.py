"""Made-up rows as the file that would land.

Belongs here: how the contract's values are spelled in text. Does not belong here: rows.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from ml_assets.stages.ingest.columns import expected, named
from ml_assets.stages.ingest.spelling import Spelling, spelling
from ml_assets.stages.schema import DUMMY

if TYPE_CHECKING:
    from ml_assets.spec.columns import Column
    from ml_assets.spec.dataset import Landing

Texts = dict[str, list[str | None]]
"""By the file's column: the text of each row, None for a missing value."""


def texts(frame: pd.DataFrame, columns: Mapping[str, Column], landing: Landing) -> Texts:
    """Return the file's columns of rows, as texts.

    A column that is made of several takes its text apart at blanks.
    """
    found: Texts = {name: [None] * len(frame) for name in expected(columns)}
    for name, column in columns.items():
        by = spelling(column, landing)
        parts = named(name, column)
        for row, value in enumerate(frame[name].tolist()):
            if pd.isna(value):
                continue
            pieces = _text(value, by).split(" ", len(parts) - 1)
            for part, piece in zip(parts, pieces, strict=False):
                found[part][row] = piece
    return found


def content(found: Texts, columns: Mapping[str, Column], landing: Landing) -> bytes:
    """Return a file of such texts, with a column that says that the rows are made up.

    It is CSV as `landing` says. Where that has no header, it is JSON Lines, which has names.
    """
    count = len(next(iter(found.values())))
    marked: Texts = {**found, DUMMY: ["1"] * count}
    if not landing.header:
        lines = (
            json.dumps({name: marked[name][row] for name in marked}, ensure_ascii=False)
            for row in range(count)
        )
        return "".join(f"{line}\n" for line in lines).encode()
    missing = _missing(columns, landing)
    file = io.StringIO(newline="")
    file.write("made-up rows\n" * landing.skip_lines)
    if landing.quote:
        write = csv.writer(
            file, delimiter=landing.delimiter, quotechar=landing.quote, lineterminator="\n"
        )
    else:
        write = csv.writer(
            file,
            delimiter=landing.delimiter,
            quoting=csv.QUOTE_NONE,
            quotechar=None,
            lineterminator="\n",
        )
    write.writerow(marked)
    for row in range(count):
        write.writerow([_or(marked[name][row], missing.get(name, "")) for name in marked])
    return file.getvalue().encode(landing.encoding)


def _or(text: str | None, missing: str) -> str:
    return missing if text is None else text


def _missing(columns: Mapping[str, Column], landing: Landing) -> dict[str, str]:
    """Return the text of a missing value by the file's column."""
    found: dict[str, str] = {}
    for name, column in columns.items():
        nulls: Sequence[str] = spelling(column, landing).nulls
        for part in named(name, column):
            found[part] = nulls[0] if nulls else ""
    return found


def _text(value: Any, by: Spelling) -> str:
    if by.kind == "boolean":
        return "true" if value else "false"
    if by.kind in ("timestamp", "date"):
        return _time(pd.Timestamp(value), by)
    if by.kind in ("integer", "number"):
        plain = str(int(value)) if float(value).is_integer() else repr(float(value))
        return plain.replace(".", by.decimal)
    return str(value)


def _time(at: pd.Timestamp, by: Spelling) -> str:
    if by.kind == "timestamp" and by.zone is not None:
        at = at.tz_convert(by.zone)
    if by.formats:
        return at.strftime(by.formats[0])
    if by.kind == "date":
        return at.strftime("%Y-%m-%d")
    plain = at.strftime("%Y-%m-%dT%H:%M:%S")
    return plain if by.zone is not None else f"{plain}Z"
