"""Rolling origin: the newest batches are test, then validation, all older ones train.

Belongs here: folds in time. Does not belong here: keys and ranges (`ranges`).
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ml_assets.stages.keys import Ints
from ml_assets.stages.result import Result
from ml_assets.stages.split.ranges import Mask, SplitRows, duplicates, read, result

if TYPE_CHECKING:
    from ml_assets.spec.split import SplitRule, TimeSplit
    from ml_assets.stages.result import Handle

OUT, TRAIN, VALIDATION, TEST = range(4)


def split(spec: SplitRule, *, features: Mapping[str, Handle]) -> Result:
    """Return `train`, `validation`, `test` (row ranges) and `summary` (JSON).

    `features` are the effective batches in calendar order. A row belongs to the first of them
    that holds its key, with the values of the last. A batch is usable, and takes a slot, if it
    has rows and at least `min_labelled` of them have a label by their latest values; one that
    only repeats older rows takes a slot too, or its neighbours would move back. Shares (`15%`)
    are of the labelled rows of usable batches, by the event time of a row's first occurrence,
    then calendar and source order; they may cut a batch. Rows of one event time stay together, in
    the newer fold, and with `block: day` those of one day (UTC), so shares are approximate.
    Labelled rows of unusable batches are train if older than all of validation and test,
    otherwise out.

    As batches arrive, a row only moves from test to validation, train, out: always with numbers
    of batches; with shares as long as new rows are newer. (Rolling origin: Tashman 2000.)
    """
    rule: TimeSplit = spec.split  # type: ignore[assignment]
    counted = isinstance(rule.test, int) and isinstance(rule.validation, int)
    rows = read(features, [] if counted else ["_time"])
    share = _labelled_share(rows)
    slots = np.flatnonzero((share > 0) & (share >= rule.min_labelled))
    waiting = duplicates(rows, spec.on_duplicate_key) or _too_few(rule, rows, share, slots)
    fold = np.full(len(rows), OUT, dtype=np.int8)
    if waiting is None:
        fold = _folds(rule, rows, share, slots, spec.block)
        waiting = _empty(rule, fold, slots)
    masks = {"train": fold == TRAIN, "validation": fold == VALIDATION, "test": fold == TEST}
    return result(rows, masks, waiting)


def _labelled_share(rows: SplitRows) -> NDArray[np.float64]:
    """Return, for each batch, the share of its rows with a label; -1 where it has no rows."""
    size = np.diff(rows.offsets)
    known = rows.at_last(rows.labelled)
    labelled = np.array([known[start:stop].sum() for start, stop in pairwise(rows.offsets)])
    return np.where(size > 0, labelled / np.maximum(size, 1), -1.0)


def _folds(
    rule: TimeSplit, rows: SplitRows, share: NDArray[np.float64], slots: Ints, block: str | None
) -> NDArray[np.int8]:
    """Return the fold of each row."""
    number = np.arange(len(share))
    pool = rows.usable & rows.at_home(np.isin(number, slots))
    if isinstance(rule.test, int) and isinstance(rule.validation, int):
        oldest = int(slots[-rule.test - rule.validation])
        newest = oldest - 1
        test = pool & rows.at_home(number >= slots[-rule.test])
        held = pool & rows.at_home(number >= oldest)
        learn = rows.usable & rows.at_home(number < oldest)
    else:
        ends = _share(rule.test), _share(rule.test) + _share(rule.validation)
        test, held = (_newest(rows, pool, end, block) for end in ends)
        home = rows.at_home(number)
        oldest = int(home[held].min(initial=len(share)))
        learn = (pool & ~held) | (rows.usable & (home < oldest))
        newest = int(home[learn].max(initial=-1))
    if rule.window is not None:
        taught = np.flatnonzero(share[: newest + 1] > 0)[-rule.window :]
        learn &= rows.at_home(np.isin(number, taught))
    fold = np.full(len(pool), OUT, dtype=np.int8)
    fold[learn], fold[held], fold[test] = TRAIN, VALIDATION, TEST
    return fold


def _share(size: int | str) -> Fraction:
    return Fraction(str(size).rstrip("%")) / 100


def _newest(rows: SplitRows, pool: Mask, share: Fraction, block: str | None) -> Mask:
    """Return the newest rows of the pool: a share, and all of the same time as its oldest."""
    candidates = np.flatnonzero(pool)
    time = np.asarray(rows.extra["_time"].to_numpy(), dtype="datetime64[us]")
    time = time.astype("datetime64[D]") if block == "day" else time
    first = rows.first[candidates]
    # A missing time is the smallest number.
    order = np.lexsort((first, time[first].view(np.int64)))
    # Rounded down and counted from the newest row, so no row moves back.
    start = len(order) - int(share * len(order))
    known = time[first][order]
    if start < len(order) and not np.isnat(known[start]):
        start = int(np.searchsorted(known.view(np.int64), known[start].view(np.int64)))
    mask = np.zeros(len(pool), dtype=bool)
    mask[candidates[order[start:]]] = True
    return mask


def _too_few(
    rule: TimeSplit, rows: SplitRows, share: NDArray[np.float64], slots: Ints
) -> str | None:
    """Return a message on missing usable batches and on unusable ones, or None."""
    sizes = {"test": rule.test, "validation": rule.validation}
    whole = {name: size for name, size in sizes.items() if isinstance(size, int)}
    needed = sum(whole.values()) + 1
    if len(slots) >= needed:
        return None
    parts = ", ".join([*(f"{size} {name}" for name, size in whole.items()), "at least 1 train"])
    names = ", ".join(rows.batches[number] for number in slots.tolist())
    text = f"needs {needed} usable batches ({parts}), has {len(slots)}"
    left = [
        f"{rows.batches[number]} ({'no rows' if value < 0 else f'{100 * value:.0f}% labelled'})"
        for number, value in enumerate(share.tolist())
        if number not in slots
    ]
    return (
        text
        + (f": {names}" if names else "")
        + (f"; not usable: {', '.join(left)}" if left else "")
    )


def _empty(rule: TimeSplit, fold: NDArray[np.int8], slots: Ints) -> str | None:
    """Return a message on folds without rows, or None."""
    folds = {"train": TRAIN, "validation": VALIDATION, "test": TEST}
    empty = [name for name, number in folds.items() if not (fold == number).any()]
    if not empty:
        return None
    return (
        f"needs labelled rows in every fold (test {rule.test}, validation {rule.validation}), "
        f"has none for {' and '.join(empty)}: {int((fold != OUT).sum())} rows "
        f"in {len(slots)} usable batches"
    )
