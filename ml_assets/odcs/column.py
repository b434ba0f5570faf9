"""From a property of a contract to a column of a spec.

Belongs here: types, fields, and comments on what they cannot say. Does not belong here: options of
a type (`options`), rules (`quality`), tables (`dataset`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from ml_assets.errors import suggest
from ml_assets.guess.draft import DraftNode
from ml_assets.odcs.document import Rest, is_true, shown
from ml_assets.odcs.options import read_options
from ml_assets.odcs.quality import said_by
from ml_assets.odcs.standard import UNIT
from ml_assets.spec.columns import Column, ColumnType
from ml_assets.spec.dataset import Landing
from ml_assets.spec.mistakes import Mistakes, Place

TYPES: dict[str, ColumnType] = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
}
AS_TEXT = ("time", "object", "array", "map", "vector")
"""Logical types that a column cannot have; their values are read as text."""
PHYSICAL: tuple[tuple[str, ColumnType], ...] = (
    ("bool", "boolean"),
    ("timestamp", "timestamp"),
    ("datetime", "timestamp"),
    ("date", "date"),
    ("int", "integer"),
    ("bigint", "integer"),
    ("smallint", "integer"),
    ("float", "number"),
    ("double", "number"),
    ("decimal", "number"),
    ("numeric", "number"),
    ("real", "number"),
)
"""How names of physical types begin, for a property without a logical type."""
OPEN = ("public", "internal", "open", "general", "unclassified", "none")
"""Classifications whose values may be shown; those of any other may not."""
PERSONAL = ("pii", "sensitive", "personal", "gdpr")
NULLS: tuple[str, ...] = Landing.model_fields["null_values"].default


@dataclass
class ContractColumn:
    """A column as read from a contract."""

    given: str
    """Its name in the contract."""
    name: str
    values: dict[str, Any]
    comments: list[str]
    rules: list[tuple[str, str, str]]
    """Expressions that must hold, each with the option that says so and a reason."""
    key: int | None
    """Its position in the primary key; None if it is not in it."""
    unique: bool = False
    wrong: list[tuple[Place, str]] = field(default_factory=list)

    def node(self) -> DraftNode:
        """Return it as a part of a spec."""
        return DraftNode(
            parts={k: DraftNode(v) for k, v in self.values.items()}, above=self.comments
        )


def read_column(content: Mapping[str, Any], foreign: bool) -> ContractColumn:
    """Return a column, with what is wrong with it; `foreign` if another tool made the contract."""
    rest = Rest(content)
    given = str(rest.take("name", ""))
    name = given.lstrip("_") or "column" if given.startswith("_") else given
    column = ContractColumn(given, name, {}, [], [], None)
    if column.name != given:
        column.comments.append(f"{given!r} in the contract; names that start with _ are reserved")
    own = rest.own() or {}
    if not isinstance(own, Mapping):
        column.wrong.append(
            (("customProperties",), f"mlAssets: got {own!r}, wanted keys and values")
        )
        own = {}
    kind = _type(rest, column)
    values = column.values
    values["type"] = kind
    if rest.look("description") is not None:
        values["description"] = rest.take("description")
    unit = rest.custom(UNIT)
    if unit is not None:
        values["unit"] = str(unit)
    if is_true(rest.take("required")):
        values["nullable"] = False
    source = rest.take("physicalName", given)
    if source != column.name:
        values["source"] = [source]
    _options(rest, kind, column)
    _quality(rest, column)
    _sensitive(rest, column)
    if is_true(rest.take("primaryKey")):
        column.key = int(rest.take("primaryKeyPosition", -1))
    column.unique |= is_true(rest.take("unique"))
    if foreign:
        if "allowed" in values and kind == "text":
            values["type"] = "category"
        _nulls(values)
        _fitting(column)
    values |= own
    column.comments += [f"in the contract: {told}" for told in rest.told()]
    return column


def _type(rest: Rest, column: ContractColumn) -> ColumnType:
    logical, physical = rest.take("logicalType"), rest.look("physicalType")
    if logical in TYPES:
        return TYPES[logical]
    if logical in AS_TEXT:
        column.comments.append(f"{logical} in the contract, read as text")
        return "text"
    if logical is not None:
        known = (*TYPES, *AS_TEXT)
        said = f"got {logical!r}{suggest(logical, known)}"
        column.wrong.append((("logicalType",), said))
        return "text"
    written = str(physical or "").lower()
    kinds = (kind for start, kind in PHYSICAL if written.startswith(start))
    kind: ColumnType = next(kinds, "text")
    column.comments.append("TODO type: the contract has no logicalType")
    return kind


def _options(rest: Rest, kind: ColumnType, column: ContractColumn) -> None:
    read = read_options(column.name, kind, rest.take("logicalTypeOptions"))
    column.values |= read.values
    column.rules += read.rules
    column.comments += read.comments


def _quality(rest: Rest, column: ContractColumn) -> None:
    said = said_by(rest.take("quality"))
    listed = rest.look("enum")
    if isinstance(listed, list) and all("value" in item for item in listed):
        said.values["allowed"] = [item["value"] for item in rest.take("enum")]
        more = [item for item in listed if set(item) != {"value"}]
        column.comments += [f"values in the contract: {shown(more)}"] if more else []
    column.unique = said.unique is not None
    column.comments += said.comments
    column.values |= said.values


def _sensitive(rest: Rest, column: ContractColumn) -> None:
    classified = rest.look("classification")
    tags = rest.look("tags") or []
    secret = classified is not None and str(classified).lower() not in OPEN
    if secret and str(classified) != "confidential":
        column.comments.append(f"classified as {classified} in the contract")
    if secret:
        rest.take("classification")
    if secret or any(str(tag).lower() in PERSONAL for tag in tags):
        column.values["sensitive"] = True


def _nulls(values: dict[str, Any]) -> None:
    """Set what is read as missing where allowed values would be."""
    allowed = [str(value) for value in values.get("allowed", [])]
    if "null_values" not in values and any(text in allowed for text in NULLS):
        values["null_values"] = [text for text in NULLS if text not in allowed]


def _fitting(column: ContractColumn) -> None:
    """Turn fields that a column of its type cannot have into comments."""
    for name, why in _misfits(column.values):
        if name in column.values and name != "type":
            value = shown(column.values.pop(name))
            column.comments.append(f"{name} of the contract, not expressed here: {value} ({why})")


def _misfits(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    try:
        Column.model_validate(values)
    except ValidationError as error:
        for item in error.errors():
            cause = item.get("ctx", {}).get("error")
            if isinstance(cause, Mistakes):
                yield from ((str((*item["loc"], *place)[0]), what) for place, what in cause.found)
            elif item["loc"]:
                yield str(item["loc"][0]), item["msg"].removeprefix("Value error, ")
