"""YAML as nodes with line numbers, and as values, within bounds.

Belongs here: reading a file and YAML itself. Does not belong here: the keys of a spec (`yaml`).
Every fault is a SpecError with the file and the line.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ml_assets.errors import SpecError

LARGEST = 5_000_000
"""Largest file, in bytes."""
DEEPEST = 50
"""Levels of nesting: a much deeper document crashes the YAML library, and with it the process."""
MOST = 200_000
"""Largest number of nodes, each counted wherever an alias repeats it."""
_MERGE = "tag:yaml.org,2002:merge"
_TEXT = "tag:yaml.org,2002:str"
_READ_AS = {"bool": "true or false", "int": "a number", "float": "a number", "null": "nothing"}


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Plain YAML: keys are unique, dates are texts, numbers fit into 64 bits."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Return a node's value; ConstructorError if a text does not match its tag."""
        try:
            value = super().construct_object(node, deep)
        except (ValueError, KeyError, AttributeError, TypeError, OverflowError):
            said = f"{_shown(node)} is not {_kind(node)}; put texts in quotes"
            raise yaml.constructor.ConstructorError(None, None, said, node.start_mark) from None
        if isinstance(value, int) and not -(2**63) <= value < 2**64:
            said = "the number is too large (wanted at most 64 bits); put texts in quotes"
        elif isinstance(value, bytes | set | datetime.date):
            said = f"{_kind(node)}, wanted texts, numbers, true, false, lists and mappings"
        else:
            return value
        raise yaml.constructor.ConstructorError(None, None, said, node.start_mark)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
        """Return a mapping as a dict; ConstructorError for a duplicate key."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                if key.value in seen:
                    said = f"duplicate key {key.value!r}"
                    raise yaml.constructor.ConstructorError(None, None, said, key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def read(path: Path) -> str:
    """Return the text of a file; SpecError if it is not text, too large or unreadable."""
    try:
        if not path.is_file():
            raise SpecError(f"{path}: cannot be read: not a file")
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise SpecError(f"{path}: cannot be read: {error}") from None
    if len(content) > LARGEST:
        raise SpecError(f"{path}: larger than {LARGEST:,} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise SpecError(f"{path}:{line}: cannot be read: not UTF-8 text ({error.reason})") from None


def compose(path: Path, text: str) -> yaml.Node | None:
    """Return the nodes of a document, None if it is empty; SpecError if it is not YAML."""
    try:
        _bounded(text)
        root: yaml.Node | None = yaml.compose(text, Loader=Loader)
        if root is not None:
            _Size().of(root)
    except yaml.YAMLError as error:
        raise _said(path, error) from None
    return root


def construct(path: Path, root: yaml.Node) -> Any:
    """Return the values of nodes; SpecError if one does not match its tag."""
    try:
        return Loader("").construct_document(root)
    except yaml.YAMLError as error:
        raise _said(path, error) from None


def wrong_keys(root: yaml.Node) -> Iterator[tuple[int, str]]:
    """Yield line and message for every key that YAML does not read as a text."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.tag not in (_TEXT, _MERGE):
                    said = f"the key {_shown(key)} is read as {_kind(key)}; put it in quotes"
                    yield key.start_mark.line + 1, said
                waiting.append(value)


def _bounded(text: str) -> None:
    """Raise YAMLError for nesting that is too deep, before recursion follows it."""
    depth = 0
    for event in yaml.parse(text, Loader=Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise _refused(f"nested more than {DEEPEST} levels deep", event.start_mark)


class _Size:
    """The size and depth of nodes; those behind an alias count at every use."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, int] | None] = {}

    def of(self, node: yaml.Node) -> tuple[int, int]:
        if id(node) in self._known:
            known = self._known[id(node)]
            if known is None:
                raise _refused("an alias refers to a node that contains it", node.start_mark)
            return known
        self._known[id(node)] = None
        inner = [self.of(child) for child in _children(node)]
        size = 1 + sum(item[0] for item in inner)
        depth = 1 + max((item[1] for item in inner), default=0)
        if size > MOST or depth > DEEPEST:
            raise _refused("aliases expand to too many nodes, or nest too deeply", node.start_mark)
        self._known[id(node)] = size, depth
        return size, depth


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _refused(said: str, mark: Any) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, said, mark)


def _shown(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        return "here"
    return repr(node.value if len(node.value) <= 50 else f"{node.value[:50]}…")


def _kind(node: yaml.Node) -> str:
    name = str(node.tag).rpartition(":")[2]
    return _READ_AS.get(name, f"a {name}")


def _said(path: Path, error: yaml.YAMLError) -> SpecError:
    mark = getattr(error, "problem_mark", None)
    line = f":{mark.line + 1}" if mark else ""
    return SpecError(f"{path}{line}: not YAML: {getattr(error, 'problem', None) or error}")
