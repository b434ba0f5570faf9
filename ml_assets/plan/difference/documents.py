"""Two JSON documents: the values that differ, by path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

MOST = 200
LONGEST = 80


def compare(a: Any, b: Any) -> dict[str, Any]:
    """Return the document of what differs; `more` counts the differences beyond the first."""
    found = list(changes(a, b))
    return {
        "kind": "json",
        "changed": [{"path": p, "a": _shown(x), "b": _shown(y)} for p, x, y in found[:MOST]],
        "more": max(0, len(found) - MOST),
    }


def changes(a: Any, b: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield (path, value in a, value in b) of every leaf that differs; None for absent."""
    if isinstance(a, dict) and isinstance(b, dict):
        for name in [*a, *(name for name in b if name not in a)]:
            yield from changes(a.get(name), b.get(name), f"{path}.{name}".lstrip("."))
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for number, (left, right) in enumerate(zip(a, b, strict=True)):
            yield from changes(left, right, f"{path}[{number}]")
    elif a != b or type(a) is not type(b):
        yield path, a, b


def _shown(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        return f"{type(value).__name__} of {len(value)}"
    if isinstance(value, str) and len(value) > LONGEST:
        return value[: LONGEST - 1] + "…"
    return value
