"""Delimited text with pseudonyms: the same header, and each record on the line where it was.

Ingest comes to the same verdict on each record: one that does not come apart still does not, for
the same reason, but its text is a mask.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.engine.hiding.columns import Hiding
from ml_assets.stages.ingest import read
from ml_assets.stages.ingest.header import skipped
from ml_assets.stages.ingest.lines import breaks_within
from ml_assets.stages.ingest.opened import line_starts
from ml_assets.stages.ingest.source import Broken, Source
from ml_assets.stages.shown import MASK


def hidden_lines(text: bytes, hiding: Hiding, marks: Sequence[str]) -> bytes:
    """Return a text (UTF-8, without BOM) with pseudonyms; Unreadable without a usable header."""
    landing = hiding.spec.landing.model_copy(update={"encoding": "utf-8", "null_values": ()})
    columns = {
        name: column.model_copy(update={"null_values": None})
        for name, column in hiding.spec.columns.items()
    }
    source = read(text, landing, columns)
    hiding.check(list(source.names))
    swallowed = _swallowed_lines(source)
    end_of_records = swallowed[0] if swallowed else None
    broken = [i for i in source.broken if end_of_records is None or i.line < end_of_records]
    lines = [*source.lines.to_pylist(), *(item.line for item in broken)]
    at = skipped(text, landing.skip_lines)
    first = min([*lines, *swallowed], default=0)
    end = int(line_starts(text)[first - 1]) if first else len(text)
    begin = b"\n" * landing.skip_lines + text[at:end]
    made = pa.table(
        [hiding.column(n, c, marks) for n, c in zip(source.names, source.columns, strict=True)],
        names=[str(number) for number in range(len(source.names))],
    )
    records = dict(zip(source.lines.to_pylist(), _records(made, hiding), strict=True))
    breaks = dict(zip(records, breaks_within(made).tolist(), strict=True))
    records |= {item.line: _masked(item, len(source.names), hiding) for item in broken}
    body, line = [], first
    for number in sorted(records):
        # Blank lines are no records, and stand where lines were lost.
        body.append("\n" * (number - line) + records[number] + "\n")
        line = number + 1 + breaks.get(number, 0)
    if swallowed:
        # A quote that is never closed, with a mask on each line.
        body.append("\n" * (swallowed[0] - line) + hiding.spec.landing.quote)
        for number, after in zip(swallowed, [*swallowed[1:], swallowed[-1] + 1], strict=True):
            body.append(MASK + "\n" * (after - number))
    whole = begin + "".join(body).encode()
    ended = text.endswith((b"\n", b"\r"))
    return whole if ended or not body else whole.removesuffix(b"\n")


def _records(made: pa.Table, hiding: Hiding) -> Sequence[str]:
    """Return each row as a record; a value is quoted if it must be."""
    delimiter, quote = hiding.spec.landing.delimiter, hiding.spec.landing.quote
    if not quote:
        columns = made.columns
    else:
        marks = [delimiter, quote, "\n", "\r", *(" \t" if delimiter == " " else "")]
        pattern = f"[{''.join(re.escape(mark) for mark in marks)}]"
        # A record of one missing value would be a blank line.
        pattern += "|^$" if delimiter == " " or len(made.columns) == 1 else ""
        columns = [_quoted(column, pattern, quote) for column in made.columns]
    whole = [pc.fill_null(column.combine_chunks(), "") for column in columns]
    return list(pc.binary_join_element_wise(*whole, delimiter).to_pylist())


def _quoted(column: pa.ChunkedArray, pattern: str, quote: str) -> pa.ChunkedArray:
    needs = pc.match_substring_regex(column, pattern)
    doubled = pc.replace_substring(column, quote, quote * 2)
    return pc.if_else(needs, pc.binary_join_element_wise(quote, doubled, quote, ""), column)


def _masked(item: Broken, width: int, hiding: Hiding) -> str:
    """Return a record that is wrong in the same way."""
    delimiter, quote = hiding.spec.landing.delimiter, hiding.spec.landing.quote
    if item.rule == "parse.quote":
        first = f"{quote}{MASK}\\{quote}{MASK}{quote}"
        return delimiter.join([first, *[MASK] * (width - 1)])
    reader = csv.reader(
        [item.text.replace("\n", " ").replace("\r", " ")],
        delimiter=delimiter,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        skipinitialspace=delimiter == " ",
    )
    values = sum(len(row) for row in reader)
    return delimiter.join([MASK] * (values if values != width else width + 1))


def _swallowed_lines(source: Source) -> list[int]:
    """Return the lines from an open quote on."""
    end = source.unclosed
    return [] if end is None else [item.line for item in source.broken if item.line >= end]
