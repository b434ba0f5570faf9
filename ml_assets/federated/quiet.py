"""The rounds of a linear model without masks and without noise, where all rows are at hand.

Belongs here: the same steps as the sites', one after the other. Does not belong here: the rounds
themselves, which never see rows of two sites together (`app`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ml_assets.federated.app.ml_assets_rounds import linear
from ml_assets.federated.app.ml_assets_rounds.rows import Site, inputs
from ml_assets.stages.train.encode import Array


def coefficients(plan: Mapping[str, Any], folders: Mapping[str, Path], rounds: int) -> Array:
    """Return the mean coefficients of sites after some rounds, each weighted by its rows."""
    sites = [Site(folder, plan) for folder in folders.values()]
    rows = [linear.standardized(plan, site.values("train")) for site in sites]
    targets = [site.target("train") for site in sites]
    found = np.zeros(len(inputs(plan)) + 1)
    for _ in range(rounds):
        steps = [
            linear.stepped(plan, found, values, target)
            for values, target in zip(rows, targets, strict=True)
        ]
        found = np.average(steps, axis=0, weights=[len(target) for target in targets])
    return found
