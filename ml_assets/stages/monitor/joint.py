"""Do the inputs differ jointly? A classifier that tells the batch's rows from the training's.

Belongs here: the classifier two-sample test (D. Lopez-Paz, M. Oquab, Revisiting Classifier
Two-Sample Tests, 2017) and its limit. Does not belong here: single columns (`shift`).

Its AUC is measured on blocks that it was not fitted on; 0.5 is no difference. Blocks (days) differ
from each other even where nothing has changed, so the limit is the largest AUC between blocks
drawn from the training and the others: of k draws, one more like them exceeds all with a
probability of 1 / (k + 1).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import lightgbm
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml_assets.stages import metrics
from ml_assets.stages.evaluate import bootstrap
from ml_assets.stages.quality import arrays
from ml_assets.stages.quality.calibrate import FEWEST_BLOCKS
from ml_assets.stages.quality.encode import FEW, coded

Known = Mapping[str, Any]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
BLOCK = "_block"
ROUNDS = 30
MOST_DRAWS = 99
NAMED = 3
"""Columns that are named as telling batch and training apart."""
RESAMPLES = 200


def coded_rows(rows: pa.Table, inputs: Known) -> dict[str, Ints]:
    """Return each compared column of rows in the bins of the training rows, (n,) by name."""
    present = set(rows.column_names)
    return {
        name: coded(rows.column(name), known).codes
        for name, known in inputs["columns"].items()
        if name in present
    }


def null(sample: pa.Table, typical: int, block: str, rate: float, seed: int) -> dict[str, Any]:
    """Return {"limit", "blocks", "draws"} of batches like the training rows, or {"why"}.

    `typical` is the size of a batch in blocks, of which at most half of the training's are drawn.
    """
    blocks, place = arrays.numbered(_int(sample, BLOCK))
    names = [name for name in sample.column_names if name != BLOCK]
    if blocks < FEWEST_BLOCKS or not names or len(sample) < 2 * FEW:
        why = (
            f"the training rows have {blocks:,} blocks ({block}) and {len(names):,} compared "
            f"columns, wanted at least {FEWEST_BLOCKS} and 1"
        )
        return {"why": why}
    size = int(np.clip(typical, 1, blocks // 2))
    draws = min(math.ceil(1 / rate) - 1, MOST_DRAWS)
    random, values = np.random.default_rng(seed), _matrix(sample, names)
    areas = []
    for _ in range(draws):
        new = np.isin(place, random.choice(blocks, size, replace=False))
        if min(new.sum(), (~new).sum()) >= 2:
            areas.append(metrics.auc(new.astype(np.float64), _scores(values, new, place, seed)[0]))
    if not areas:
        return {"why": "too few training rows to draw a batch from"}
    return {"limit": max(areas), "blocks": size, "total": blocks, "draws": len(areas)}


def told_apart(
    batch: Mapping[str, Ints],
    blocks: Ints,
    sample: pa.Table,
    limits: Known,
    level: float,
    seed: int,
) -> dict[str, Any]:
    """Return {"auc", "low", "high", "threshold", "over", "by": columns that tell most, "why"}.

    As many rows of each side are compared as in the draws of the limit. The threshold is None if
    the batch has fewer than half, or more than twice, the blocks of a usual one.
    """
    names = [name for name in sample.column_names if name in batch]
    total, size = limits["total"], limits["blocks"]
    ours = _evenly(len(blocks), max(len(sample) * size // total, 2))
    theirs = _evenly(len(sample), max(len(sample) * (total - size) // total, 2))
    values = np.vstack(
        [
            _matrix(sample, names)[theirs],
            np.column_stack([batch[name][ours] for name in names]).astype(np.float64),
        ]
    )
    new = np.arange(len(values)) >= len(theirs)
    _, mine = arrays.numbered(blocks[ours])
    _, place = arrays.numbered(_int(sample, BLOCK)[theirs])
    group = np.concatenate([place, mine])
    scores, gains = _scores(values, new, group, seed)
    apart = np.where(new, group + total, group)
    draws = bootstrap.drawn(np.unique(apart, return_inverse=True)[1], "block", RESAMPLES, seed)
    every = np.zeros(len(new), np.int64)
    spread = bootstrap.distribution("auc", new.astype(np.float64), scores, draws, every, 1)
    low, high = bootstrap.interval(spread[:, 0], level) or (None, None)
    auc = metrics.auc(new.astype(np.float64), scores)
    held = len(np.unique(blocks[blocks >= 0]))
    usual = size / 2 <= held <= size * 2
    most = [names[n] for n in np.argsort(-gains, kind="stable")[:NAMED] if gains[n] > 0]
    document = {
        "auc": auc,
        "low": low,
        "high": high,
        "threshold": limits["limit"] if usual else None,
        "over": usual and auc > limits["limit"],
        "by": most,
    }
    if not usual:
        document["why"] = f"the batch has {held:,} blocks, a usual one {size:,}: no limit fits"
    return document


def _scores(
    values: Floats, new: NDArray[np.bool_], group: Ints, seed: int
) -> tuple[Floats, Floats]:
    """Return each row's score by a classifier that saw no row of its block, and the gains.

    Each side is halved by its blocks, or by rows if it has only one.
    """
    half = np.zeros(len(new), np.int64)
    for side in (new, ~new):
        groups, place = np.unique(group[side], return_inverse=True)
        turn = np.random.default_rng(seed).permutation(len(groups)) % 2
        half[side] = turn[place] if len(groups) > 1 else np.arange(int(side.sum())) % 2
    scores, gains = np.full(len(new), 0.5), np.zeros(values.shape[1])
    for part in (0, 1):
        fitted, asked = half != part, half == part
        if not asked.any() or len(np.unique(new[fitted])) < 2:
            continue
        model = lightgbm.train(
            {
                "objective": "binary",
                "num_leaves": 15,
                "learning_rate": 0.1,
                "min_data_in_leaf": 20,
                "verbose": -1,
                "num_threads": 1,
                "seed": seed,
                "deterministic": True,
                "force_row_wise": True,
                "is_unbalance": True,
            },
            lightgbm.Dataset(values[fitted], new[fitted].astype(np.float64)),
            ROUNDS,
        )
        scores[asked] = np.asarray(model.predict(values[asked], num_threads=1))
        gains += model.feature_importance("gain")
    return scores, gains


def _matrix(sample: pa.Table, names: list[str]) -> Floats:
    return np.column_stack([_int(sample, name) for name in names]).astype(np.float64)


def _int(sample: pa.Table, name: str) -> Ints:
    return np.asarray(sample[name].to_numpy(), dtype=np.int64)


def _evenly(rows: int, most: int) -> Ints:
    return np.unique(np.linspace(0, rows - 1, min(rows, most)).astype(np.int64))
