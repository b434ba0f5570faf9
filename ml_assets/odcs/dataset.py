"""From a contract's table to the text of a dataset's spec; what cannot be expressed is a comment.

Belongs here: the whole. Does not belong here: the file (`document`), one column (`column`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, get_args

from pydantic import ValidationError

from ml_assets.guess.draft import DraftNode, text_of
from ml_assets.odcs.column import ContractColumn, read_column
from ml_assets.odcs.document import ContractFile, Rest, shown
from ml_assets.odcs.quality import said_by
from ml_assets.odcs.standard import OWNER
from ml_assets.spec.columns import Column, ColumnType
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.expressions.kinds import kind_of
from ml_assets.spec.mistakes import Mistakes, Place

FORMATS = r".*\.(csv|csv\.gz|parquet|jsonl|xlsx)"
HEAD = ("apiVersion", "kind", "schema", "id", "name", "version", "status")
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+|team:\w+")


@dataclass(frozen=True)
class Imported:
    """The spec that a contract's table becomes."""

    text: str
    spec: DatasetSpec
    notes: tuple[str, ...]
    """What the contract says and the spec does not, and what a person should look at."""


def imported(contract: ContractFile, schema: str | None = None) -> Imported:
    """Return the spec of a contract's table.

    Raises SpecError for mistakes in the contract, and where they make no dataset.
    """
    place, content = contract.table(schema)
    head, table = Rest(contract.content), Rest(content)
    own = table.own()
    if own is not None and not isinstance(own, Mapping):
        said = f"mlAssets: got {own!r}, wanted keys and values"
        raise contract.wrong([(("schema", place, "customProperties"), said)])
    columns = _columns(contract, place, foreign=own is None)
    table.take("properties")
    name = str(table.take("name", ""))
    parts = {"description": _description(head, table)}
    parts |= _owners(head, trusted=own is not None)
    parts["key"] = _key(table, columns)
    parts |= _landing(name, table, columns) if own is None else {k: _node(own[k]) for k in own}
    kept = (own or {}).get("rules", [])
    rules, lost = _rules(columns, kept if isinstance(kept, list) else [])
    parts["columns"] = DraftNode(parts={column.name: column.node() for column in columns})
    if rules and isinstance(kept, list):
        parts["rules"] = DraftNode([*kept, *rules])
    parts["columns"].above += lost
    title = _title(contract, head, table)
    attributes = DraftNode(parts=parts)
    top = DraftNode(parts={"type": DraftNode("ml_assets.TabularDataset", above=title)})
    top.parts["attributes"] = attributes
    spec = _validated(contract, _plain(attributes))
    return Imported(text_of(top), spec, tuple(_comments(top))[1:])


def _columns(contract: ContractFile, place: int, foreign: bool) -> list[ContractColumn]:
    """Return the columns; SpecError for those that are none, or are there twice."""
    content = contract.content["schema"][place].get("properties") or []
    columns = [read_column(item, foreign) for item in content]
    wrong: list[tuple[Place, str]] = []
    for number, column in enumerate(columns):
        at = ("schema", place, "properties", number)
        wrong += [((*at, *inner), said) for inner, said in column.wrong]
        if "name" not in content[number]:
            wrong.append((at, "name is missing"))
        elif column.name in [other.name for other in columns[:number]]:
            wrong.append((at, f"the column {column.name!r} is there twice"))
    if not columns:
        wrong.append((("schema", place), "has no properties, wanted a table's columns"))
    if wrong:
        raise contract.wrong(wrong)
    return columns


def _description(head: Rest, table: Rest) -> DraftNode:
    said = table.take("description")
    if said is None:
        about = head.take("description") or {}
        said = about.get("purpose")
        more = {key: value for key, value in about.items() if key != "purpose"}
        above = [f"description of the contract: {shown(more)}"] if more else []
    else:
        above = []
    if said is None:
        return DraftNode("", above=[*above, "TODO: what is a row, and where does it come from?"])
    return DraftNode(str(said), above=above)


def _owners(head: Rest, trusted: bool) -> dict[str, DraftNode]:
    """Return the owners among the team's members, where they have an address."""
    team = head.take("team") or []
    members = team.get("members") or [] if isinstance(team, dict) else team
    owners: list[str] = []
    others: list[Any] = []
    for member in members:
        user = str(member.get("username"))
        owner = str(member.get("role", "")).lower() == OWNER
        known = owner and (trusted or ADDRESS.fullmatch(user))
        if known:
            owners.append(user)
        else:
            others.append(member)
    about = {k: v for k, v in team.items() if k != "members"} if isinstance(team, dict) else {}
    left = [*([about] if about else []), *others]
    above = [f"in the contract's team: {shown(item)}" for item in left]
    return {"owners": DraftNode(owners, above=above)} if owners or above else {}


