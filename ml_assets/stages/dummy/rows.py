"""Rows of a batch: all columns together, missing values, and another try for what does not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.stages.contract import broken, repeated, rules
from ml_assets.stages.dummy import times
from ml_assets.stages.dummy.columns import Places, values
from ml_assets.stages.dummy.mend import mended
from ml_assets.stages.dummy.wish import Wish

_ROUNDS = 30
"""So often rows are drawn again before there are fewer than asked for."""
_MISSING = 0.05
"""The share of missing values where nothing says one and they may be."""


def made(wish: Wish, count: int) -> pd.DataFrame:
    """Return at most `count` rows that keep the contract, in pandas' types with missing values.

    There are fewer where no more are found: of keys that differ, or that keep all rules. The same
    wish gives the same rows.
    """
    rng = np.random.default_rng(wish.seed)
    kept: pd.DataFrame | None = None
    first = 0
    for _ in range(_ROUNDS):
        short = count - (0 if kept is None else len(kept))
        if not short:
            break
        asked = short + short // 10 + 8
        drawn = mended(wish, _drawn(wish, asked, first, rng))
        first += asked
        both = drawn if kept is None else pd.concat([kept, drawn], ignore_index=True)
        kept = _good(wish, both).head(count)
    assert kept is not None
    return kept


def _good(wish: Wish, frame: pd.DataFrame) -> pd.DataFrame:
    warn = {rule.id for rule in rules(wish.contract) if rule.warn}
    good = np.ones(len(frame), dtype=np.bool_)
    for name, mask in broken(wish.contract, frame).items():
        if name not in warn:
            good &= ~mask
    good[list(repeated(wish.contract.key, frame, good))] = False
    return frame[good].reset_index(drop=True)


def _drawn(wish: Wish, count: int, first: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return rows that may break rules, or have another's key."""
    places = _places(wish, count, rng)
    at = None if wish.time is None else times.ordering(wish, wish.time, places[wish.time], rng)
    frame: dict[str, pd.Series] = {}
    for name, column in wish.columns.items():
        part = wish.said(name).get("of_time")
        if name in wish.fixed:
            frame[name] = pd.Series([wish.fixed[name]] * count, dtype="string[pyarrow]")
        elif name == wish.time and at is not None:
            frame[name] = at
        elif part is not None and at is not None:
            frame[name] = times.part(wish, at, part)
        elif column.type in ("timestamp", "date"):
            frame[name] = times.after(wish, name, places[name], at)
        else:
            frame[name] = values(wish, name, places[name], first)
    return _with_missing(wish, pd.DataFrame(frame), rng)


def _places(wish: Wish, count: int, rng: np.random.Generator) -> dict[str, Places]:
    """Return independent places for each column, but for those that are correlated."""
    from scipy.special import ndtr

    said = {name: rng.random(count) for name in wish.columns}
    known = wish.statistics.get("correlations")
    if known is None:
        return said
    # Of normal scores with this correlation, ranks have the stated one.
    matrix = 2 * np.sin(np.pi / 6 * np.array(known["matrix"]))
    scores = rng.standard_normal((count, len(matrix))) @ _root(matrix).T
    for place, name in enumerate(known["columns"]):
        if name in said:
            said[name] = np.asarray(ndtr(scores[:, place]))
    return said


def _root(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return a root of the nearest correlation matrix with no negative eigenvalue."""
    size, vectors = np.linalg.eigh(matrix)
    root = vectors * np.sqrt(np.clip(size, 0, None))
    length: npt.NDArray[np.float64] = np.sqrt((root**2).sum(axis=1, keepdims=True))
    return np.asarray(root / np.where(length > 0, length, 1.0))


def _with_missing(wish: Wish, frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    never = {*wish.contract.key, *wish.fixed, *([wish.time] if wish.time else [])}
    may = [n for n, c in wish.columns.items() if c.nullable and n not in never]
    gone: dict[str, Any] = {name: np.zeros(len(frame), dtype=np.bool_) for name in may}
    together = wish.statistics.get("missing_together")
    if together:
        shares = np.array([share for _, share in together])
        kind = rng.choice(len(together), size=len(frame), p=shares / shares.sum())
        for place, (names, _) in enumerate(together):
            for name in set(names) & set(may):
                gone[name] |= kind == place
    elif not wish.statistics:
        gone = {name: rng.random(len(frame)) < _MISSING for name in may}
    for name, mask in gone.items():
        frame[name] = frame[name].mask(mask)
    return frame
