"""The parts of a file while it is cut: one file each in a temporary folder, under numbers.

A batch's name comes from a file's values, so it never becomes a path. Belongs here: collecting a
part's bytes. Does not belong here: which record is in which part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from ml_assets.engine.parquet import written
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.stages.ingest.columns import expected
from ml_assets.stages.ingest.convert import convert


class Parts:
    """The parts of one file by batch: records as in the file, or rows of a table."""

    def __init__(self, folder: Path, spec: DatasetSpec) -> None:
        self._folder, self._spec = folder, spec
        self._numbers: dict[str, int] = {}
        self._made: set[str] = set()
        self.rows: Counter[str] = Counter()
        """Batch -> records."""
        self.nameless: Counter[str] = Counter()
        """What stands where a batch should -> records, a few of them."""
        self.header = b""
        """What comes before the records."""
        self.encoding: str | None = None
        """The encoding to give a part, where that of its records is UTF-8."""
        self.schema: pa.Schema | None = None
        """Of the rows, where the file is a table."""
        self.sorted = False
        """Whether the rows of a table come in no order of their own, and so are sorted."""

    def add(self, batch: str, records: pa.Buffer | bytes, count: int) -> None:
        """Add records to the end of a part."""
        with self._path(batch).open("ab") as file:
            file.write(records)
        self.rows[batch] += count

    def add_rows(self, batch: str, rows: pa.Table) -> None:
        """Add rows of a table to the end of a part."""
        with self._path(batch).open("ab") as file, pa.ipc.new_stream(file, rows.schema) as stream:
            stream.write_table(rows)
        self.rows[batch] += rows.num_rows

    def content(self, batch: str) -> bytes:
        """Return the bytes of a part as a landed file; of none for a batch without records."""
        if batch in self._made:
            return self._path(batch).with_suffix(".made").read_bytes()
        if self.schema is not None:
            return written(self._table(batch))
        path = self._path(batch)
        if not path.exists() and not self.header.strip():
            return no_rows(self._spec)
        whole = self.header + (path.read_bytes() if path.exists() else b"")
        return whole if self.encoding is None else whole.decode().encode(self.encoding)

    def replace(self, batch: str, content: bytes) -> None:
        """Put the bytes of a whole landed file in the place of a part."""
        self._made.add(batch)
        self._path(batch).with_suffix(".made").write_bytes(content)

    def restore(self) -> None:
        """Take back every `replace`."""
        self._made.clear()

    def _table(self, batch: str) -> pa.Table:
        assert self.schema is not None
        tables = [self.schema.empty_table()]
        path = self._path(batch)
        if path.exists():
            with path.open("rb") as file:
                while file.peek(1):
                    tables.append(pa.ipc.open_stream(file).read_all())
        if not self.sorted:
            return pa.concat_tables(tables)
        table = together(tables[1:] or tables)
        first = expected({name: self._spec.columns[name] for name in self._spec.key})
        order = list(dict.fromkeys([*first, *table.column_names]))
        return table.sort_by([(name, "ascending") for name in order])

    def _path(self, batch: str) -> Path:
        return self._folder / str(self._numbers.setdefault(batch, len(self._numbers)))


def no_rows(spec: DatasetSpec) -> bytes:
    """Return a landed file without rows; an empty text would be refused as damaged."""
    return written(pa.table({name: pa.array([], pa.string()) for name in expected(spec.columns)}))


def together(tables: Sequence[pa.Table]) -> pa.Table:
    """Return tables of the same columns as one; a column whose types differ becomes text."""
    columns: dict[str, pa.ChunkedArray] = {}
    for name in tables[0].column_names:
        arrays = [table.column(name).combine_chunks() for table in tables]
        kinds = {array.type for array in arrays if not pa.types.is_null(array.type)}
        kind = kinds.pop() if len(kinds) == 1 else pa.string()
        columns[name] = pa.chunked_array(
            [
                array.cast(kind)
                if array.type == kind or pa.types.is_null(array.type)
                else convert(array, "text")[0]
                for array in arrays
            ],
            kind,
        )
    return pa.table(columns)
