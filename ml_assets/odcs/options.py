"""The `logicalTypeOptions` of a contract: fields of a column, or rules where it has none.

Belongs here: limits, lengths, patterns, formats of dates. Does not belong here: whether a column
may have them (`column`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ml_assets.odcs.document import Rest
from ml_assets.odcs.standard import unbounded
from ml_assets.scaffold.text import column as named
from ml_assets.spec.columns import ColumnType
from ml_assets.spec.formats import lacking

LIMITS = {
    "minimum": ">=",
    "exclusiveMinimum": ">",
    "maximum": "<=",
    "exclusiveMaximum": "<",
}
LENGTHS = {"minLength": ">=", "maxLength": "<="}
LETTERS = {
    "yyyy": "%Y", "uuuu": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%m",
    "dd": "%d", "d": "%d", "DDD": "%j", "EEEE": "%A", "EEE": "%a", "HH": "%H", "H": "%H",
    "hh": "%I", "h": "%I", "mm": "%M", "ss": "%S", "a": "%p", "XXX": "%z", "XX": "%z", "Z": "%z",
    **{"S" * digits: "%f" for digits in range(1, 7)},
}  # fmt: skip
"""Letters of Java's DateTimeFormatter, which the standard's formats are in."""
_PIECE = re.compile(r"'((?:[^']|'')*)'|(([A-Za-z])\3*)|([^A-Za-z']+)")


@dataclass
class ColumnOptions:
    """What the options of a column say."""

    values: dict[str, Any] = field(default_factory=dict)
    """Fields of the column."""
    rules: list[tuple[str, str, str]] = field(default_factory=list)
    """Expressions that must hold, each with the option that says so and a reason."""
    comments: list[str] = field(default_factory=list)


def read_options(name: str, kind: ColumnType, options: Any) -> ColumnOptions:
    """Return what options say of a column; those that cannot be expressed are comments."""
    rest, read = Rest(options or {}), ColumnOptions()
    column = named(name)
    if kind in ("integer", "number"):
        limits = [rest.take("minimum"), rest.take("maximum")]
        if limits != [None, None]:
            read.values["range"] = limits
        if kind == "integer" and isinstance(rest.look("multipleOf"), int):
            _rule(rest, "multipleOf", f"{column} %", read, after=" == 0")
    if kind in ("integer", "number", "date", "timestamp"):
        for option, sign in LIMITS.items():
            _rule(rest, option, f"{column} {sign}", read)
    if kind in ("text", "category"):
        for option, sign in LENGTHS.items():
            _rule(rest, option, f"{column}.str.len() {sign}", read)
        _pattern(rest, read)
    if kind in ("date", "timestamp"):
        _format(rest, read)
    if kind == "timestamp" and rest.look("defaultTimezone") is not None:
        read.values["zone"] = rest.take("defaultTimezone")
    read.comments += [f"of the contract's type, not expressed here: {told}" for told in rest.told()]
    return read


def _rule(rest: Rest, option: str, before: str, read: ColumnOptions, after: str = "") -> None:
    value = rest.look(option)
    if value is not None and not isinstance(value, bool | list | dict):
        rest.take(option)
        said = f"{option} of the contract: {value}"
        read.rules.append((f"{before} {value!r}{after}", option, said))


def _pattern(rest: Rest, read: ColumnOptions) -> None:
    """Take a pattern: here it is that of the whole text, there it may be found anywhere."""
    pattern = rest.look("pattern")
    if not isinstance(pattern, str):
        return
    whole = unbounded(rest.take("pattern"))
    read.values["pattern"] = pattern if whole is None else whole
    if whole is None:
        said = "has no ^ and $ around it; here it must match the whole text"
        read.comments.append(f"TODO pattern: that of the contract {said}")


def _format(rest: Rest, read: ColumnOptions) -> None:
    form = rest.look("format")
    ours = strptime(form) if isinstance(form, str) else None
    if ours is not None:
        rest.take("format")
        read.values["format"] = ours


def strptime(form: str) -> str | None:
    """Return a format of Java's DateTimeFormatter as ours; None if it has letters without a match.

    >>> strptime("dd.MM.yyyy HH:mm"), strptime("yyyy-MM-dd'T'HH:mm:ss"), strptime("yyyy-'W'ww")
    ('%d.%m.%Y %H:%M', '%Y-%m-%dT%H:%M:%S', None)
    """
    parts, end = [], 0
    for piece in _PIECE.finditer(form):
        quoted, letters, _, other = piece.groups()
        text = LETTERS.get(letters) if letters else (quoted or other or "'").replace("%", "%%")
        if text is None or piece.start() != end:
            return None
        parts.append(text)
        end = piece.end()
    pattern = "".join(parts)
    return pattern if end == len(form) and lacking(pattern) is None else None
