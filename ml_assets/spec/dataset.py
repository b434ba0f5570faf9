"""TabularDataset: one dataset, its contract, cleaning and filters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from ml_assets.errors import suggest
from ml_assets.spec.base import Hook, Name, Names, Share, Spec
from ml_assets.spec.calendar import Named
from ml_assets.spec.columns import Action, Column, OnChange, regular_expression
from ml_assets.spec.cut import TIMES, VALUES, Cut, cut_of
from ml_assets.spec.expressions.kinds import A, kind_of
from ml_assets.spec.mistakes import Mistakes, Place
from ml_assets.spec.pseudonym_mistakes import wrong_dataset
from ml_assets.spec.quality import Quality
from ml_assets.spec.spelling import Decimal, Thousands
from ml_assets.spec.sql import Sql
from ml_assets.spec.steps import FILLS, Step


class Landing(Spec):
    """Where a dataset's files land and how they are read."""

    pattern: str = ""
    """A regular expression for the file's name; its group `batch` is the batch, unless `batch` says
    a column. Needed unless `sql` is given."""
    encoding: str = "utf-8"
    delimiter: str = ","
    """What separates values: one character. `\\t` is a tab; a blank stands for any run of
    blanks and tabs."""
    quote: str = '"'
    """What stands around a value that holds the delimiter or a line break; '' for nothing."""
    header: bool = True
    """Whether the first line has names. Without, a file has the contract's columns in its order."""
    skip_lines: int = Field(default=0, ge=0)
    """Lines (rows of a workbook) before the header, or before the first record without one."""
    decimal: Decimal = "."
    """The decimal mark of numbers in text."""
    thousands: Thousands = ""
    """The mark between groups of three digits of numbers in text; a blank stands for one that does
    not break a line as well, and ' for an apostrophe."""
    sheet: str | None = None
    """The sheet of an Excel workbook that is read; by default the first."""
    null_values: tuple[str, ...] = ("", "NA")
    """Texts that mean a missing value, in every column without its own `null_values`. Blanks around
    a text do not count, and in columns of numbers `-200` is `-200.0` as well."""
    batch: str | None = None
    """How a file is cut into batches: `month of at` (year, quarter, month, week, day or hour of a
    time column, by the clock of the calendar's `zone`, else of the column's), or a column whose
    values are the batches' names. A file then adds its rows to those that landed before."""
    whole: bool = False
    """Each file holds the whole table: rows that it lacks are gone. Only with `batch`."""
    max_gone: Share = 0.05
    """With `whole`: largest share of the known rows that a file may lack; beyond it nothing of the
    file lands. With `sql`, the same for a pull that reads everything."""
    sql: Sql | None = None
    """A query of a database, in place of files
    ([how](../how-to/pull-from-a-database.md))."""

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        return regular_expression(value)

    @field_validator("batch")
    @classmethod
    def _says_a_cut(cls, value: str | None) -> str | None:
        if value is not None:
            cut_of(value)
        return value

    @property
    def cut(self) -> Cut | None:
        """How a file, or the rows of a query, are cut into batches; None where they are one."""
        said = self.batch if self.sql is None else self.sql.batch
        return None if said is None else cut_of(said)

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, value: str) -> str:
        try:
            "a".encode(value)
        except LookupError:
            raise ValueError(f"no encoding {value!r} (wanted utf-8, latin-1, cp1252, …)") from None
        return value

    @field_validator("delimiter")
    @classmethod
    def _is_one_character(cls, value: str) -> str:
        value = "\t" if value == r"\t" else value
        if len(value) != 1 or not value.isascii() or value in '"\r\n\0':
            raise ValueError(f"got {value!r}, wanted one character such as , or ;")
        return value

    @field_validator("quote")
    @classmethod
    def _is_a_quote(cls, value: str) -> str:
        if value and (len(value) != 1 or not "!" <= value <= "~" or value.isalnum()):
            raise ValueError(f"got {value!r}, wanted one character such as \" or ', or '' for none")
        return value

    @model_validator(mode="after")
    def _marks_differ(self) -> Landing:
        wrong: list[tuple[Place, str]] = []
        if self.quote == self.delimiter:
            wrong.append((("quote",), f"{self.quote} is the delimiter as well"))
        if self.thousands == self.decimal:
            wrong.append((("thousands",), f"{self.thousands} is the decimal mark as well"))
        if wrong:
            raise Mistakes(wrong)
        return self


