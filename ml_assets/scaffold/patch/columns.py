"""Columns that are new, gone, renamed or of another type, and what to change in a spec for them.

Belongs here: changes of whole columns. Does not belong here: ranges and sets (`suggested`).
"""

from __future__ import annotations

import difflib
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from ml_assets.errors import RequestError
from ml_assets.guess.compose import column_node
from ml_assets.guess.dialect import dialect_of
from ml_assets.guess.draft import DraftNode, text_of
from ml_assets.guess.kinds import FEW_WORDS
from ml_assets.guess.measure import measured
from ml_assets.guess.profile import ColumnProfile
from ml_assets.guess.table import TooLongRecord, table_of
from ml_assets.scaffold.patch.edits import Edit
from ml_assets.scaffold.patch.seen import BrokenRule, Seen
from ml_assets.scaffold.patch.suggested import Suggestion
from ml_assets.spec.columns import Column
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.stages.counted import counted
from ml_assets.stages.ingest.columns import named
from ml_assets.store.home import Home

NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?")
SPELLED = ("format", "decimal", "thousands", "strip")
OWN = (*SPELLED, "range", "allowed", "pattern", "null_values", "zone")
"""What a column of another type may not have."""
ISO = {"date": "%Y-%m-%d", "timestamp": "%Y-%m-%dT%H:%M:%S"}


@dataclass
class Guesses:
    """What the columns of landed files are by themselves, guessed as for a new dataset."""

    home: Home
    spec: DatasetSpec
    seen: Seen
    _made: dict[str, Mapping[str, ColumnProfile]] = field(default_factory=dict)

    def of(self, batch: str, name: str) -> ColumnProfile | None:
        """Return a column of a batch's file, None if it cannot be told."""
        if batch not in self._made:
            self._made[batch] = self._guessed(batch)
        return self._made[batch].get(name)

    def node(self, column: ColumnProfile) -> DraftNode:
        """Return what a spec says of a column."""
        return column_node(column, list(self.spec.landing.null_values))

    @cached_property
    def last(self) -> Mapping[str, int]:
        """The place of each batch in its calendar."""
        return {batch: place for place, batch in enumerate(self.seen.files)}

    def newest(self, batches: Mapping[str, int] | list[str]) -> str:
        """Return the last of some batches."""
        return max(batches, key=lambda batch: self.last[batch])

    def _guessed(self, batch: str) -> Mapping[str, ColumnProfile]:
        landed, landing = self.seen.files[batch], self.spec.landing
        with tempfile.TemporaryDirectory() as folder:
            # A batch that was cut out of a file is called FILE@BATCH.
            path = Path(folder) / Path(landed.name.partition("@")[0]).name
            path.write_bytes(self.home.objects.read(landed.digest))
            try:
                how = dialect_of(path)
                if how.format == "csv":
                    written = ("encoding", "delimiter", "quote", "header", "skip_lines")
                    how = replace(how, **{name: getattr(landing, name) for name in written})
                measures = measured(table_of([path], replace(how, sheet=landing.sheet)))
            except (RequestError, TooLongRecord):
                return {}
        return {column.name: column for column in measures.profile.columns}


def of_columns(spec: DatasetSpec, seen: Seen, guesses: Guesses) -> Iterator[Suggestion]:
    """Yield the changes for columns that are renamed, gone, new, or that no longer parse."""
    renamed = dict[str, str]()
    for name in seen.missing:
        free = [other for other in seen.extra if other not in renamed.values()]
        new = _renamed(name, spec, seen, guesses, free)
        if new is not None:
            renamed[name] = new
        yield _missing(name, new, spec, seen)
    for name, batches in seen.extra.items():
        if name not in renamed.values():
            yield _new(name, batches, spec, seen, guesses)
    for (name, kind), broken in seen.broken.items():
        if kind == "parse":
            yield _unread(name, spec.columns[name], broken, guesses)


def _renamed(
    name: str, spec: DatasetSpec, seen: Seen, guesses: Guesses, free: list[str]
) -> str | None:
    """Return a column's new name: one like the old one, or the only one of its type."""
    batches = seen.missing[name]
    there = [other for other in free if set(seen.extra[other]) >= set(batches)]
    near = difflib.get_close_matches(name.lower(), [other.lower() for other in there], 1)
    if near:
        return next(other for other in there if other.lower() == near[0])
    if len(there) != 1 or len(seen.missing) != 1:
        return None
    profile = guesses.of(guesses.newest(batches), there[0])
    kinds = {column.type for key, column in spec.columns.items() if name in named(key, column)}
    return there[0] if profile is not None and profile.type in kinds else None


def _missing(name: str, new: str | None, spec: DatasetSpec, seen: Seen) -> Suggestion:
    batches = tuple(seen.missing[name])
    others = [batch for batch in seen.files if batch not in batches]
    users = [key for key, column in spec.columns.items() if name in named(key, column)]
    said = f"{_files(batches)} no column {name!r}"
    if new is None:
        edits = tuple(Edit("remove", ("columns", key)) for key in users)
        evidence: tuple[str, ...] = (
            said,
            "no new column is like it; files without it are refused while the spec wants it",
        )
        return Suggestion(users[0], "gone: removed", evidence, edits, False, batches=batches)
    change = f"renamed in the file: {name} → {new}"
    evidence = (f"{said}, but {new!r}",)
    if others:
        way = f"{counted(len(others), 'other batch has', 'other batches have')} {name!r}, and a "
        evidence += (f"{way}spec reads all alike: rename it in the file and land it again",)
        return Suggestion(users[0], change, evidence, compatible=False, batches=batches)
    sources = {
        key: [new if part == name else part for part in named(key, spec.columns[key])]
        for key in users
    }
    edits = tuple(
        Edit("set", ("columns", key, "source"), parts[0] if len(parts) == 1 else parts)
        for key, parts in sources.items()
    )
    evidence += (f"files that still say {name!r} are refused from then on",)
    return Suggestion(users[0], change, evidence, edits, False, batches=batches)


