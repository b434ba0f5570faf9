"""Steps of a linear model at a site, from the coefficients of all sites.

Belongs here: one site's steps, and how much one row can change them. Does not belong here: adding
noise and averaging, which are Flower's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .rows import inputs

Array = NDArray[np.float64]
STEPS = 25
"""Steps of a site in a round."""
LONGEST = 8.0
"""Longest row, in standard deviations; longer ones count as one of this length."""


def standardized(plan: Mapping[str, Any], values: Array) -> Array:
    """Return the matrix (n, width + 1) that coefficients multiply; the last column is of ones."""
    columns = [np.ones(len(values))]
    for about, column in zip(inputs(plan), values.T, strict=True):
        if "cuts" in about:
            known = (column - about["mean"]) / about["scale"]
            columns.append(np.where(np.isnan(column), 0.0, known))
        else:
            columns.append(column)
    return np.column_stack([*columns[1:], columns[0]])


def scores(plan: Mapping[str, Any], coefficients: Array, rows: Array) -> Array:
    """Return the scores (n,) of standardized rows, on the scale of the target or of log-odds."""
    return np.asarray(plan["start"] + plan["pull"] * (rows @ coefficients))


def stepped(plan: Mapping[str, Any], coefficients: Array, rows: Array, target: Array) -> Array:
    """Return the coefficients after some steps down the site's loss.

    The loss is Huber's or the logistic one, so a row pulls at most with its own length; the step is
    short enough that two sites that differ in one row never get farther apart in a step than by
    what that row pulls.
    """
    length = np.linalg.norm(rows, axis=1)
    rows = rows * np.minimum(1.0, LONGEST / np.maximum(length, 1e-12))[:, None]
    goal = target
    if plan["task"] == "regression":
        goal = (np.clip(target, plan["low"], plan["high"]) - plan["start"]) / plan["pull"]
    decay = plan["lambda_l2"] / len(rows)
    found = np.array(coefficients, dtype=np.float64)
    for _ in range(STEPS):
        if plan["task"] == "regression":
            off = np.clip(rows @ found - goal, -1.0, 1.0)
        else:
            off = 1 / (1 + np.exp(-(plan["start"] + rows @ found))) - goal
        found -= step(plan) * (rows.T @ off / len(rows) + decay * found)
    return found


def step(plan: Mapping[str, Any]) -> float:
    """Return the length of a step: the inverse of the loss's greatest curvature."""
    return 1.0 / ((1.0 if plan["task"] == "regression" else 0.25) * LONGEST**2 + 1.0)


def sensitivity(plan: Mapping[str, Any], rows: int) -> float:
    """Return how far apart one other row among so many takes the coefficients at most.

    Steps of a convex, smooth loss bring two points no farther apart (Hardt et al., "Train faster,
    generalize better", 2016), so each step adds what one row pulls, twice.
    """
    return STEPS * step(plan) * 2 * LONGEST / rows
