"""A file of any size to its parts: in pieces of some megabytes, each read as ingest reads a file.

A record is kept as it is in the file, byte for byte; gzip is undone. Belongs here: pieces, and
where records begin. Does not belong here: names of batches, what landed before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ml_assets.engine.cutting.names import names_of
from ml_assets.engine.cutting.parts import Parts
from ml_assets.engine.cutting.text import lines_of, plain_text
from ml_assets.engine.deliveries import delivery
from ml_assets.spec.cut import UNASSIGNED, Cut
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.stages.ingest import columnar, read
from ml_assets.stages.ingest.columnar import common, fitted, same_columns
from ml_assets.stages.ingest.columns import positions
from ml_assets.stages.ingest.opened import LONGEST, PIECE, ROWS, last_end, line_starts, plain, wide
from ml_assets.stages.ingest.sniff import BOM, PARQUET, ZIP, unpacked
from ml_assets.stages.ingest.source import Unreadable
from ml_assets.stages.ingest.spelling import spelling, without


def cut(path: Path, spec: DatasetSpec, parts: Parts) -> None:
    """Cut a file, or a folder of Parquet files, into parts.

    Unreadable if its records or batches cannot be found.
    """
    rule = spec.landing.cut
    assert rule is not None
    if path.is_dir():
        _folder(delivery(path).parts, spec, rule, parts)
        return
    with plain(path) as file:
        begin = file.peek(4)  # type: ignore[attr-defined]
        if begin.startswith(PARQUET):
            _table(file, spec, rule, parts)
        elif begin.startswith(ZIP):
            _workbook(file.read(), spec, rule, parts)
        elif wide(spec.landing.encoding):
            text, read_by = plain_text(unpacked(file.read()), spec)
            parts.encoding = spec.landing.encoding
            _Text(read_by, rule, parts).piece(text, True)
        else:
            _texts(file, _Text(spec, rule, parts))


def _texts(file: IO[bytes], text: _Text) -> None:
    left = b""
    while block := file.read(PIECE):
        left = text.piece(left + block, False)
        if len(left) > LONGEST:
            raise Unreadable(
                "quote",
                f"a record from line {text.line} on has more than {LONGEST >> 20} MB; is a quote "
                "never closed?",
            )
    text.piece(left, True)


class _Text:
    """The cutting of one text."""

    def __init__(self, spec: DatasetSpec, rule: Cut, parts: Parts) -> None:
        self._spec, self._rule, self._parts = spec, rule, parts
        self._header: bytes | None = None
        self.line = 1
        """The line on which the next piece begins."""

    def piece(self, data: bytes, last: bool) -> bytes:
        """Add the records of a piece of text to their parts; return the beginning of the next."""
        keep = len(data) if last else last_end(data)
        if self._header is not None and not data[:keep].strip():
            return data[keep:]
        begin = self._header or b""
        whole = begin + data[:keep]
        if not whole.removeprefix(BOM).strip():
            if not last:
                return data
            unpacked(whole)  # Says that the file is empty.
        source = read(whole, self._spec.landing, self._spec.columns)
        names, odd = names_of(source, self._spec, self._rule)
        starts = line_starts(whole)
        if source.unclosed is not None:
            if last:
                line = self.line + source.unclosed - 1 - begin.count(b"\n")
                raise Unreadable("quote", f"a quote opened on line {line} is never closed")
            keep = int(starts[source.unclosed - 1]) - len(begin)
            whole = whole[: keep + len(begin)]
        lines = lines_of(source)
        if not len(lines):
            if last:
                self._parts.header = whole
                return b""
            return data
        order = np.argsort(lines, kind="stable")
        begins = starts[lines[order] - 1]
        if self._header is None:
            self._header = self._parts.header = whole[: begins[0]]
        # A record that does not come apart says no batch.
        names = pa.concat_arrays([names, pa.nulls(len(lines) - len(names), pa.string())])
        self._parts.nameless.update(odd)
        self._add(whole, begins, names.take(pa.array(order)))
        self.line += data[:keep].count(b"\n")
        return data[keep:]

    def _add(self, whole: bytes, starts: npt.NDArray[np.int64], names: pa.Array) -> None:
        offsets = np.append(starts, len(whole)).astype(np.int32)
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(whole)]
        records = pa.Array.from_buffers(pa.binary(), len(starts), buffers)
        coded = pc.fill_null(names, UNASSIGNED).dictionary_encode()
        codes = coded.indices.to_numpy()
        order = np.argsort(codes, kind="stable")
        taken = records.take(pa.array(order))
        ends = np.frombuffer(taken.buffers()[1], np.int32)[: len(starts) + 1]
        bounds = np.searchsorted(codes[order], np.arange(len(coded.dictionary) + 1))
        for number, batch in enumerate(coded.dictionary.to_pylist()):
            first, end = int(bounds[number]), int(bounds[number + 1])
            data = taken.buffers()[2].slice(ends[first], ends[end] - ends[first])
            self._parts.add(batch, data, end - first)


def _table(file: IO[bytes], spec: DatasetSpec, rule: Cut, parts: Parts) -> None:
    with _readable("the Parquet file"):
        opened = pq.ParquetFile(file if file.seekable() else pa.BufferReader(file.read()))
        parts.schema = opened.schema_arrow
        for batch in opened.iter_batches(batch_size=ROWS, use_threads=False):
            add_rows(pa.Table.from_batches([batch]), spec, rule, parts)


def _folder(files: Sequence[Path], spec: DatasetSpec, rule: Cut, parts: Parts) -> None:
    """Cut files in the order of their names."""
    schemas: dict[str, pa.Schema] = {}
    for path in files:
        with _readable(path.name), pq.ParquetFile(path) as opened:
            schemas[path.name] = opened.schema_arrow
    if spec.on_missing_column != "ignore":
        # A record's part is not known of a batch.
        same_columns(schemas)
    parts.schema = common(schemas)
    for path in files:
        with _readable(path.name), pq.ParquetFile(path) as opened:
            for batch in opened.iter_batches(batch_size=ROWS, use_threads=False):
                rows = fitted(pa.Table.from_batches([batch]), parts.schema, path.name)
                add_rows(rows, spec, rule, parts)


@contextmanager
def _readable(what: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Unreadable(
            "parquet", f"{what} is damaged or truncated ({said}); deliver it again"
        ) from None


def _workbook(content: bytes, spec: DatasetSpec, rule: Cut, parts: Parts) -> None:
    """Cut the sheet of a workbook; its parts are Parquet, missing values null."""
    source = read(content, spec.landing, spec.columns)
    columns = list(source.columns)
    for name, column in spec.columns.items():
        lenient = spec.on_missing_column in ("ignore", "quarantine")
        given = positions(source.names, {name: column}, (name,) if lenient else ())
        for place in given.values():
            if pa.types.is_string(columns[place].type):
                nulls = spelling(column, spec.landing, source.own).nulls
                columns[place] = without(columns[place], nulls)
    table = pa.Table.from_arrays(columns, names=list(source.names))
    parts.schema = table.schema
    add_rows(table, spec, rule, parts)


def add_rows(
    table: pa.Table,
    spec: DatasetSpec,
    rule: Cut,
    parts: Parts,
    wanted: Collection[str] | None = None,
) -> None:
    """Add the rows of a table to their parts; with `wanted`, only those of these batches."""
    names, odd = names_of(columnar.source(table), spec, rule)
    parts.nameless.update(odd)
    names = pc.fill_null(names, UNASSIGNED)
    for batch in names.unique().to_pylist():
        if wanted is None or batch in wanted:
            parts.add_rows(batch, table.filter(pc.equal(names, batch)))
