"""Rules between columns: what breaks them is moved until it does not.

Belongs here: the search for the nearest value. Does not belong here: drawing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.spec.expressions import grammar
from ml_assets.stages.dummy.wish import Wish
from ml_assets.stages.expressions import truth

Mask = npt.NDArray[np.bool_]
_PASSES = 3
"""A value that is moved for one rule may break another."""
FURTHEST = 3000
"""Steps that a value is moved at most, up and down."""
_AT_ONCE = 200_000
"""Rows that an expression is evaluated on at once."""


def mended(wish: Wish, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with numbers moved so that they keep the rules, where one move is enough.

    Of several numbers that a rule reads, that one is moved which moves least for its spread.
    """
    if not len(frame):
        return frame
    for _ in range(_PASSES):
        moved = False
        for rule in wish.contract.rules:
            bad = np.flatnonzero(_breaks(rule.expression, frame))
            if len(bad) and rule.action != "warn":
                frame = _solved(wish, rule.expression, frame, bad)
                moved = True
        if not moved:
            break
    return frame


def _breaks(expression: str, frame: pd.DataFrame) -> Mask:
    holds = truth(expression, frame, "rule").fillna(True)
    return ~holds.to_numpy(dtype=bool)


def _solved(
    wish: Wish, expression: str, frame: pd.DataFrame, bad: npt.NDArray[np.intp]
) -> pd.DataFrame:
    still = {name for name in wish.columns if "of_time" in wish.said(name)} | {*wish.fixed}
    read = grammar.names(grammar.parse(expression, frame.columns))
    names = [n for n in frame.columns if n in read and _moves(wish, n) and n not in still]
    best = np.full(len(bad), np.inf)
    chosen: dict[str, pd.Series] = {}
    part = frame.iloc[bad].reset_index(drop=True)
    for name in names:
        spread = float(frame[name].astype("float64").std()) or 1.0
        found = _nearest(wish, expression, part, name)
        far = np.abs((found - part[name]).astype("float64").to_numpy(na_value=np.inf)) / spread
        better = far < best
        best = np.where(better, far, best)
        chosen = {n: values.mask(better) for n, values in chosen.items()}
        chosen[name] = found.where(better)
    frame = frame.copy()
    for name, values in chosen.items():
        rows = values.notna().to_numpy()
        frame.loc[frame.index[bad[rows]], name] = values[rows].array
    return frame


def _moves(wish: Wish, name: str) -> bool:
    return wish.columns[name].type in ("integer", "number")


def _nearest(wish: Wish, expression: str, part: pd.DataFrame, name: str) -> pd.Series:
    """Return for each row the nearest value of a column that keeps a rule; missing for none."""
    column = wish.columns[name]
    low, high = column.range or (None, None)
    step = 1.0 if column.type == "integer" else 10.0 ** -wish.said(name).get("decimals", 0)
    found = pd.Series(None, index=part.index, dtype=part[name].dtype)
    left = part[part[name].notna()]
    width = max(2, min(2 * FURTHEST, _AT_ONCE // max(1, len(left))))
    moves = _outwards(step)
    for begin in range(0, len(moves), width):
        if not len(left):
            break
        tried = moves[begin : begin + width]
        many = left.loc[left.index.repeat(len(tried))]
        moved = many[name] + np.tile(tried, len(left)).astype(_kind(column.type))
        keeps = ~_breaks(expression, many.assign(**{name: moved}).reset_index(drop=True))
        keeps &= True if low is None else (moved >= low).to_numpy()
        keeps &= True if high is None else (moved <= high).to_numpy()
        grid = keeps.reshape(len(left), len(tried))
        solved = np.flatnonzero(grid.any(axis=1))
        first = solved * len(tried) + grid.argmax(axis=1)[solved]
        found.loc[left.index[solved]] = moved.iloc[first].array
        left = left.drop(left.index[solved])
    return found


def _outwards(step: float) -> npt.NDArray[np.float64]:
    """Return the moves 0, 1, -1, 2, -2 … in steps."""
    far = np.arange(1, FURTHEST + 1)
    return np.asarray(np.concatenate([[0], np.column_stack([far, -far]).ravel()]) * step)


def _kind(type_: str) -> str:
    return "int64" if type_ == "integer" else "float64"
