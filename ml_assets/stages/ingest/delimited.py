"""Delimited text to records, each with the physical line on which it starts.

Belongs here: quotes, blank lines, records of the wrong width.
Does not belong here: types, the contract, encodings (the text is already UTF-8 without BOM).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from ml_assets.stages.ingest.dialect import Dialect, padded, squeezed
from ml_assets.stages.ingest.escapes import REASON, escaped
from ml_assets.stages.ingest.header import Header, read_header, skipped
from ml_assets.stages.ingest.lines import Ints, Lines, Records, breaks_in, breaks_within, starts
from ml_assets.stages.ingest.parse import BLANKS
from ml_assets.stages.ingest.sniff import BOM
from ml_assets.stages.ingest.source import Broken, Source

END = "\x1dend of file\x1d"
"""First value of a record added at the end; only an unclosed quote swallows it."""
BLOCK = 1 << 30
"""Most bytes that pyarrow parses at once; a record must fit."""
NO_END = "the file does not end with a line break; it may be truncated"
OPEN = "a quote opened on line {} is never closed; close it, or deliver the whole file again"


@dataclass(frozen=True)
class Parsed:
    """The text after the header as parsed by pyarrow: rows of the right width, and others."""

    rows: pa.Table
    wrong: dict[int, tuple[int, str]]
    """By record number (from 0): how many values it has, and its text."""

    def right(self) -> npt.NDArray[np.bool_]:
        """Return for each record (n,), in order, whether it has the right width."""
        right = np.ones(self.rows.num_rows + len(self.wrong), dtype=np.bool_)
        right[list(self.wrong)] = False
        return right

    def breaks(self) -> Ints:
        """Return the number of line ends within each record, (n,)."""
        right = self.right()
        breaks = np.zeros(len(right), dtype=np.int64)
        breaks[right] = breaks_within(self.rows)
        for number, (_, text) in self.wrong.items():
            breaks[number] = breaks_in(text)
        return breaks


def read(text: bytes, how: Dialect, damaged: bool) -> Source:
    """Split delimited text into records; Unreadable without a usable header.

    `damaged` says that U+FFFD stands for bytes that could not be decoded.
    """
    begin, lines, quote = skipped(text, how.skip), Lines(text), how.quote.encode()
    if how.aligned:
        text = text[:begin] + squeezed(text[begin:], how.quote)
    header = read_header(text, how, begin)
    quoted = bool(quote) and text.find(quote, header.start) >= 0
    body = _body(text, header, how.delimiter, quoted)
    parsed = _parse(body, header, how)
    right = parsed.right()
    begins = starts(
        header.line, parsed.breaks() if quoted else np.zeros_like(right, dtype=np.int64)
    )
    records = Records(lines, begins if quoted else None)
    escape = REASON.format(how.quote)
    count, broken, unclosed = len(right) - quoted, list[Broken](), None
    if quoted and not _closed(parsed):
        unclosed = int(begins[count])
        reason = OPEN.format(unclosed)
        broken = [Broken(n, "parse.quote", reason, t) for n, t in lines.after(unclosed)]
    for number, (width, _) in parsed.wrong.items():
        if number < count:
            line = int(begins[number])
            wanted = f"the {'header' if how.names is None else 'contract'} {len(header.names)}"
            reason = f"the record has {width} values, {wanted}"
            whole = records.text(line)
            reason += f"; {escape}" if quote and f"\\{how.quote}" in whole else ""
            broken.append(Broken(line, "parse.columns", reason, whole))
    at = begins[:count][right[:count]]
    rows = parsed.rows.slice(0, len(at))
    edges = BLANKS if how.aligned else ""
    blank = [row for row in _empty_rows(rows) if not records.text(int(at[row])).strip(edges)]
    wrong = []
    if quote and text.find(b"\\" + quote, header.start) >= 0:
        wrong = escaped(rows, at, records.text, how)
    for line in at[wrong].tolist():
        broken.append(Broken(line, "parse.quote", escape, records.text(line)))
    if blank or wrong:
        kept = np.delete(np.arange(len(at)), [*blank, *wrong])
        rows, at = rows.take(kept), at[kept]
    columns = [column.combine_chunks() for column in rows.columns]
    return Source(
        names=header.names,
        columns=columns,
        lines=pa.array(at, pa.int64()),
        broken=broken,
        text=records.text,
        warnings=() if text.endswith((b"\n", b"\r")) else (NO_END,),
        damaged=damaged,
        unclosed=unclosed,
        nul=b"\0" in text,
        nulls=frozenset(how.nulls),
        padded=padded(text, header.start, how),
    )


def _body(text: bytes, header: Header, delimiter: str, quoted: bool) -> pa.Buffer:
    """Return the text after the header, with the END record if there are quotes.

    It lies in Arrow's own memory: an Arrow thread may release it as the process ends, and would
    abort the process if it were Python's (`stages/parquet`).
    """
    # pyarrow drops a BOM at the start of its input: here it belongs to a value.
    mark = BOM if text.startswith(BOM, header.start) else b""
    end = b""
    if quoted:
        gap = "" if text.endswith((b"\n", b"\r")) else "\n"
        end = (gap + END + delimiter * (len(header.names) - 1) + "\n").encode()
    parts = (mark, memoryview(text)[header.start :], end)
    body = pa.allocate_buffer(sum(len(part) for part in parts))
    with pa.FixedSizeBufferWriter(body) as writer:
        for part in parts:
            writer.write(part)
    return body


def _parse(body: pa.Buffer, header: Header, how: Dialect) -> Parsed:
    names = [str(number) for number in range(len(header.names))]
    schema = pa.schema([pa.field(name, pa.string()) for name in names])
    wrong: dict[int, tuple[int, str]] = {}

    def note(row: pyarrow.csv.InvalidRow) -> str:
        wrong[row.number - 1] = (row.actual_columns, row.text)
        return "skip"

    if not body.size:
        return Parsed(schema.empty_table(), wrong)
    rows = pyarrow.csv.read_csv(
        pa.BufferReader(body),
        # Rows of the wrong width carry their number only without threads.
        read_options=pyarrow.csv.ReadOptions(
            use_threads=False, column_names=names, block_size=min(body.size + 1, BLOCK)
        ),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=how.delimiter,
            quote_char=how.quote or False,
            newlines_in_values=True,
            ignore_empty_lines=False,
            invalid_row_handler=note,
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            check_utf8=False,
            column_types=schema,
            null_values=[form for text in how.nulls for form in {text, text.strip(BLANKS)}],
            strings_can_be_null=bool(how.nulls),
        ),
    )
    return Parsed(rows, wrong)


def _closed(parsed: Parsed) -> bool:
    """Return whether the END record was parsed as a separate record."""
    rows = parsed.rows
    return bool(rows.num_rows and rows.column(0)[-1].as_py() == END)


def _empty_rows(rows: pa.Table) -> list[int]:
    """Return the numbers of rows without any value: blank lines, or records such as `,,`."""
    empty = None
    for column in rows.columns:
        here = pc.equal(pc.fill_null(pc.binary_length(column), 0), 0)
        empty = here if empty is None else pc.and_(empty, here)
        if not pc.any(empty).as_py():
            return []
    return [] if empty is None else pc.indices_nonzero(empty).to_pylist()
