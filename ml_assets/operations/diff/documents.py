"""Two JSON documents: the values that differ, by path.

Items of a list are matched by the fields that identify them (`drift[carrier, categorical].effect`),
so an item added in front does not shift the others. A long list of numbers is one difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

MOST = 200
LONGEST = 80
FIGURES = 6
"""A list with more plain values than this is one difference, not one for each value."""
PROSE = ("said", "why", "text", "reason", "description")
"""Fields that describe an item but do not identify it."""


def compare(a: Any, b: Any) -> dict[str, Any]:
    """Return a document of the differences; `more` counts those that are not listed."""
    differences = list(changes(a, b))
    return {
        "kind": "json",
        "changed": [{"path": p, "a": _shown(x), "b": _shown(y)} for p, x, y in differences[:MOST]],
        "more": max(0, len(differences) - MOST),
    }


def changes(a: Any, b: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield (path, value in a, value in b) of every leaf that differs; None if absent."""
    if isinstance(a, dict) and isinstance(b, dict):
        for name in [*a, *(name for name in b if name not in a)]:
            yield from changes(a.get(name), b.get(name), f"{path}.{name}".lstrip("."))
    elif isinstance(a, list) and isinstance(b, list):
        yield from _lists(a, b, path)
    elif a != b or type(a) is not type(b):
        yield path, a, b


def _lists(a: list[Any], b: list[Any], path: str) -> Iterator[tuple[str, Any, Any]]:
    fields = _naming(a, b)
    if fields:
        first, second = ({_name(item, fields): item for item in items} for items in (a, b))
        for name in [*first, *(name for name in second if name not in first)]:
            yield from changes(first.get(name), second.get(name), f"{path}[{name}]")
    elif len(a) != len(b):
        yield path, a, b
    elif len(a) > FIGURES and not any(isinstance(item, (dict, list)) for item in (*a, *b)):
        differ = sum(x != y or type(x) is not type(y) for x, y in zip(a, b, strict=True))
        if differ:
            yield path, f"list of {len(a)}", f"list of {len(b)}, {differ} of them changed"
    else:
        for number, (left, right) in enumerate(zip(a, b, strict=True)):
            yield from changes(left, right, f"{path}[{number}]")


def _naming(a: list[Any], b: list[Any]) -> list[str]:
    """Return the fewest fields, in order, that identify each item of both lists; or none."""
    items = [*a, *b]
    if not items or not all(isinstance(item, dict) for item in items):
        return []
    texts = [
        field
        for field in items[0]
        if field not in PROSE and all(isinstance(item.get(field), str) for item in items)
    ]
    for count in range(1, len(texts) + 1):
        fields = texts[:count]
        if all(len({_name(item, fields) for item in side}) == len(side) for side in (a, b)):
            return fields
    return []


def _name(item: dict[str, Any], fields: list[str]) -> str:
    return ", ".join(item[field] for field in fields)


def _shown(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        return f"{type(value).__name__} of {len(value)}"
    if isinstance(value, str) and len(value) > LONGEST:
        return value[: LONGEST - 1] + "…"
    return value