def _new(
    name: str, batches: list[str], spec: DatasetSpec, seen: Seen, guesses: Guesses
) -> Suggestion:
    profile = guesses.of(guesses.newest(batches), name)
    said = f"{_files(tuple(batches))} a column that the spec does not know"
    if profile is None:
        return Suggestion(name, "new", (said,), batches=tuple(batches))
    evidence: tuple[str, ...] = (f"{said}: {profile.type}, {'; '.join(profile.evidence)}",)
    lacking = len(seen.files) - len(batches)
    if lacking and spec.on_missing_column != "ignore":
        way = f"{counted(lacking, 'batch has', 'batches have')} it not, and would be refused"
        return Suggestion(name, "new", (*evidence, way), batches=tuple(batches))
    if not spec.key:
        evidence += ("rows without a key are known by their values, so folds are drawn anew",)
    lines = text_of(DraftNode(parts={name: guesses.node(profile)})).splitlines()
    edit = Edit("add", ("columns",), lines)
    return Suggestion(name, "new: added", evidence, (edit,), bool(spec.key), batches=tuple(batches))


def _unread(name: str, column: Column, broken: BrokenRule, guesses: Guesses) -> Suggestion:
    batches = tuple(broken.batches)
    first = f"{counted(broken.rows, 'row')} cannot be read as {column.type}"
    examples = f": {'; '.join(broken.examples)}" if broken.examples else ""
    evidence: tuple[str, ...] = (first + examples,)
    parts = named(name, column)
    profile = guesses.of(guesses.newest(broken.batches), parts[0]) if len(parts) == 1 else None
    if profile is not None and column.type in ("integer", "number") and profile.type == "category":
        # A few numbers look like codes; the spec knows that they are amounts.
        profile = _amounts(column, profile)
    edits: tuple[Edit, ...] = ()
    change, compatible = f"{column.type}: not read", True
    if profile is not None and profile.type == column.type:
        edits = tuple(_spelled(name, column, profile, guesses))
        change = "; ".join(f"{edit.place[-1]}: {edit.value}" for edit in edits) or change
    elif profile is not None and (column.type, profile.type) == ("integer", "number"):
        edits = (Edit("set", ("columns", name, "type"), "number"),)
        change = "type: integer → number"
    elif profile is not None and broken.whole:
        edits = tuple(_retyped(name, column, profile, guesses))
        change, compatible = f"type: {column.type} → {profile.type}", False
        # What speaks for a type may quote values.
        evidence += () if column.sensitive else ("; ".join(profile.evidence),)
    if not edits:
        evidence += ("correct the file and land it again",)
    back = broken.rows if edits else 0
    return Suggestion(name, change, evidence, edits, compatible, back, batches)


def _amounts(column: Column, profile: ColumnProfile) -> ColumnProfile:
    """Return a category as numbers with a few words for missing ones, if it is that."""
    words = [text for text in profile.values or () if not NUMBER.fullmatch(text.strip())]
    rows = sum((profile.values or {})[text] for text in words)
    if not words or len(words) > FEW_WORDS or 2 * rows > profile.present:
        return profile
    return replace(profile, type=column.type, null_values=(*profile.null_values, *words))


def _spelled(name: str, column: Column, profile: ColumnProfile, guesses: Guesses) -> Iterator[Edit]:
    """Yield how a column of the same type is written otherwise."""
    parts = guesses.node(profile).parts
    for key in SPELLED:
        if key not in parts:
            continue
        value = parts[key].value
        if key == "format":
            before = list(column.format) or [ISO[column.type]]
            new = [value] if isinstance(value, str) else list(value)
            value = [*before, *(form for form in new if form not in before)]
        if value != getattr(column, key):
            yield Edit("set", ("columns", name, key), value)
    landing = guesses.spec.landing.null_values
    known = landing if column.null_values is None else column.null_values
    more = [text for text in profile.null_values if text not in known]
    if more and not column.sensitive:
        yield Edit("set", ("columns", name, "null_values"), [*known, *more])
        if not column.nullable:
            yield Edit("set", ("columns", name, "nullable"), True)


def _retyped(name: str, column: Column, profile: ColumnProfile, guesses: Guesses) -> Iterator[Edit]:
    for key in OWN:
        if key in column.model_fields_set:
            yield Edit("remove", ("columns", name, key))
    new = guesses.node(profile).parts
    yield Edit("set", ("columns", name, "type"), profile.type)
    for key in (*SPELLED, "null_values", "range", "allowed"):
        if key in new:
            yield Edit("set", ("columns", name, key), new[key].value)
    if "allowed" in new:
        yield Edit("set", ("columns", name, "action"), "warn")


def _files(batches: tuple[str, ...]) -> str:
    names = [batch for batch in batches if batch]
    if not names:
        return "the file has"
    more = f" and {len(names) - 3} more" if names[3:] else ""
    have = "its file has" if len(names) == 1 else "their files have"
    return f"{', '.join(names[:3])}{more}: {have}"
