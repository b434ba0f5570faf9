"""Columns of which only pseudonyms are stored (`sensitive: {keep: hmac}`), and what they cannot do.

Belongs here: which columns, what does not fit one. Does not belong here: what a dataset may not ask
of them (`pseudonym_mistakes`), the key (`store/pseudonyms`), changing files (`engine/hiding`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ml_assets.spec.mistakes import Mistakes, Place

if TYPE_CHECKING:
    from ml_assets.spec.columns import Column

HMAC = "hmac"
SHORT = "wanted true, false or {keep: hmac}"


def unfolded(data: Any) -> Any:
    """Return a column whose `sensitive: {keep: …}` is written as two fields."""
    said = data.get("sensitive") if isinstance(data, dict) else None
    if not isinstance(said, dict):
        return data
    odd = sorted(set(said) - {"keep"})
    if odd or "keep" not in said:
        got = f"got {odd[0]!r}" if odd else "got nothing"
        raise Mistakes([(("sensitive",), f"{got}, {SHORT}")])
    return {**data, "sensitive": True, "keep": said["keep"]}


def pseudonymised(columns: Mapping[str, Column]) -> dict[str, Column]:
    """Return the columns of which only pseudonyms are stored."""
    return {name: column for name, column in columns.items() if column.keep == HMAC}


def hidden_parts(columns: Mapping[str, Column]) -> frozenset[str]:
    """Return the columns of a file that are pseudonyms once it has landed."""
    hidden = pseudonymised(columns).items()
    return frozenset(part for name, c in hidden for part in (c.source or (name,)))


def wrong_column(column: Column) -> Iterator[tuple[Place, str]]:
    """Yield what does not fit a column of pseudonyms."""
    if column.keep != HMAC:
        return
    if not column.sensitive:
        yield ("keep",), "is for sensitive columns; write sensitive: {keep: hmac}"
    if column.type not in ("text", "category"):
        yield ("keep",), f"a pseudonym is a text; wanted type text or category, not {column.type}"
    for name in ("pattern", "allowed"):
        if getattr(column, name) is not None:
            yield (name,), "would be asked of the pseudonyms (keep: hmac); remove it"
    if column.source is not None and len(column.source) > 1:
        yield ("source",), "pseudonyms are of one column of the file (keep: hmac), not of several"
