"""Edits of a YAML text: everything that is not edited stays as it is, comments included.

Belongs here: where in the text a part begins and ends. Does not belong here: what is edited, and
why.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from ml_assets.spec.document import compose
from ml_assets.spec.text import flow, scalar

Place = tuple[str, ...]


@dataclass(frozen=True)
class Edit:
    """One change below `attributes`.

    `set` gives a key a value, `append` adds values to a list, `remove` takes a key away, with the
    comments above it, `add` appends lines to a mapping: the key's, as they are to stand there,
    without indentation.
    """

    kind: Literal["set", "append", "remove", "add"]
    place: Place
    value: Any = None


def edited(path: Path, text: str, edits: Iterable[Edit]) -> str:
    """Return a text with its edits, one after the other; KeyError for a place that is not there."""
    for edit in edits:
        root = compose(path, text)
        assert isinstance(root, yaml.MappingNode)
        text = _APPLY[edit.kind](text, root, ("attributes", *edit.place), edit.value)
    return text


def _set(text: str, root: yaml.MappingNode, place: Place, value: Any) -> str:
    parent = _at(root, place[:-1])
    pair = _pair(parent, place[-1])
    if pair is not None:
        start, end = pair[1].start_mark.index, _end(text, pair[1])
        return text[:start] + flow(value) + text[end:]
    said = f"{scalar(place[-1])}: {flow(value)}"
    if parent.flow_style:
        end = parent.end_mark.index - 1
        return f"{text[:end].rstrip()}{', ' if parent.value else ''}{said}{text[end:]}"
    key, first = parent.value[0]
    at = _line_end(text, _end(text, first))
    return f"{text[:at]}\n{' ' * key.start_mark.column}{said}{text[at:]}"


def _append(text: str, root: yaml.MappingNode, place: Place, values: Any) -> str:
    pair = _pair(_at(root, place[:-1]), place[-1])
    if pair is None:
        raise KeyError(".".join(place))
    node = pair[1]
    items = [flow(value) for value in values]
    if not node.value:
        return _set(text, root, place, list(values))
    end = _end(text, node.value[-1])
    if node.flow_style:
        return f"{text[:end]}, {', '.join(items)}{text[end:]}"
    at, indent = _line_end(text, end), " " * node.start_mark.column
    return text[:at] + "".join(f"\n{indent}- {item}" for item in items) + text[at:]


def _remove(text: str, root: yaml.MappingNode, place: Place, _value: Any) -> str:
    parent = _at(root, place[:-1])
    pair = _pair(parent, place[-1])
    if pair is None:
        raise KeyError(".".join(place))
    number = [key.value for key, _ in parent.value].index(place[-1])
    start, end = pair[0].start_mark.index, _end(text, pair[1])
    if parent.flow_style:
        if number + 1 < len(parent.value):
            return text[:start] + text[parent.value[number + 1][0].start_mark.index :]
        before = _end(text, parent.value[number - 1][1]) if number else start
        return text[:before] + text[end:]
    start = text.rfind("\n", 0, start) + 1
    # Comments above a key are about it.
    while start:
        above = text.rfind("\n", 0, start - 1) + 1
        if not text[above:start].startswith(f"{' ' * pair[0].start_mark.column}#"):
            break
        start = above
    return text[:start] + text[_line_end(text, end) + 1 :]


def _add(text: str, root: yaml.MappingNode, place: Place, lines: Sequence[str]) -> str:
    parent = _at(root, place)
    if parent.flow_style or not parent.value:
        raise KeyError(".".join(place))
    at = _line_end(text, _end(text, parent.value[-1][1]))
    indent = " " * parent.value[0][0].start_mark.column
    return text[:at] + "".join(f"\n{indent}{line}" for line in lines) + text[at:]


_APPLY = {"set": _set, "append": _append, "remove": _remove, "add": _add}


def _at(root: yaml.MappingNode, place: Place) -> yaml.MappingNode:
    node: Any = root
    for part in place:
        pair = _pair(node, part)
        if pair is None:
            raise KeyError(".".join(place))
        node = pair[1]
    if not isinstance(node, yaml.MappingNode):
        raise KeyError(".".join(place))
    return node


def _pair(parent: Any, name: str) -> tuple[Any, Any] | None:
    if not isinstance(parent, yaml.MappingNode):
        return None
    return next(((key, value) for key, value in parent.value if key.value == name), None)


def _end(text: str, node: yaml.Node) -> int:
    """Return where a value ends: a block's own mark is that of whatever comes after it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(last, tuple) else last)
    start, end = node.start_mark.index, node.end_mark.index
    while end > start and text[end - 1] in " \n":
        end -= 1
    return end


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
