"""Rows that are wrong on purpose: one of each kind that quarantine, filters and checks are for.

Belongs here: what breaks which rule. Does not belong here: files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ml_assets.spec.expressions import grammar
from ml_assets.stages.contract import KEY, broken
from ml_assets.stages.dummy.wish import Wish
from ml_assets.stages.expressions import truth
from ml_assets.stages.ingest.columns import named

if TYPE_CHECKING:
    from ml_assets.spec.columns import Column
    from ml_assets.spec.dataset import Filter
    from ml_assets.stages.dummy.write import Texts

NONSENSE = "not a value"
"""A text that is of no other type."""
PERIOD = "batch_period"
_LOOKED_AT = 300


@dataclass(frozen=True)
class Fault:
    """A row that breaks a rule."""

    rule: str
    column: str | None = None
    text: str | None = None
    """What the file has in place of the column's value."""


@dataclass(frozen=True)
class Planted:
    """Wrong rows, and which faults were asked for and are in none of them."""

    rows: pd.DataFrame
    faults: Sequence[Fault]
    left_out: Sequence[str]


def planted(wish: Wish, frame: pd.DataFrame, filters: Sequence[Filter]) -> Planted:
    """Return a row for each type, column rule, key, cross-column rule, filter and batch's period.

    Each is a copy of one of the good rows with one value changed.
    """
    found: list[tuple[Fault, pd.DataFrame]] = []
    left_out: list[str] = []
    for name, column in wish.columns.items():
        found += _of_column(wish, frame, name, column)
    if wish.contract.key:
        found.append((Fault(KEY), frame.head(1)))
    between = [(rule.id, rule.expression, False) for rule in wish.contract.rules]
    between += [(item.id, item.expression, True) for item in filters]
    for name, expression, holds in between:
        changed = _changed(wish, frame, expression, holds)
        if changed is None:
            left_out.append(name)
        else:
            found.append((Fault(name), changed))
    if wish.time is not None and wish.period is not None:
        late = frame.head(1).copy()
        late[wish.time] = late[wish.time] + 2 * (wish.period[1] - wish.period[0])
        found.append((Fault(PERIOD, wish.time), late))
    rows = pd.concat([row for _, row in found], ignore_index=True) if found else frame.head(0)
    return Planted(rows.astype(frame.dtypes.to_dict()), [fault for fault, _ in found], left_out)


def overwritten(wish: Wish, texts: Texts, faults: Sequence[Fault]) -> None:
    """Put the faults' texts into the last rows of a file's columns."""
    rows = len(next(iter(texts.values())))
    for place, fault in enumerate(faults, rows - len(faults)):
        if fault.text is not None and fault.column is not None:
            for part in named(fault.column, wish.columns[fault.column]):
                texts[part][place] = fault.text


def _of_column(
    wish: Wish, frame: pd.DataFrame, name: str, column: Column
) -> Iterator[tuple[Fault, pd.DataFrame]]:
    """Yield a row for its type and for each of its rules."""
    row = frame.head(1)
    if column.type not in ("text", "category"):
        yield Fault(f"parse.{column.type}", name, NONSENSE), row
    if not column.nullable:
        yield Fault(f"{name}.not_null", name), row.assign(**{name: _missing(frame[name])})
    if column.range is not None:
        low, high = column.range
        for beyond in [high + 1] if high is not None else [low - 1] if low is not None else []:
            yield Fault(f"{name}.range", name), row.assign(**{name: _like(frame[name], beyond)})
    if column.allowed is not None:
        text = column.type in ("text", "category")
        other: Any = NONSENSE if text else max(column.allowed, key=float) + 1  # type: ignore[operator]
        yield Fault(f"{name}.allowed", name), row.assign(**{name: _like(frame[name], other)})
    if column.pattern is not None:
        yield Fault(f"{name}.pattern", name), row.assign(**{name: _like(frame[name], NONSENSE)})


def _changed(wish: Wish, frame: pd.DataFrame, expression: str, holds: bool) -> pd.DataFrame | None:
    """Return a row with one value changed so that an expression holds, or is false."""
    some = frame.head(_LOOKED_AT).reset_index(drop=True)
    read = grammar.names(grammar.parse(expression, frame.columns))
    for name in (name for name in frame.columns if name in read):
        for other in _others(wish, some, name):
            tried = some.assign(**{name: other})
            found = truth(expression, tried, "fault").fillna(not holds).to_numpy(dtype=bool)
            right = found == holds
            for mask in broken(_without_rules(wish), tried).values():
                right &= ~mask
            if right.any():
                return tried.iloc[[int(np.argmax(right))]]
    return None


def _without_rules(wish: Wish) -> Any:
    return wish.contract.model_copy(update={"rules": ()})


def _others(wish: Wish, some: pd.DataFrame, name: str) -> Iterator[pd.Series]:
    """Yield columns of other values: missing, those of other rows, the next one, the limits."""
    column, values = wish.columns[name], some[name]
    if column.nullable:
        yield pd.Series([_none(values)] * len(some), index=some.index, dtype=values.dtype)
    for by in (1, 7, 31):
        yield (
            pd.Series(np.roll(np.arange(len(some)), by))
            .map(dict(enumerate(values)))
            .astype(values.dtype)
        )
    if column.type in ("integer", "number"):
        yield values + 1
        for limit in column.range or ():
            if limit is not None:
                yield _like(values, limit)
    if column.type == "boolean":
        yield ~values
    for item in column.allowed or ():
        yield _like(values, item)


def _missing(values: pd.Series) -> pd.Series:
    return pd.Series([_none(values)], dtype=values.dtype)


def _none(values: pd.Series) -> Any:
    return pd.NaT if values.dtype.kind == "M" else None


def _like(values: pd.Series, value: Any) -> pd.Series:
    return pd.Series([value] * len(values), index=values.index, dtype=values.dtype)
