"""The library rules of a contract that a column, or a key, can say.

Belongs here: reading them. Does not belong here: rules in SQL or words, which stay comments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ml_assets.odcs.document import Rest, shown

NULL = ("nullValues", "nullCheck")
MISSING = ("missingValues",)
INVALID = ("invalidValues", "validValues")
DUPLICATE = ("duplicateValues", "duplicateCount")
"""Metrics, and what earlier versions of the standard called them as rules."""


@dataclass
class Said:
    """What the rules of a column or table say."""

    values: dict[str, Any] = field(default_factory=dict)
    """Fields of the column."""
    unique: list[str] | None = None
    """Columns that together have no duplicates; empty for the column itself."""
    comments: list[str] = field(default_factory=list)


def said_by(rules: Any) -> Said:
    """Return what library rules say; those that cannot be expressed are comments."""
    said = Said()
    for rule in rules or []:
        rest = Rest(rule)
        if _expressed(rest, said):
            left = list(rest.told())
            said.comments += [f"of its quality rule: {'; '.join(left)}"] if left else []
        else:
            said.comments.append(f"quality rule of the contract, not checked here: {shown(rule)}")
    return said


def _expressed(rest: Rest, said: Said) -> bool:
    """Take what a rule says; return False, with the rule untouched, if it cannot be said."""
    if rest.look("type", "library") != "library" or not _none_may(rest):
        return False
    metric = rest.look("metric") or rest.look("rule")
    given = rest.look("arguments")
    arguments = given if isinstance(given, Mapping) else {}
    values: dict[str, Any]
    if metric in NULL and not arguments:
        values = {"nullable": False}
    elif metric in MISSING and isinstance(arguments.get("missingValues"), list):
        texts = ("" if text is None else str(text) for text in arguments["missingValues"])
        values = {"nullable": False, "null_values": list(dict.fromkeys(texts))}
    elif metric in INVALID and _valid(rest, arguments):
        values = _valid(rest, arguments)
    elif metric in DUPLICATE and _columns(arguments) is not None:
        said.unique = _columns(arguments)
        values = {}
    else:
        return False
    said.values |= values
    for key in ("type", "metric", "rule", "arguments", "validValues", "unit", *_operators(rest)):
        rest.take(key)
    return True


def _valid(rest: Rest, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values or pattern that are valid; nothing where a rule says neither, or more."""
    values = rest.look("validValues") or arguments.get("validValues")
    if isinstance(values, list) and set(arguments) <= {"validValues"}:
        return {"allowed": [value for value in values if value is not None]}
    if isinstance(arguments.get("pattern"), str) and set(arguments) == {"pattern"}:
        return {"pattern": arguments["pattern"]}
    return {}


def _columns(arguments: Mapping[str, Any]) -> list[str] | None:
    """Return the columns of a rule, none where it is that of a column; None if it says more."""
    columns = arguments.get("properties", [])
    texts = isinstance(columns, list) and all(isinstance(name, str) for name in columns)
    return columns if texts and set(arguments) <= {"properties"} else None


def _none_may(rest: Rest) -> bool:
    """Return whether a rule allows no single row: no limit is given, or it is zero."""
    limits = {key: rest.look(key) for key in _operators(rest)}
    rows = rest.look("unit") != "percent"
    zero = ({"mustBe": 0}, {"mustBeLessOrEqualTo": 0}, *(({"mustBeLessThan": 1},) if rows else ()))
    return not limits or limits in zero


def _operators(rest: Rest) -> list[str]:
    return [key for key in rest.left() if key.startswith("must")]
