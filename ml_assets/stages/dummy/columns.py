"""Values of one column, from places between 0 and 1.

Belongs here: from statistics or a contract to values. Does not belong here: times, how places of
several columns go together, missing values.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.stages.dummy.names import invented

if TYPE_CHECKING:
    from ml_assets.spec.columns import Column
    from ml_assets.stages.dummy.wish import Wish

Places = npt.NDArray[np.float64]
"""(rows,), where in a column's distribution each row's value is, from 0 to 1."""
WIDE = 100.0
"""The width of a range of numbers of which nothing is known."""
INVENTED = 100
"""Different texts, where nothing says how many there are."""


def values(wish: Wish, name: str, places: Places, first: int) -> pd.Series:
    """Return (rows,) values of a column; `first` is the number of the first row, for names."""
    column, said = wish.columns[name], wish.said(name)
    if column.type == "boolean":
        share = dict(map(tuple, said.get("values", [[False, 0.5], [True, 0.5]])))
        return pd.Series(places > 1 - share.get(True, 0) / sum(share.values()), dtype="boolean")
    if column.type in ("text", "category"):
        return pd.Series(_texts(wish, name, places, first), dtype="string[pyarrow]")
    if wish.is_key(name) and column.type == "integer":
        low = 1 if column.range is None or column.range[0] is None else int(column.range[0])
        return pd.Series(np.arange(first, first + len(places)) + low, dtype="Int64")
    numbers = _numbers(column, said, places)
    if column.type == "integer":
        return pd.Series(np.rint(numbers), dtype="Float64").astype("Int64")
    return pd.Series(np.round(numbers, said.get("decimals", 2)), dtype="float64")


def chosen(count: int, shares: npt.ArrayLike, places: Places) -> npt.NDArray[np.intp]:
    """Return which of so many items is at each place; their shares need not add up to 1."""
    edges = np.cumsum(shares) / np.sum(shares)
    return np.minimum(np.searchsorted(edges, places, side="right"), count - 1)


def along(blocks: Sequence[float], places: Places) -> npt.NDArray[np.float64]:
    """Return values between the means of equal blocks; never beyond the first and last."""
    centres = (np.arange(len(blocks)) + 0.5) / len(blocks)
    return np.interp(places, centres, np.array(blocks, dtype=np.float64))


def _numbers(column: Column, said: Mapping[str, Any], places: Places) -> Places:
    low, high = column.range or (None, None)
    if "values" in said:
        items = sorted(said["values"])
        shown = np.array([item for item, _ in items], dtype=np.float64)
        found = shown[chosen(len(items), [share for _, share in items], places)]
    elif "blocks" in said:
        found = along(said["blocks"], places)
    elif column.allowed is not None:
        shown = np.sort(np.array(column.allowed, dtype=np.float64))
        found = shown[chosen(len(shown), np.ones(len(shown)), places)]
    else:
        begin = low if low is not None else 0.0 if high is None else min(0.0, high - WIDE)
        found = begin + places * ((begin + WIDE if high is None else high) - begin)
    return found if low is None and high is None else np.clip(found, low, high)


def _texts(wish: Wish, name: str, places: Places, first: int) -> list[str]:
    column, said = wish.columns[name], wish.said(name)
    if wish.is_key(name):
        return _rare(wish, name, range(first, first + len(places)))
    if "values" not in said and column.allowed is not None:
        shown = [str(item) for item in column.allowed]
        return [shown[place] for place in chosen(len(shown), np.ones(len(shown)), places)]
    known = said.get("values", [])
    items, shares = [item for item, _ in known], [share for _, share in known]
    others = said.get("others", said.get("distinct", 0 if items else INVENTED))
    rest = max(0.0, 1.0 - sum(shares)) if others and column.allowed is None else 0.0
    if not items:
        rest = 1.0
    place = chosen(len(items) + 1, [*shares, rest], places)
    # Where in the rest of the distribution it is, says which of the other texts it is.
    inside = np.clip((places - (1 - rest)) / (rest or 1.0), 0, 1 - 1e-9)
    number = (inside * max(1, int(others or INVENTED))).astype(int)
    rare = place == len(items)
    found = _rare(wish, name, number[rare].tolist())
    made = dict(zip(np.flatnonzero(rare).tolist(), found, strict=True))
    return [made[row] if row in made else items[at] for row, at in enumerate(place)]


def _rare(wish: Wish, name: str, numbers: Collection[int]) -> list[str]:
    return invented(name, wish.columns[name].pattern, numbers, wish.nulls.get(name, ()))
