"""A spec to be written: keys and values in order, each with its comments.

Belongs here: the shape, and its text as YAML. Does not belong here: what stands in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.%/-]*( [A-Za-z0-9_.%/-]+)*")
WIDTH = 100


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
    yield from (f"# Read from {_clean(file)}\n" for file in node.files)
    for key, part in node.parts.items():
        for comment in part.above:
            yield from _comment(comment, indent)
        beside = f"  # {_clean(part.beside)}" if part.beside else ""
        if part.parts:
            yield f"{indent}{scalar(key)}:{beside}\n"
            yield from _lines(part, indent + "  ")
        else:
            value = _value(part.value, indent)
            gap = "" if value.startswith("\n") else " "
            yield f"{indent}{scalar(key)}:{gap}{value}{beside}\n"


def _comment(text: str, indent: str) -> Iterator[str]:
    room = WIDTH - len(indent) - 2
    words, line = _clean(text).split(" "), ""
    for word in words:
        if line and len(line) + 1 + len(word) > room:
            yield f"{indent}# {line}\n"
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield f"{indent}# {line}\n"


def _clean(text: str) -> str:
    """Return a comment on one line: it may quote what stands in the file."""
    return "".join(c if c.isprintable() else " " for c in text).strip()


def _value(value: Any, indent: str) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = [flow(item) for item in value]
        line = f"[{', '.join(items)}]"
        if len(line) <= WIDTH - len(indent) - 16:
            return line
        return "".join(f"\n{indent}  - {item}" for item in items)
    return flow(value)


def flow(value: Any) -> str:
    """Return a value as YAML on one line."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{scalar(k)}: {flow(v)}' for k, v in value.items())}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(flow, value))}]"
    return scalar(value)


def scalar(value: Any) -> str:
    r"""Return one value as YAML reads it back.

    >>> scalar("churn"), scalar("no"), scalar("it's"), scalar(1.5), scalar("a\tb")
    ('churn', "'no'", "'it''s'", '1.5', '"a\\U00000009b"')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value)
    text = str(value)
    if PLAIN.fullmatch(text) and yaml.safe_load(text) == text:
        return text
    # Surrogates cannot be written at all, and other readers break lines at U+2028.
    if text.isprintable() and "\ufeff" not in text:
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(_escaped(c) for c in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08X}"


def _number(value: float) -> str:
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    shown = f"{value!r}"
    # YAML 1.1 reads 1e+20 as a text: it wants a point.
    return shown if "e" not in shown or "." in shown else shown.replace("e", ".0e")
