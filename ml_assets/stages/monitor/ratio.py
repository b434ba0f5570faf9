"""How much more often than in the reference a batch has rows like this one: the density ratio.

Belongs here: weights of the reference's rows. Does not belong here: what is weighted by them.

A classifier tells the batch's rows from the reference's; its odds are the ratio (S. Bickel, M.
Brückner, T. Scheffer, Discriminative Learning for Differing Training and Test Distributions, ICML
2007). A row's odds come from a classifier that has not seen it, or the two would always differ.
"""

from __future__ import annotations

import numpy as np

from ml_assets.stages.metrics import Array
from ml_assets.stages.monitor import trees
from ml_assets.stages.monitor.reference import NotEstimable, evenly

MOST = 10_000
"""Rows of each side from which the classifier learns."""
ROUNDS = 30
FEWEST = 30
"""Rows of equal weight that the weighted ones must be worth."""


def weights(reference: Array, batch: Array, seed: int) -> Array:
    """Return a weight for each row of the reference (n,), with a mean of 1.

    Raise NotEstimable if few rows of the reference are like the batch: (sum w)² / sum w² is the
    number of rows that they are worth (L. Kish, Survey Sampling, 1965).
    """
    ratios = np.empty(len(reference))
    for part in (0, 1):
        asked = np.arange(len(reference)) % 2 == part
        known, new = reference[~asked], batch[part::2] if len(batch) > 1 else batch
        known = known[evenly(len(known), MOST)]
        new = new[evenly(len(new), MOST)]
        side = np.repeat([0.0, 1.0], [len(known), len(new)])
        booster = trees.learned(np.vstack([known, new]), side, "binary", ROUNDS, seed)
        share = np.clip(trees.said(booster, reference[asked]), 1e-6, 1 - 1e-6)
        ratios[asked] = share / (1 - share) * len(known) / len(new)
    ratios /= ratios.mean()
    worth = float(ratios.sum() ** 2 / np.square(ratios).sum())
    if worth < FEWEST:
        raise NotEstimable(
            f"the batch is unlike the reference: weighted to be like it, its {len(reference):,} "
            f"rows are worth {worth:.0f}, wanted at least {FEWEST}"
        )
    return ratios