class Rule(Spec):
    """A cross-column rule that each row must satisfy."""

    id: Name
    expression: str
    """An [expression](expressions.md), true for a valid row; a row with missing operands passes."""
    reason: str
    action: Action = "quarantine"


class Filter(Spec):
    """A business rule that excludes rows on purpose, and counts them."""

    id: Name
    expression: str
    """An [expression](expressions.md), true for a row to exclude."""
    reason: str


class Contract(Spec):
    """What a cleaned table promises: columns, key and rules."""

    columns: dict[str, Column]
    key: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()


class Labels(Spec):
    """What of a dataset arrives with the labels, after the rows (`labels: later`)."""

    columns: tuple[str, ...]
    targets: tuple[tuple[str, ...], ...] = ()
    """Of each target, those of the columns that it reads."""
    rules: tuple[str, ...] = ()
    """The cross-column rules that read one of the columns."""
    filters: tuple[str, ...] = ()
    """The filters that do."""


class IngestSpec(Spec):
    """Everything that reading a landed file depends on."""

    dataset: Name
    landing: Landing
    columns: dict[str, Column]
    later: tuple[str, ...] = ()
    """Columns that a file may lack, since they arrive with the labels."""
    on_new_column: OnChange = "ignore"
    on_missing_column: OnChange = "refuse"
    on_type_change: OnChange = "quarantine"
    pseudonyms: str = ""
    """The fingerprint of the key of the file's pseudonyms, if columns have them."""


class CleanSpec(Spec):
    """Everything that cleaning a batch depends on."""

    dataset: Name
    contract: Contract
    cleaning: tuple[Step, ...] = ()
    filters: tuple[Filter, ...] = ()
    quarantine_budget: Share = 0.05
    quarantine_rows: int = Field(default=0, ge=0)
    labels: Labels | None = None


class PeriodSpec(Spec):
    """What the times of a batch are held against: when its name says that it is."""

    dataset: Name
    time: str | None
    period: tuple[datetime, datetime] | None
    """When the batch begins and when the next does, by the clock of the zone."""
    zone: str | None = None
    """By whose clock; None where no zone is known."""


def _row(value: Any) -> Any:
    """Return no columns for `row`."""
    if isinstance(value, str) and value != "row":
        raise ValueError(f"got {value!r}, wanted a list of columns ([{value}]) or row")
    return () if value == "row" else value


Key = Annotated[
    Names,
    BeforeValidator(_row),
    WithJsonSchema(
        {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"const": "row"}]},
    ),
]


