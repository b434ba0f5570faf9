"""Removes rows from a landed file; all other bytes stay as they are.

Belongs here: finding records by the values of columns, cutting them out. Does not belong here:
what else contains them.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Mapping
from typing import Any

from ml_assets.spec.dataset import DatasetSpec
from ml_assets.stages import parquet
from ml_assets.stages.ingest import columnar, read
from ml_assets.stages.ingest.columns import positions
from ml_assets.stages.ingest.convert import convert
from ml_assets.stages.ingest.lines import breaks_in
from ml_assets.stages.ingest.parse import PARSERS
from ml_assets.stages.ingest.sniff import GZIP, PARQUET, as_utf8, unpacked
from ml_assets.stages.ingest.source import Source

Values = Mapping[str, str]
"""Column -> the value, as text, that a row must have in it."""


def without(content: bytes, spec: DatasetSpec, wanted: Values) -> tuple[bytes, int]:
    """Return a file without the rows that have all these values, and the number of those rows.

    A value matches as text or as the column's type reads it (`017` is 17). A record that cannot
    be parsed matches if it contains all values. Raises Unreadable if the file cannot be parsed
    at all, or has no such columns.
    """
    plain = unpacked(content)
    if plain.startswith(PARQUET):
        return _parquet(content, plain, spec, wanted)
    source = read(content, spec.landing, spec.columns)
    at = positions(source.names, {name: spec.columns[name] for name in wanted})
    starts = [source.lines[row].as_py() for row in _rows(source, at, spec, wanted)]
    starts += [item.line for item in source.broken if _in(item.text, spec, wanted)]
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


def _cut(plain: bytes, encoding: str, gone: set[int]) -> bytes:
    # In UTF-16, UTF-32 and EBCDIC line ends are other bytes than in ASCII.
    wide = not "\r\n".encode(encoding).endswith(b"\r\n")
    lines = (as_utf8(plain, encoding)[0] if wide else plain).splitlines(keepends=True)
    kept = b"".join(line for number, line in enumerate(lines, 1) if number not in gone)
    return kept.decode().encode(encoding) if wide else kept


def _packed(content: bytes, plain: bytes) -> bytes:
    return gzip.compress(plain, mtime=0) if content.startswith(GZIP) else plain


def _parquet(content: bytes, plain: bytes, spec: DatasetSpec, wanted: Values) -> tuple[bytes, int]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    source = columnar.read(plain)
    at = positions(source.names, {name: spec.columns[name] for name in wanted})
    rows = set(_rows(source, at, spec, wanted))
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


def _rows(
    source: Source, at: Mapping[str, int], spec: DatasetSpec, wanted: Values
) -> Iterator[int]:
    columns = {name: convert(source.columns[at[name]], "text")[0].to_pylist() for name in wanted}
    for row in range(len(source.lines)):
        if all(_same(columns[name][row], wanted[name], spec, name) for name in wanted):
            yield row


def _same(got: Any, wanted: str, spec: DatasetSpec, name: str) -> bool:
    if got is None:
        return False
    text = str(got).strip()
    if text == wanted.strip():
        return True
    parse = PARSERS.get(spec.columns[name].type)
    if parse is None:
        return False
    value = parse(wanted)
    return value is not None and parse(text) == value


def _in(text: str, spec: DatasetSpec, wanted: Values) -> bool:
    """Return whether a record that cannot be parsed contains all values."""
    fields = [
        field for row in csv.reader([text], delimiter=spec.landing.delimiter) for field in row
    ]
    return all(
        any(_same(field, value, spec, name) for field in fields) for name, value in wanted.items()
    )
