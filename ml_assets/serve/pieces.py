"""A file of rows to score, in pieces that fit into memory.

Each piece is read as ingest reads a file, so that a record is the same wherever a piece ends.
Belongs here: pieces of each format. Does not belong here: the contract, predictions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from ml_assets.stages.ingest import columnar, delimited, jsonlines, read
from ml_assets.stages.ingest.columns import named
from ml_assets.stages.ingest.dialect import dialect
from ml_assets.stages.ingest.opened import LONGEST, PIECE, ROWS, last_end, line_starts, plain, wide
from ml_assets.stages.ingest.sniff import BOM, PARQUET, ZIP, as_utf8, is_json_lines, unpacked
from ml_assets.stages.ingest.source import Source, Unreadable
from ml_assets.stages.ingest.spelling import spelling

if TYPE_CHECKING:
    from ml_assets.spec.score import RowsSpec


def pieces(path: Path, spec: RowsSpec) -> Iterator[Source]:
    """Yield the records of a file in order; Unreadable if they cannot be found."""
    columns = {**spec.contract.columns, **spec.optional}
    with plain(path) as file:
        begin = file.peek(4)  # type: ignore[attr-defined]
        if begin.startswith(PARQUET):
            yield from _rows(file)
        elif begin.startswith(ZIP) or wide(spec.landing.encoding):
            yield read(file.read(), spec.landing, columns)
        else:
            yield from _Text(spec).pieces(file)


def _rows(file: IO[bytes]) -> Iterator[Source]:
    start = 0
    try:
        opened = pq.ParquetFile(file if file.seekable() else pa.BufferReader(file.read()))
        if not opened.metadata.num_rows:
            yield columnar.source(opened.schema_arrow.empty_table())
        for batch in opened.iter_batches(batch_size=ROWS, use_threads=False):
            source = columnar.source(pa.Table.from_batches([batch]))
            yield replace(
                source, lines=pa.array(range(start + 1, start + 1 + len(batch)), pa.int64())
            )
            start += len(batch)
    except (pa.ArrowException, OSError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Unreadable(
            "parquet", f"the Parquet file is damaged or truncated ({said}); deliver it again"
        ) from None


class _Text:
    """The reading of one text, CSV or JSON Lines."""

    def __init__(self, spec: RowsSpec) -> None:
        self._columns = {**spec.contract.columns, **spec.optional}
        self._landing = spec.landing
        self._header: bytes | None = None
        """What stands before the first record."""
        self._names: dict[str, None] = {}
        self._json = False
        self._line = 1
        """The line on which the next piece begins."""

    def pieces(self, file: IO[bytes]) -> Iterator[Source]:
        """Yield the text's records."""
        left = b""
        while block := file.read(PIECE):
            piece, left = self._piece(left + block, False)
            if piece is not None:
                yield piece
            if len(left) > LONGEST:
                raise Unreadable(
                    "quote",
                    f"a record from line {self._line} on has more than {LONGEST >> 20} MB; is a "
                    "quote never closed?",
                )
        piece, _ = self._piece(left, True)
        if piece is not None:
            yield piece

    def _piece(self, data: bytes, last: bool) -> tuple[Source | None, bytes]:
        """Return the records of a piece, and the beginning of the next."""
        keep = len(data) if last else last_end(data)
        if self._header is not None and not data[:keep].strip():
            self._line += len(line_starts(data[:keep])) - 1
            return None, data[keep:]
        begin = self._header or b""
        whole = begin + data[:keep]
        if not last and not whole.removeprefix(BOM).strip():
            return None, data
        source = self._read(whole)
        starts = line_starts(whole)
        if source.unclosed is not None and not last:
            end = source.unclosed
            keep = int(starts[end - 1]) - len(begin)
            whole = whole[: keep + len(begin)]
            source = replace(source, broken=[item for item in source.broken if item.line < end])
        lines = [*source.lines.to_pylist(), *(item.line for item in source.broken)]
        if not lines and not last:
            return None, data
        if self._header is None:
            self._header = whole[: int(starts[min(lines) - 1])] if lines else whole
        ahead = self._line - 1 - (len(line_starts(begin)) - 1)
        self._line += len(line_starts(data[:keep])) - 1
        return _moved(source, ahead), data[keep:]

    def _read(self, text: bytes) -> Source:
        first = self._header is None
        utf8, damaged = as_utf8(unpacked(text) if first else text, self._landing.encoding)
        if first:
            self._json = is_json_lines(utf8)
        if not self._json:
            return delimited.read(utf8, dialect(self._landing, self._columns), damaged)
        spellings = {
            named(name, column)[0]: spelling(column, self._landing)
            for name, column in self._columns.items()
        }
        return self._whole(jsonlines.read(utf8, spellings, damaged))

    def _whole(self, source: Source) -> Source:
        """Return the records with all fields that earlier pieces had."""
        lacking = [name for name in self._names if name not in source.names]
        self._names |= dict.fromkeys(source.names)
        nothing = pa.nulls(len(source.lines), pa.string())
        return replace(
            source,
            names=[*source.names, *lacking],
            columns=[*source.columns, *[nothing] * len(lacking)],
        )


def _moved(source: Source, lines: int) -> Source:
    """Return records that stand some lines further down, without their texts."""
    return replace(
        source,
        lines=pa.array(source.lines.to_numpy() + lines),
        broken=[replace(item, line=item.line + lines) for item in source.broken],
        text=None,
    )
