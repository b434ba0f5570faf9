"""Whether rows share an entity: one customer's visits, one vine's harvests.

Belongs here: the evidence. A column names an entity if its values repeat and other columns are the
same in all rows of a value, as no chance would have it. Does not belong here: the folds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml_assets.guess import hints
from ml_assets.guess.profile import ColumnProfile
from ml_assets.scaffold import text

FEWEST = 20
"""Fewest entities: with fewer, folds of whole entities are too uneven."""
REPEATED = 2.0
"""Fewest rows of an entity, on average."""
ATTRIBUTES = 2
"""Fewest columns that must be the same in all rows of an entity."""
SURPRISE = 0.5
"""Largest share of pairs of rows of any entities that agree in such a column by chance."""

NAMES = 0.9
"""From this share of the entities' number on, a column's values are other names for them."""
MOST = 1_000_000
"""Rows looked at."""


@dataclass(frozen=True)
class Entity:
    """The column that names the entity, and why it is one."""

    column: str
    why: str


def entity_of(
    table: pa.Table, profiles: Mapping[str, ColumnProfile], apart: Collection[str]
) -> Entity | None:
    """Return the entity that rows share; `apart` are the target's columns and the time."""
    table = table.slice(0, MOST)
    rows = len(table)
    names = [name for name in profiles if name not in apart and profiles[name].distinct > 1]
    candidates = [name for name in names if _repeats(profiles[name], rows)]
    if not candidates:
        return None
    codes = {name: _codes(table[name]) for name in names}
    telling = [name for name in names if _agree_by_chance(codes[name]) <= SURPRISE]
    entities: list[tuple[int, Entity]] = []
    for name in candidates:
        order = np.argsort(codes[name], kind="stable")
        same = np.diff(codes[name][order]) == 0
        fixed = [o for o in telling if o != name and _fixed(codes[o][order], same)]
        shared = [o for o in fixed if profiles[o].distinct < NAMES * profiles[name].distinct]
        if shared and len(fixed) >= ATTRIBUTES and len(fixed) < len(names) - 1:
            size = profiles[name].distinct
            said = f"{size:,} values in {rows:,} rows; {text.listed(fixed, 4)} are the same in all"
            entities.append((size, Entity(name, f"{said} rows of a value")))
    return max(entities, key=lambda item: item[0])[1] if entities else None


def _repeats(profile: ColumnProfile, rows: int) -> bool:
    if profile.kind in ("text", "url", "list", "datetime") or profile.missing:
        return False
    if profile.type == "number" or hints.has(profile.name, hints.POST):
        return False
    return profile.distinct >= FEWEST and profile.distinct * REPEATED <= rows


def _codes(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    values = column.combine_chunks()
    if not pa.types.is_dictionary(values.type):
        values = values.dictionary_encode()
    return np.asarray(values.indices.fill_null(len(values.dictionary)).to_numpy(), dtype=np.int64)


def _fixed(ordered: npt.NDArray[np.int64], same: npt.NDArray[np.bool_]) -> bool:
    """Tell whether a column, in the order of entities, has one value within each of them."""
    return bool((np.diff(ordered)[same] == 0).all())


def _agree_by_chance(codes: npt.NDArray[np.int64]) -> float:
    shares = np.bincount(codes) / len(codes)
    return float((shares**2).sum())
