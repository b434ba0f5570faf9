"""The body of a request as rows: JSON, CSV.

Belongs here: formats. Does not belong here: Arrow (`arrow`), the contract (`stages/score`), other
protocols' documents (`mlflow`, `v2`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from ml_assets.serve.service.counting import end_of_line, few_blank_lines, few_brackets
from ml_assets.serve.service.refused import Refused, many_rows
from ml_assets.stages.ingest import delimited
from ml_assets.stages.ingest.dialect import Dialect, dialect
from ml_assets.stages.ingest.header import read_header, skipped
from ml_assets.stages.ingest.sniff import as_utf8
from ml_assets.stages.ingest.source import Source

if TYPE_CHECKING:
    from ml_assets.spec.score import RowsSpec

JSON, CSV, ARROW = "application/json", "text/csv", "application/vnd.apache.arrow.stream"
FORMATS = (JSON, CSV, ARROW)
COLUMNS = 10_000
"""That rows may have, the unknown ones too: each takes time, however few the rows."""
HEADER = 1 << 20
"""Bytes of a CSV text in which its header must end: reading it holds up all other requests."""
Scalar = str | int | float | bool | None


def document(body: bytes, most: int) -> Any:
    """Return a JSON document; Refused for anything that RFC 8259 does not allow.

    So it is for one that must have more than `most` rows.
    """
    few_brackets(body, most)
    try:
        text = body.decode("utf-8-sig")
        parsed = json.loads(text, parse_constant=_constant)
        if "\\u" in text:
            # Half a surrogate pair is not a character: it can neither be stored nor answered.
            json.dumps(parsed, ensure_ascii=False).encode()
        return parsed
    except UnicodeEncodeError:
        raise Refused(400, "the body is not JSON: a \\u escape is half a surrogate pair") from None
    except (ValueError, RecursionError) as error:
        said = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Refused(400, f"the body is not JSON: {said.splitlines()[0][:100]}") from None


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON; write null for a missing value")


def rows_in(rows: Any, most: int) -> Sequence[Mapping[str, Scalar]]:
    """Return the rows of a JSON document: a list of at most so many objects, column to value."""
    few(rows, most)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Refused(
            400, "rows: missing or not a list; wanted a list of objects from column to value"
        )
    if not rows:
        raise Refused(422, "rows: the list is empty; wanted at least one row")
    names: set[str] = set()
    for row in rows:
        few_columns(len(row))
        names.update(row)
        few_columns(len(names))
    nested = {name for row in rows for name, value in row.items() if isinstance(value, dict | list)}
    if nested:
        raise Refused(422, f"not a single value: {', '.join(sorted(nested)[:20])}")
    return rows


def few(rows: Any, most: int) -> None:
    """Raise Refused for a list of more than so many rows."""
    if isinstance(rows, list) and len(rows) > most:
        raise many_rows(most)


def few_columns(count: int) -> None:
    """Raise Refused for more columns than rows may have."""
    if count > COLUMNS:
        raise Refused(413, f"wanted at most {COLUMNS:,} columns")


def csv(body: bytes, spec: RowsSpec, most: int) -> Source:
    """Return the at most so many rows of a CSV text, read as the landed files are."""
    text, damaged = as_utf8(body, spec.landing.encoding)
    how = dialect(spec.landing, {**spec.contract.columns, **spec.optional})
    few_blank_lines(text, most)
    _short_header(text, how)
    few_columns(text[: end_of_line(text, how.skip + 1)].count(how.delimiter.encode()) + 1)
    lines = most + how.skip + 2
    while True:
        end = end_of_line(text, lines)
        records = delimited.read(text[:end], how, damaged)
        # A quoted value may go on after the end.
        until = records.unclosed if records.unclosed is not None and end < len(text) else None
        broken = [item for item in records.broken if until is None or item.line < until]
        if len(records.lines) + len(broken) > most:
            raise many_rows(most)
        if end == len(text):
            return records
        lines *= 2


def _short_header(text: bytes, how: Dialect) -> None:
    """Raise Refused for a header that goes on and on; Unreadable for one that cannot be read."""
    if len(text) > HEADER:
        begin = text[:HEADER]
        if read_header(begin, how, skipped(begin, how.skip)).start == HEADER:
            raise Refused(413, f"the header has more than {HEADER:,} bytes")
