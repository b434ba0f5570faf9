"""From a profile to the spec of a dataset, each guess with its evidence as a comment.

Belongs here: what is written. Does not belong here: how YAML is written (`draft`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ml_assets.guess.batches import Files, period_of
from ml_assets.guess.choice import Choice
from ml_assets.guess.draft import DraftNode
from ml_assets.guess.facts import BLANK
from ml_assets.guess.limits import range_of, set_of
from ml_assets.guess.measure import Measured
from ml_assets.guess.profile import ColumnProfile, FileDialect

NULLS = ("", "NA")
"""What the spec reads as missing without a word."""
NEW = "rows with another value are kept, and counted"
ROWS = 5
FEW = "so many records may be quarantined whatever their share, up to half of a batch"
KINDS = {
    "id": "an id",
    "name": "a name or text that hardly repeats",
    "constant": "constant",
    "empty": "empty",
    "url": "a web address",
    "list": "several values in one",
    "text": "prose",
}


def composed(measured: Measured, choice: Choice, files: Files, paths: Sequence[Path]) -> DraftNode:
    """Return the spec of a table: `attributes` and what belongs to them."""
    profile = measured.profile
    names = [path.name for path in paths]
    top = DraftNode(files=tuple(names))
    size = f"{profile.rows:,} rows, {len(profile.columns)} columns"
    top.parts["type"] = DraftNode("ml_assets.TabularDataset", above=_title(size))
    attributes = DraftNode()
    top.parts["attributes"] = attributes
    parts = attributes.parts
    parts["description"] = DraftNode(
        f"Rows of {names[0]}", above=["TODO: what is a row, and where does it come from?"]
    )
    parts["key"] = DraftNode(list(choice.key) or "row", above=list(choice.about_key))
    if choice.time is not None:
        parts["time"] = DraftNode(choice.time, above=list(choice.about_time))
    landing = _landing(profile.dialect, files, _nulls(profile.columns))
    calendar = files.calendar
    if calendar is None and choice.time is not None:
        period = period_of(measured.days.get(choice.days_of or choice.time, Counter()))
        if period is not None:
            calendar = period[0]
            landing.parts["batch"] = DraftNode(
                f"{calendar} of {choice.time}", beside=f"{period[1]} batches in this file"
            )
    if calendar is not None:
        parts["calendar"] = DraftNode(calendar, beside=files.evidence)
    parts["landing"] = landing
    parts["quarantine_rows"] = DraftNode(ROWS, beside=FEW)
    columns = DraftNode()
    shared = list(landing.parts["null_values"].value)
    for column in choice.columns:
        columns.parts[column.name] = column_node(column, shared)
    for name, why in choice.left_out.items():
        first = next(iter(columns.parts.values()))
        first.above.insert(0, f"{name!r} is left out: {why}")
    parts["columns"] = columns
    padded = [c.name for c in choice.columns if c.padded and c.type in ("text", "category")]
    if padded:
        parts["cleaning"] = DraftNode([{"op": "strip", "columns": padded}])
    return top


def _title(size: str) -> list[str]:
    return [
        f"{size}. All below is a guess, with its evidence. Read it and correct it: only what "
        "stands here counts, nothing is guessed again."
    ]


def _nulls(columns: Sequence[ColumnProfile]) -> list[str]:
    """Return the spellings of a missing value that are such in all columns that have them."""
    values = {text for column in columns for text in column.values or ()}
    texts = dict.fromkeys(NULLS)
    for column in columns:
        texts.update(dict.fromkeys(t for t in column.null_values if t.lower() in BLANK))
    return [text for text in texts if text not in values or text in NULLS]


def _landing(dialect: FileDialect, files: Files, nulls: list[str]) -> DraftNode:
    parts = {"pattern": DraftNode(files.pattern)}
    if dialect.format == "csv":
        usual = FileDialect()
        for key in ("encoding", "delimiter", "quote", "header", "skip_lines"):
            value = getattr(dialect, key)
            if value != getattr(usual, key):
                parts[key] = DraftNode(value)
    if dialect.sheet is not None:
        parts["sheet"] = DraftNode(dialect.sheet)
    parts["null_values"] = DraftNode(nulls)
    return DraftNode(parts=parts)


def column_node(column: ColumnProfile, shared: list[str]) -> DraftNode:
    """Return what is written of a column; `shared` spell a missing value in all columns."""
    node = DraftNode()
    kind = KINDS.get(column.kind)
    why = "; ".join(column.evidence)
    node.above.append(f"{kind}: {why}" if kind else why)
    parts = node.parts
    parts["type"] = DraftNode(column.type)
    if column.source:
        parts["source"] = DraftNode(list(column.source))
    if column.type in ("date", "timestamp") and column.format:
        single = len(column.format) == 1
        parts["format"] = DraftNode(column.format[0] if single else list(column.format))
    if column.type == "timestamp" and not column.zoned:
        node.above.append("TODO zone: times without an offset are taken as UTC")
    _numbers(column, parts)
    if column.unit:
        node.above.append(f"TODO unit: {column.unit}?")
    if column.missing:
        share = f"missing in {column.missing:,} of {column.rows:,} rows"
        node.above.append(share)
    elif column.rows:
        parts["nullable"] = DraftNode(False)
    own = _own_nulls(column, shared)
    if own is not None:
        parts["null_values"] = DraftNode(own)
    if column.personal:
        parts["sensitive"] = DraftNode(True, beside=f"likely personal: {column.personal}")
    _limits(column, parts)
    return node


def _numbers(column: ColumnProfile, parts: dict[str, DraftNode]) -> None:
    if column.decimal:
        parts["decimal"] = DraftNode(column.decimal)
    if column.thousands:
        parts["thousands"] = DraftNode(column.thousands)
    if column.strip:
        parts["strip"] = DraftNode(list(column.strip))


def _own_nulls(column: ColumnProfile, shared: list[str]) -> list[str] | None:
    """Return the column's own spellings, where those of the file do not do."""
    values = column.values or {}
    kept = [text for text in shared if text not in values]
    more = [text for text in column.null_values if text not in shared]
    return [*kept, *more] if more or len(kept) < len(shared) else None


def _limits(column: ColumnProfile, parts: dict[str, DraftNode]) -> None:
    limits = range_of(column)
    if limits is not None:
        shown = f"found: {_shown(column.min)} to {_shown(column.max)}"
        parts["range"] = DraftNode(list(limits), beside=shown)
    values = set_of(column)
    if values is not None:
        parts["allowed"] = DraftNode(list(values))
        parts["action"] = DraftNode("warn", beside=NEW)
    if column.type in ("date", "timestamp") and column.min is not None and column.max is not None:
        parts["type"].beside = f"found: {_day(column.min)} to {_day(column.max)}"


def _shown(number: float | None) -> str:
    return "" if number is None else f"{number:,.10g}"


def _day(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return "?"
