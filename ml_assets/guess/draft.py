"""A spec to be written: keys and values in order, each with its comments.

Belongs here: the shape, and its text as YAML. Does not belong here: its content, one value
(`spec/text`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ml_assets.spec.text import WIDTH, comment, flow, one_line, scalar


@dataclass
class DraftNode:
    """One value of a mapping: plain, or a mapping of nodes."""

    value: Any = None
    parts: dict[str, DraftNode] = field(default_factory=dict)
    above: list[str] = field(default_factory=list)
    """Comments on lines of their own, above the key."""
    files: tuple[str, ...] = ()
    """What a spec was guessed from: a comment each, never broken."""
    beside: str = ""
    """A comment behind the value."""


def text_of(node: DraftNode, depth: int = 0) -> str:
    """Return the parts of a node as YAML."""
    return "".join(_lines(node, "  " * depth))


def _lines(node: DraftNode, indent: str) -> Iterator[str]:
    yield from (f"# Read from {one_line(file)}\n" for file in node.files)
    for key, part in node.parts.items():
        for said in part.above:
            yield from (f"{line}\n" for line in comment(said, len(indent)))
        beside = f"  # {one_line(part.beside)}" if part.beside else ""
        if part.parts:
            yield f"{indent}{scalar(key)}:{beside}\n"
            yield from _lines(part, indent + "  ")
        else:
            value = _value(part.value, indent)
            gap = "" if value.startswith("\n") else " "
            yield f"{indent}{scalar(key)}:{gap}{value}{beside}\n"


def _value(value: Any, indent: str) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = [flow(item) for item in value]
        line = f"[{', '.join(items)}]"
        if len(line) <= WIDTH - len(indent) - 16:
            return line
        return "".join(f"\n{indent}  - {item}" for item in items)
    return flow(value)
