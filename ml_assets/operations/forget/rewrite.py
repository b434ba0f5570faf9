"""Removes rows from a landed file; all other bytes stay as they are.

Belongs here: finding records by the values of columns, cutting them out. Does not belong here:
what else contains them.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.operations.forget.workbook import holding
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.stages import parquet
from ml_assets.stages.ingest import columnar
from ml_assets.stages.ingest import read as read_file
from ml_assets.stages.ingest.convert import texts_of
from ml_assets.stages.ingest.fields import fields
from ml_assets.stages.ingest.lines import breaks_in
from ml_assets.stages.ingest.sniff import GZIP, PARQUET, as_utf8, is_workbook, unpacked
from ml_assets.stages.ingest.source import Source
from ml_assets.stages.ingest.spelling import Spelling, read, spelling
from ml_assets.stages.parts import is_packed, packed, parts_of

Values = Mapping[str, str]
"""Column -> the value, as text, that a row must have in it."""


def without(content: bytes, spec: DatasetSpec, wanted: Values) -> tuple[bytes, int]:
    """Return a file without the rows that have all these values, and the number of those rows.

    A value matches as text or as the column's type reads it (`017` is 17). A record that cannot
    be parsed matches if it contains all values. Raises Unreadable if the file cannot be parsed
    at all, or has no such columns, InWorkbook for a workbook with such rows.
    """
    plain = unpacked(content)
    if plain.startswith(PARQUET):
        return _parquet(content, plain, spec, wanted)
    if is_packed(plain):
        left = {name: _parquet(part, part, spec, wanted) for name, part in parts_of(plain).items()}
        count = sum(rows for _, rows in left.values())
        kept = packed({name: part for name, (part, _) in left.items()})
        return (_packed(content, kept), count) if count else (content, 0)
    if is_workbook(plain):
        _, rows = _found(content, spec, wanted)
        holding(plain, spec.landing.sheet, rows, wanted)
        return content, 0
    source, starts = _found(content, spec, wanted)
    if not starts:
        return content, 0
    assert source.text is not None
    broken = {item.line: item.text for item in source.broken}
    gone: set[int] = set()
    for line in starts:
        text = broken[line] if line in broken else source.text(line)
        gone.update(range(line, line + 1 + breaks_in(text)))
    kept = _cut(plain, spec.landing.encoding, gone)
    return _packed(content, kept), len(starts)


def lines_with(content: bytes, spec: DatasetSpec, wanted: Values) -> set[int]:
    """Return the lines (from 1) of a text on which the rows begin that have all these values."""
    return set(_found(content, spec, wanted)[1])


def _found(content: bytes, spec: DatasetSpec, wanted: Values) -> tuple[Source, list[int]]:
    source = read_file(content, spec.landing, spec.columns)
    starts = [source.lines[row].as_py() for row in _rows(source, spec, wanted)]
    starts += [item.line for item in source.broken if _in(item.text, spec, wanted)]
    return source, starts


def _cut(plain: bytes, encoding: str, gone: set[int]) -> bytes:
    # In UTF-16, UTF-32 and EBCDIC line ends are other bytes than in ASCII.
    wide = not "\r\n".encode(encoding).endswith(b"\r\n")
    lines = (as_utf8(plain, encoding)[0] if wide else plain).splitlines(keepends=True)
    kept = b"".join(line for number, line in enumerate(lines, 1) if number not in gone)
    return kept.decode().encode(encoding) if wide else kept


def _packed(content: bytes, plain: bytes) -> bytes:
    return gzip.compress(plain, mtime=0) if content.startswith(GZIP) else plain


def _parquet(content: bytes, plain: bytes, spec: DatasetSpec, wanted: Values) -> tuple[bytes, int]:
    import pyarrow.parquet as pq

    source = columnar.read(plain)
    rows = set(_rows(source, spec, wanted))
    if not rows:
        return content, 0
    table = parquet.read(plain)
    # `take` is not implemented for some types that can be sliced.
    begins = [0, *(row + 1 for row in sorted(rows))]
    ends = [*sorted(rows), table.num_rows]
    kept = pa.concat_tables(
        [table.slice(begin, end - begin) for begin, end in zip(begins, ends, strict=True)]
    )
    sink = pa.BufferOutputStream()
    pq.write_table(kept, sink)
    return _packed(content, sink.getvalue().to_pybytes()), len(rows)


def _rows(source: Source, spec: DatasetSpec, wanted: Values) -> list[int]:
    given = fields(source, spec.landing, {name: spec.columns[name] for name in wanted})
    same = np.ones(len(source.lines), np.bool_)
    for name, value in wanted.items():
        same &= _same(*given[name], value)
    return [int(row) for row in np.flatnonzero(same)]


def _same(array: pa.Array, by: Spelling, wanted: str) -> npt.NDArray[np.bool_]:
    """Return which values are the same text, or the same value of the column's type."""
    texts = texts_of(array)
    matches = pa.nulls(len(array), pa.bool_())
    if texts is not None:
        matches = pc.equal(pc.utf8_trim_whitespace(texts), wanted.strip())
    (value,) = read(pa.array([wanted]), by).values
    if value.is_valid and by.kind not in ("text", "category"):
        matches = pc.or_kleene(matches, pc.equal(read(array, by).values, value))
    same: npt.NDArray[np.bool_] = matches.fill_null(False).to_numpy(zero_copy_only=False)
    return same


def _in(text: str, spec: DatasetSpec, wanted: Values) -> bool:
    """Return whether a record that cannot be parsed contains all values."""
    quote = spec.landing.quote
    rows = csv.reader(
        [text],
        delimiter=spec.landing.delimiter,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
    )
    texts = pa.array([field for row in rows for field in row], pa.string())
    for name, value in wanted.items():
        column = spec.columns[name]
        joined = len(column.source or ()) > 1 and all(word in text for word in value.split())
        if not joined and not _same(texts, spelling(column, spec.landing), value).any():
            return False
    return True
