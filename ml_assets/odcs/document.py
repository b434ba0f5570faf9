"""Reading a contract's file: YAML, version, the standard's model; every mistake with its line.

Belongs here: whether it is a contract, and which of its tables is meant. Does not belong here: what
the table becomes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ml_assets.errors import RequestError, SpecError, UnknownName
from ml_assets.odcs.standard import OWN, READ, WRITTEN, model
from ml_assets.spec.document import compose, construct, read, wrong_keys
from ml_assets.spec.explain import line_of
from ml_assets.spec.mistakes import Place


@dataclass(frozen=True)
class ContractFile:
    """A contract as it is in a file."""

    path: Path
    root: yaml.Node
    content: Mapping[str, Any]

    def wrong(self, mistakes: list[tuple[Place, str]]) -> SpecError:
        """Return the error for mistakes at places of the file."""
        placed = sorted((line_of(self.root, place), self._said(place, s)) for place, s in mistakes)
        return SpecError("\n".join(f"{self.path}:{line}: {said}" for line, said in placed))

    def table(self, name: str | None) -> tuple[int, Mapping[str, Any]]:
        """Return the place and content of a table, by its name where the contract has several.

        Raises SpecError if there is none, RequestError if a name is needed, UnknownName for
        one that the contract does not have.
        """
        tables = self.content.get("schema") or []
        if not tables:
            raise self.wrong([(("schema",), "is empty, wanted a table with its columns")])
        names = [str(table.get("name")) for table in tables]
        if name is None and len(tables) > 1:
            raise RequestError(
                f"{self.path} has {len(tables)} tables; say which by --schema: {', '.join(names)}"
            )
        if name is not None and name not in names:
            raise UnknownName.of("table of the contract", name, names)
        place = 0 if name is None else names.index(name)
        return place, tables[place]

    def _said(self, place: Place, what: str) -> str:
        """Return a message after its place, tables and columns by name."""
        words: list[str] = []
        node: Any = self.content
        for part in place:
            known = isinstance(node, list) and isinstance(part, int) and part < len(node)
            node = node[part] if known else node.get(part) if isinstance(node, dict) else None
            named = node.get("name") if known and isinstance(node, dict) else None
            words.append(str(part if named is None else named))
        return f"{'.'.join(words)}: {what}" if words else what


def read_contract(path: Path) -> ContractFile:
    """Return a contract of a file; SpecError says what is wrong with it, each with its line.

    Raises RequestError if the standard's package is not installed.
    """
    standard = model()
    root = compose(path, read(path))
    if not isinstance(root, yaml.MappingNode):
        raise SpecError(f"{path}:1: wanted a data contract: {_KEYS}")
    keys = [f"{path}:{line}: {said}" for line, said in sorted(wrong_keys(root))]
    if keys:
        raise SpecError("\n".join(keys))
    contract = ContractFile(path, root, construct(path, root))
    other = list(_other(contract.content))
    if other:
        raise contract.wrong(other)
    try:
        standard.model_validate(contract.content)
    except ValidationError as error:
        raise contract.wrong([(item["loc"], _worded(item)) for item in error.errors()]) from None
    return contract


_KEYS = f"apiVersion: {WRITTEN}, kind: DataContract, id, version, schema"


def _other(content: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """Yield why a document is not a contract of a version that is read."""
    if "dataContractSpecification" in content:
        said = "is another standard, the Data ContractFile Specification"
        yield ("dataContractSpecification",), f"{said}; wanted {_KEYS}"
        return
    kind, version = content.get("kind"), content.get("apiVersion")
    if kind != "DataContract":
        said = "is missing" if kind is None else f"got {kind!r}"
        yield ("kind",), f"{said}, wanted DataContract"
    if version is None:
        yield ("apiVersion",), f"is missing, wanted {WRITTEN}"
    elif not READ.fullmatch(str(version)):
        yield ("apiVersion",), f"got {version!r}, wanted {WRITTEN} (v3.2.0 is read as well)"


def _worded(item: Any) -> str:
    if item["type"] == "extra_forbidden":
        return "unknown key"
    said = str(item["msg"]).removeprefix("Value error, ").replace("Input should be", "wanted")
    given = item["input"]
    plain = isinstance(given, str | int | float)
    return f"{said} (got {given!r})" if plain else said


class Rest:
    """A part of a contract from which what is understood is taken; the rest is told."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._left = {key: value for key, value in content.items() if value not in (None, [], {})}

    def take(self, key: str, default: Any = None) -> Any:
        """Return a value, which then counts as understood."""
        return self._left.pop(key, default)

    def look(self, key: str, default: Any = None) -> Any:
        """Return a value that is not understood yet."""
        return self._left.get(key, default)

    def left(self) -> list[str]:
        """Return the keys of what is not taken."""
        return list(self._left)

    def custom(self, name: str) -> Any:
        """Return the value of a custom property, None without one."""
        every = self._left.get("customProperties") or []
        matches = [item for item in every if item.get("property") == name]
        if not matches:
            return None
        self._left["customProperties"] = [item for item in every if item not in matches]
        return matches[0].get("value")

    def own(self) -> Any:
        """Return what ml_assets put there itself, None in contracts of others."""
        return self.custom(OWN)

    def told(self) -> Iterator[str]:
        """Yield what was not taken, a sentence each."""
        for key, value in self._left.items():
            if value not in (None, [], {}):
                yield f"{key}: {shown(value)}"


def is_true(value: Any) -> bool:
    """Return whether a value, in quotes or not, is true.

    >>> is_true(True), is_true("yes"), is_true("no"), is_true(None)
    (True, True, False, False)
    """
    return str(value).lower() in ("true", "yes", "on", "t", "y", "1")


def shown(value: Any, most: int = 1000) -> str:
    """Return a value of a contract for a comment.

    >>> shown({"unit": "d", "value": 1}), shown(["a", None])
    ('{unit: d, value: 1}', '[a, null]')
    """
    if isinstance(value, Mapping):
        text = "{" + ", ".join(f"{key}: {shown(inner)}" for key, inner in value.items()) + "}"
    elif isinstance(value, list):
        text = f"[{', '.join(map(shown, value))}]"
    elif value is None or isinstance(value, bool):
        text = {None: "null", True: "true", False: "false"}[value]
    else:
        text = str(value)
    return text if len(text) <= most else f"{text[:most]}…"
