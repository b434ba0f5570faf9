"""A table in one or more files, as pieces of texts that fit into memory.

Belongs here: reading each format. Does not belong here: how a file is written (`dialect`), facts.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from ml_assets.errors import RequestError
from ml_assets.guess.delimited import long_fields
from ml_assets.guess.dialect import opened
from ml_assets.guess.documents import excel, fields, jsonl
from ml_assets.guess.profile import FileDialect
from ml_assets.stages.ingest.arrow import plain
from ml_assets.stages.ingest.convert import convert

BLOCKS = (1 << 23, 1 << 27, (1 << 31) - 1)
"""Bytes of a piece of text: larger ones where a record does not fit."""
ROWS = 1 << 17
MOST_COLUMNS = 20_000

Piece = list[pa.Array]


class TooLongRecord(Exception):
    """A record is longer than a piece."""


@dataclass
class Table:
    """Files of one dialect and one header."""

    files: Sequence[Path]
    dialect: FileDialect
    names: list[str]
    """The columns' names, as in the file without surrounding blanks; made up without a header."""
    broken: int = 0
    """Records of another width, met in the last reading."""

    def pieces(
        self, block: int = BLOCKS[0], places: Sequence[int] | None = None
    ) -> Iterator[Piece]:
        """Yield the columns of one piece after another, as texts; only those at some places."""
        self.broken = 0
        chosen = range(len(self.names)) if places is None else places
        for path in self.files:
            yield from self._readers()[self.dialect.format](path, block, chosen)

    def _readers(self) -> dict[str, Callable[[Path, int, Sequence[int]], Iterator[Piece]]]:
        return {
            "csv": self._csv,
            "parquet": self._parquet,
            "jsonl": self._jsonl,
            "excel": self._excel,
        }

    def _csv(self, path: Path, block: int, places: Sequence[int]) -> Iterator[Piece]:
        _, lines = head(path, self.dialect)
        columns = [str(place) for place in range(len(self.names))]
        try:
            with csv_stream(path, self.dialect) as stream:
                reader = pacsv.open_csv(
                    stream,
                    read_options=pacsv.ReadOptions(
                        skip_rows=lines, column_names=columns, block_size=block
                    ),
                    parse_options=pacsv.ParseOptions(
                        delimiter=self.dialect.delimiter,
                        quote_char=self.dialect.quote,
                        newlines_in_values=True,
                        invalid_row_handler=self._skip,
                    ),
                    convert_options=pacsv.ConvertOptions(
                        column_types=dict.fromkeys(columns, pa.string()),
                        strings_can_be_null=False,
                        include_columns=[columns[place] for place in places],
                    ),
                )
                for batch in reader:
                    yield list(batch.columns)
        except pa.ArrowInvalid as error:
            if "too short" in str(error) and path.stat().st_size < block:
                return
            if "block" in str(error) or "straddl" in str(error):
                raise TooLongRecord from None
            if "Empty CSV" in str(error):
                return
            raise RequestError(f"{path.name}: cannot be read: {error}") from None

    def _skip(self, _row: object) -> str:
        self.broken += 1
        return "skip"

    def _parquet(self, path: Path, _block: int, places: Sequence[int]) -> Iterator[Piece]:
        names = [self.names[place] for place in places]
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(ROWS, columns=names):
                yield [as_text(batch.column(name)) for name in names]

    def _jsonl(self, path: Path, _block: int, places: Sequence[int]) -> Iterator[Piece]:
        names = [self.names[place] for place in places]
        yield from jsonl(path, self.dialect.encoding, names, ROWS)

    def _excel(self, path: Path, _block: int, places: Sequence[int]) -> Iterator[Piece]:
        _, rows = excel(path, self.dialect.sheet)
        body = rows[int(self.dialect.header) :]
        columns = list(itertools.zip_longest(*body, fillvalue="")) if body else []
        yield [pa.array(columns[place], pa.string()) for place in places] if columns else []


def table_of(files: Sequence[Path], dialect: FileDialect) -> Table:
    """Return the table in some files. Raises RequestError where their columns differ."""
    first, *others = files
    names = names_of(first, dialect)
    for other in others:
        theirs = names_of(other, dialect)
        if theirs != names:
            odd = sorted(set(names) ^ set(theirs)) or ["their order"]
            said = f"{first.name} and {other.name} differ in {', '.join(odd[:5])}"
            raise RequestError(f"{said}; wanted files of one table, each with the same columns")
    return Table(files, dialect, names)


def names_of(path: Path, dialect: FileDialect) -> list[str]:
    """Return the names of a file's columns, made up (column_1) without a header.

    Raises RequestError for a file that cannot be read, or has too many.
    """
    if dialect.format == "parquet":
        return _of_parquet(path)
    if dialect.format == "jsonl":
        return fields(path, dialect.encoding)
    if dialect.format == "excel":
        _, rows = excel(path, dialect.sheet)
        names = [value.strip() for value in rows[0]] if rows else []
    else:
        names, _ = head(path, dialect)
    if len(names) > MOST_COLUMNS:
        said = f"{path.name}: {len(names):,} columns; at most {MOST_COLUMNS:,} are read"
        raise RequestError(f"{said}: is the delimiter {dialect.delimiter!r} right?")
    if not dialect.header:
        return [f"column_{place}" for place in range(1, len(names) + 1)]
    return names


def _of_parquet(path: Path) -> list[str]:
    try:
        with pq.ParquetFile(path) as file:
            return list(file.schema_arrow.names)
    except (pa.ArrowException, OSError) as error:
        raise RequestError(f"{path.name}: the Parquet file is damaged: {error}") from None


def csv_stream(path: Path, dialect: FileDialect) -> pa.NativeFile:
    """Open a delimited text as UTF-8."""
    stream = pa.input_stream(str(path), compression="gzip" if dialect.compressed else None)
    if dialect.encoding in ("utf-8", "ascii"):
        return stream
    return pa.transcoding_input_stream(stream, dialect.encoding, "utf-8")


def head(path: Path, dialect: FileDialect) -> tuple[list[str], int]:
    """Return the first record's values, and the lines before the records.

    Raises RequestError where it cannot be read.
    """
    with opened(path) as raw, long_fields():
        text = io.TextIOWrapper(raw, dialect.encoding, errors="replace", newline="")
        for _ in range(dialect.skip_lines):
            text.readline()
        lines = csv.reader(text, delimiter=dialect.delimiter, quotechar=dialect.quote)
        try:
            row = next((row for row in lines if any(value.strip() for value in row)), [])
        except csv.Error as error:
            raise RequestError(f"{path.name}: the header cannot be read: {error}") from None
        count = lines.line_num
    values = [value.strip() for value in row]
    values[:1] = [value.removeprefix("\ufeff") for value in values[:1]]
    return values, dialect.skip_lines + (count if dialect.header else 0)


def as_text(column: pa.Array) -> pa.Array:
    """Return a typed column as the texts that ingest makes of it, empty where there is none."""
    texts, _ = convert(plain(pa.chunked_array([column])), "text")
    return texts.fill_null("")