def _key(table: Rest, columns: Sequence[ContractColumn]) -> DraftNode:
    """Return the primary key, or else columns whose values together have no duplicates."""
    names = {column.given: column.name for column in columns}
    primary = [column for column in columns if column.key is not None]
    said = said_by(table.take("quality"))
    above = said.comments
    if said.unique and not primary and set(said.unique) <= {*names}:
        above.append("no primary key in the contract; these have no duplicates by a quality rule")
        return DraftNode([names[name] for name in said.unique], above=above)
    if said.unique is not None:
        unique = ", ".join(said.unique) or "the whole row"
        above.append(f"unique in the contract, not checked here: {unique}")
    for column in columns:
        if column.unique and primary != [column]:
            column.comments.append("unique in the contract; here only the key is")
    # Python's sort is stable: those without a position stay in the contract's order, first.
    ordered = [column.name for column in sorted(primary, key=lambda column: column.key or 0)]
    return DraftNode(ordered or "row", above=above)


def _landing(name: str, table: Rest, columns: Sequence[ContractColumn]) -> dict[str, DraftNode]:
    """Return where files of a table might land: a contract has no such thing."""
    file = str(table.look("physicalName") or name).rpartition(".")[2]
    todo = (
        "TODO pattern: how are the files called? a group (?P<batch>…) of a month, with a calendar?"
    )
    pattern = DraftNode(re.escape(file) + FORMATS, above=[todo])
    landing = DraftNode(parts={"pattern": pattern})
    times = [column.name for column in columns if column.values["type"] in ("date", "timestamp")]
    if times:
        landing.above.append(f"TODO time, the column that orders rows: {' or '.join(times)}?")
    return {"landing": landing}


def _rules(
    columns: Sequence[ContractColumn], kept: Sequence[Any]
) -> tuple[list[dict[str, str]], list[str]]:
    """Return rules for what no field of a column says, and comments for what no expression says."""
    rules: list[dict[str, str]] = []
    lost = []
    taken = {str(rule.get("id")) for rule in kept if isinstance(rule, Mapping)}
    types = {column.name: column.values["type"] for column in columns}
    kinds = {n: Column(type=kind) for n, kind in types.items() if kind in get_args(ColumnType)}
    for column in columns:
        for expression, option, reason in column.rules:
            try:
                kind_of(expression, kinds)
            except ValueError as error:
                lost.append(f"{column.name}, {reason}, not expressed here: {error}")
                continue
            name = _rule_name(column.name, option, taken)
            taken.add(name)
            said = f"{column.name}, {reason}"
            rules.append({"id": name, "expression": expression, "reason": said})
    return rules, lost


def _rule_name(column: str, option: str, taken: Collection[str]) -> str:
    """Return a name for a rule that none has yet.

    >>> _rule_name("Order ID", "minLength", {"order_id_min_length"})
    'order_id_min_length_2'
    """
    words = re.sub("([A-Z])", r"_\1", option)
    name = re.sub("[^a-z0-9]+", "_", f"{column}_{words}".lower()).strip("_")
    name = name if name[0].isalpha() else f"column_{name}"
    number = next(n for n in count(1) if (name if n == 1 else f"{name}_{n}") not in taken)
    return name if number == 1 else f"{name}_{number}"


def _title(contract: ContractFile, head: Rest, table: Rest) -> list[str]:
    name, version = head.look("name") or head.look("id"), head.look("version")
    for key in HEAD:
        head.take(key)
    table.take("logicalType")
    about = f" {name}" if name else ""
    number = f" {version}" if version else ""
    return [
        f"From {contract.path.name}, the data contract{about}{number}.",
        *(f"in the contract, not expressed here: {told}" for told in head.told()),
        *(f"in its table, not expressed here: {told}" for told in table.told()),
    ]


def _node(value: Any) -> DraftNode:
    if isinstance(value, Mapping) and value:
        return DraftNode(parts={str(key): _node(inner) for key, inner in value.items()})
    return DraftNode(value)


def _plain(node: DraftNode) -> Any:
    return {k: _plain(part) for k, part in node.parts.items()} if node.parts else node.value


def _comments(node: DraftNode) -> list[str]:
    return [text for part in node.parts.values() for text in (*part.above, *_comments(part))]


def _validated(contract: ContractFile, attributes: Any) -> DatasetSpec:
    """Return the spec; SpecError says at which of its fields the contract makes none."""
    try:
        return DatasetSpec.model_validate(attributes)
    except ValidationError as error:
        wrong = []
        for item in error.errors():
            cause = item.get("ctx", {}).get("error")
            mistakes = cause.found if isinstance(cause, Mistakes) else [((), item["msg"])]
            wrong += [((*item["loc"], *place), said) for place, said in mistakes]
        said = [f"as a dataset: {'.'.join(map(str, place))}: {what}" for place, what in wrong]
        raise contract.wrong([((), text) for text in said]) from None
