"""What was found in a table: a `Profile` with one `ColumnProfile` for each column.

Belongs here: results. Does not belong here: how they were found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ml_assets.spec.columns import ColumnType

Kind = Literal[
    "numeric",
    "categorical",
    "datetime",
    "text",
    "url",
    "number_in_text",
    "list",
    "id",
    "name",
    "constant",
    "empty",
]
"""What a column is to a person. `id` and `name` tell rows apart, `constant` and `empty` tell
nothing: none of these four can be learnt from."""


@dataclass(frozen=True)
class ColumnProfile:
    """One column: the guess, its evidence, and the counts over all rows."""

    name: str
    kind: Kind
    type: ColumnType
    evidence: tuple[str, ...]
    """Why, one sentence each, for people."""
    rows: int
    missing: int
    """Rows without a value, null spellings included."""
    distinct: int
    """Distinct values that are present; an estimate where `exact` is false."""
    exact: bool = True
    unique: bool = False
    """Every value that is present occurs once."""
    min: float | None = None
    """Smallest number; of dates and times in seconds since 1970, without a zone."""
    max: float | None = None
    values: Mapping[str, int] | None = None
    """Rows by value, most frequent first; None where there are too many values to list."""
    examples: tuple[str, ...] = ()
    """Some values as written in the file."""
    null_values: tuple[str, ...] = ()
    """Texts found that stand for a missing value."""
    source: tuple[str, ...] = ()
    """The columns of the file that it is read from, if not the one of its name."""
    format: tuple[str, ...] = ()
    """`strptime` formats of its dates or times; none for ISO 8601."""
    zoned: bool = False
    """Every time says its offset from UTC."""
    decimal: str | None = None
    """The decimal mark, if not a point."""
    thousands: str | None = None
    strip: tuple[str, ...] = ()
    """Texts around the numbers."""
    unit: str | None = None
    """The unit that its name or values hint at."""
    personal: str | None = None
    """Why it is likely personal data."""
    padded: int = 0
    """Rows whose value has blanks around it."""
    longest: int = 0
    """Characters of the longest value."""
    words: float = 0.0
    """Mean number of words of a value."""
    readings: tuple[str, ...] = ()
    """Several formats that fit all values equally well (`03/04/2019`): a person must say which."""

    @property
    def present(self) -> int:
        """Rows with a value."""
        return self.rows - self.missing


@dataclass(frozen=True)
class FileDialect:
    """How a file is written."""

    format: Literal["csv", "parquet", "jsonl", "excel"] = "csv"
    compressed: bool = False
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    header: bool = True
    skip_lines: int = 0
    sheet: str | None = None


@dataclass(frozen=True)
class Profile:
    """A table in one or more files."""

    rows: int
    columns: tuple[ColumnProfile, ...]
    dialect: FileDialect = FileDialect()
    key: tuple[str, ...] = ()
    """Columns that identify a row, with evidence; none: rows are identified by their content."""
    time: str | None = None
    """The column of the event time."""
    duplicates: int | None = None
    """Rows that repeat an earlier row in all columns; None if not counted."""

    def column(self, name: str) -> ColumnProfile:
        """Return the column of a name; KeyError if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)