class DatasetSpec(Spec):
    """A named table that arrives in batches of a calendar, or as a snapshot replaced as a whole."""

    description: str
    owners: tuple[str, ...] = ()
    """E-mail addresses or `team:name`."""
    calendar: Named | None = None
    """The calendar of this dataset's batches: its name, with the order of its batches
    (`{name: month, order: '%b %Y'}`), or how long they last (`{period: month, zone:
    America/New_York}`), so that a time says its batch; omit it for a snapshot."""
    landing: Landing
    dummy: bool = False
    """Made-up rows for a smoke test: a model trained on them never becomes champion."""
    moments: Names = ()
    """The moments at which values become known, earliest first."""
    key: Key = ()
    """Columns that together identify a row; unique within a batch. `row`, or no key: a row is
    known by the values that a model may know
    ([what that means](../explanation/folds-and-leakage.md#rows-without-a-key))."""
    time: str | None = None
    """The timestamp or date column that orders rows."""
    labels: Literal["later"] | None = None
    """`later`: rows may land before their labels. A row without its label is kept, has features
    and predictions, and is in no fold ([more](../how-to/predictions.md#rows-without-labels))."""
    columns: dict[str, Column] = Field(min_length=1)
    cleaning: tuple[Step, ...] = ()
    """Cleaning steps, applied in order before filters and rules."""
    filters: tuple[Filter, ...] = ()
    rules: tuple[Rule, ...] = ()
    quarantine_budget: Share = 0.05
    """Largest share of landed records that may be quarantined; beyond it the batch is refused."""
    quarantine_rows: int = Field(default=0, ge=0)
    """So many records may be quarantined whatever their share, up to half of a batch: without it,
    one wrong record refuses a batch of ten."""
    on_new_column: OnChange = "ignore"
    """When a file has a column that is not in the contract. `ignore`: it is read without that, with
    a warning. `quarantine`: records with a value in it are quarantined (`column.new`). `refuse`:
    the batch is refused. `propose`: as `ignore`, and it is asked about
    ([what that means](../how-to/follow-a-change-of-the-data.md#say-beforehand-what-is-done))."""
    on_missing_column: OnChange = "refuse"
    """When a file, or a part of a folder, lacks a column of the contract. `refuse`: the batch is
    refused. `quarantine`: all of its records are quarantined (`column.missing`), which refuses the
    batch as well if they are more than the budget. `ignore`: the column's values are missing, with
    a warning. `propose`: as `refuse`, and it is asked about. A file or part that lacks most columns
    is refused in any case."""
    on_type_change: OnChange = "quarantine"
    """When a value cannot be read as its column's type. `quarantine`: its record is quarantined
    (`parse.<type>`), and too many refuse the batch. `refuse`: one refuses the batch. `ignore`: the
    value is missing, with a warning. `propose`: as `quarantine`, and it is asked about."""
    quality: Quality = Quality()
    checks: dict[Name, Hook] = {}
    """Custom checks: name to `file.py:function`, called with the cleaned frame."""

    @model_validator(mode="after")
    def _parts_fit(self) -> DatasetSpec:
        wrong = [*self._wrong_columns(), *self._wrong_expressions(), *self._wrong_steps()]
        wrong += self._wrong_quality()
        wrong += self._wrong_batches()
        wrong += wrong_dataset(self)
        if wrong:
            raise Mistakes(wrong)
        return self

    def _wrong_batches(self) -> Iterator[tuple[Place, str]]:
        has_batch = "batch" in re.compile(self.landing.pattern).groupindex
        at = ("landing", "pattern")
        yield from self._wrong_source()
        if self.landing.cut is not None:
            if has_batch:
                yield at, "landing.batch says the batch; remove the group 'batch'"
            yield from self._wrong_cut(self.landing.cut)
            return
        if self.landing.sql is not None:
            if self.calendar is not None:
                yield ("landing", "sql"), "a dataset on a calendar needs sql.batch"
            return
        if self.calendar is not None and not has_batch:
            yield at, "a dataset on a calendar needs a group (?P<batch>…), or landing.batch"
        if self.calendar is None and has_batch:
            yield at, "a group 'batch' needs a calendar"
        if self.landing.whole:
            yield ("landing", "whole"), "is for a file that is cut into batches; set landing.batch"

    def _wrong_source(self) -> Iterator[tuple[Place, str]]:
        """Yield what does not belong to where the rows come from, files or a database."""
        landing = self.landing
        if landing.sql is None:
            if not landing.pattern:
                yield ("landing",), "pattern is missing; wanted a file's name (or sql)"
            return
        given = {"pattern": landing.pattern, "batch": landing.batch, "whole": landing.whole}
        for name, value in given.items():
            if value:
                hint = "say it in sql.batch" if name == "batch" else "remove it"
                yield ("landing", name), f"is for files, and the rows come by sql; {hint}"

    def _wrong_cut(self, cut: Cut) -> Iterator[tuple[Place, str]]:
        at: Place = ("landing", "batch")
        if self.landing.sql is not None:
            at = ("landing", "sql", "batch")
        yield from self._absent(at, cut.column)
        if cut.column in self.columns:
            kind, wanted = self.columns[cut.column].type, VALUES if cut.period is None else TIMES
            if kind not in wanted:
                hint = "; say 'month of' it" if kind in TIMES else ""
                yield at, f"{cut.column!r} is {kind}, wanted {', '.join(wanted)}{hint}"
            elif cut.period == "hour" and kind == "date":
                yield at, f"{cut.column!r} is a date and has no hours"
        if self.calendar is None:
            yield at, "batches need a calendar; add 'calendar: NAME' to the dataset"
        elif cut.period is not None and self.calendar.period is not None:
            if cut.period != self.calendar.period:
                said = f"is by {cut.period}, the calendar's period is {self.calendar.period}"
                yield at, f"{said}; say '{self.calendar.period} of {cut.column}'"
        elif cut.period is not None:
            name = cut.name(datetime(2001, 2, 3, 4))
            if not self.calendar.matches(name):
                said = (
                    f"batches are named like {name}, which {self.calendar.order!r} does not match"
                )
                yield ("calendar", "order"), f"{said}; use natural, or a format of such names"

    def _wrong_columns(self) -> Iterator[tuple[Place, str]]:
        for name, column in self.columns.items():
            if name.startswith("_"):
                yield ("columns", name), "names that start with _ are reserved for internal columns"
            if column.known_at is not None and column.known_at not in self.moments:
                said = f"no moment {column.known_at!r}{suggest(column.known_at, self.moments)}"
                yield ("columns", name, "known_at"), said
            yield from self._never_read(name, column)
            thousands = self.landing.thousands if column.thousands is None else column.thousands
            if thousands == (column.decimal or self.landing.decimal):
                given = "thousands" if column.thousands is not None else "decimal"
                said = f"{thousands} is the decimal mark and the mark of thousands"
                yield ("columns", name, given), f"{said}; give the column `thousands` and `decimal`"
        for number, name in enumerate(self.key):
            yield from self._absent(("key", number), name)
        if self.time is not None:
            yield from self._absent(("time",), self.time)
            kind = self.columns[self.time].type if self.time in self.columns else "date"
            if kind not in ("timestamp", "date"):
                yield ("time",), f"{self.time!r} is {kind}, wanted a timestamp or date"

    def _never_read(self, name: str, column: Column) -> Iterator[tuple[Place, str]]:
        """Yield allowed values that no row can have, since they are read as missing."""
        own = column.null_values
        nulls = self.landing.null_values if own is None else own
        allowed = [str(item) for item in column.allowed or ()]
        lost = [text for text in nulls if text.strip() in allowed]
        if lost:
            kept = ", ".join(repr(text) for text in nulls if text not in lost)
            said = f"{', '.join(map(repr, lost))} would be read as a missing value, by "
            said += "landing.null_values" if own is None else "the column's null_values"
            said += f"; write null_values: [{kept}] for this column, or remove it from allowed"
            yield ("columns", name, "allowed"), said

    def _wrong_expressions(self) -> Iterator[tuple[Place, str]]:
        seen: set[str] = set()
        items: list[tuple[str, Sequence[Filter | Rule]]]
        items = [("filters", self.filters), ("rules", self.rules)]
        for part, conditions in items:
            for number, item in enumerate(conditions):
                try:
                    kind = kind_of(item.expression, self.columns)
                    if kind != "boolean":
                        said = f"{item.expression!r} gives {A[kind]} for each row"
                        raise ValueError(f"{said}, wanted true or false")
                except ValueError as error:
                    yield (part, number, "expression"), str(error)
                if item.id in seen:
                    yield (part, number, "id"), f"{item.id!r} is used twice"
                seen.add(item.id)

    def _wrong_steps(self) -> Iterator[tuple[Place, str]]:
        for number, step in enumerate(self.cleaning):
            for name in step.columns:
                yield from self._absent(("cleaning", number, "columns"), name)
                if name not in self.columns:
                    continue
                kind = self.columns[name].type
                if step.op == "fill" and not isinstance(step.value, FILLS.get(kind, ())):
                    said = f"got {step.value!r}, wanted {kind} for {name}"
                    yield ("cleaning", number, "value"), said
                if step.op != "fill" and kind not in ("text", "category"):
                    said = f"{step.op} is for text and category, {name} is {kind}"
                    yield ("cleaning", number, "columns"), said

    def _wrong_quality(self) -> Iterator[tuple[Place, str]]:
        parts = {"slices": self.quality.slices, "ignore": self.quality.ignore}
        for part, names in parts.items():
            for number, name in enumerate(names):
                yield from self._absent(("quality", part, number), name)
                if part == "slices" and name in self.columns and self.columns[name].sensitive:
                    said = f"{name} is sensitive; the names of its slices would be shown"
                    yield ("quality", part, number), said
        if self.calendar is None and self.quality.reference.batches:
            said = "a snapshot has no batches; its reference is its first landed file"
            yield ("quality", "reference", "batches"), said
        if self.time is None and self.quality.block in ("hour", "day", "week"):
            yield ("quality", "block"), f"{self.quality.block} needs a `time` column; use row"

    def _absent(self, place: Place, name: str) -> Iterator[tuple[Place, str]]:
        if name not in self.columns:
            yield place, f"no column {name!r}{suggest(name, self.columns)}"

    def known_at(self, moment: str) -> tuple[str, ...]:
        """Return the columns known at a moment; one without `known_at` is known at the last."""
        order = {name: number for number, name in enumerate(self.moments)}
        last = len(self.moments) - 1
        limit = order[moment]
        return tuple(
            name
            for name, column in self.columns.items()
            if (order[column.known_at] if column.known_at is not None else last) <= limit
        )
