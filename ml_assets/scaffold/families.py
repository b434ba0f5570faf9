"""The families that a new model tries: a baseline, a linear model and trees that fit the rows.

Belongs here: the portfolio and its settings by the number of rows. Does not belong here: families
themselves.
"""

from __future__ import annotations

from ml_assets.scaffold.target import Target

HUGE = 100_000
SMALL = 2_000
"""Labelled rows below which the family is chosen by cross-validation."""


def training_lines(target: Target, folds: float) -> list[str]:
    """Return the lines of `training`; `folds` is the share of the labelled rows that train."""
    about = f"  # {target.about_metric}" if target.about_metric else ""
    lines = ["  training:", f"    metric: {target.metric}{about}"]
    if target.labelled < SMALL:
        lines.append("    selection: cross_validation  # one fold of so few rows chooses by chance")
    rows = int(target.labelled * folds)
    baseline = "median" if target.task == "regression" else "prior"
    settings = ", ".join(f"{name}: {value}" for name, value in _lightgbm(rows).items())
    return [
        *lines,
        "    families:",
        f"      {baseline}: {{family: {baseline}}}  # what a model must beat",
        "      linear: {family: linear}",
        f"      lightgbm: {{family: lightgbm, {settings}}}",
        "      catboost: {family: catboost}",
        "      blend: {family: blend, of: [catboost, lightgbm, linear]}",
    ]


def _lightgbm(rows: int) -> dict[str, float]:
    """Return settings with leaves that fit the rows; the defaults are for a hundred thousand."""
    if rows >= HUGE:
        return {"num_trees": 1000, "num_leaves": 63}
    leaves = 31 if rows >= 10_000 else 15 if rows >= 1_000 else 7
    least = max(3, min(100, rows // 100))
    rate = 0.1 if rows >= 10_000 else 0.05
    return {
        "num_trees": 1000,
        "learning_rate": rate,
        "num_leaves": leaves,
        "min_data_in_leaf": least,
    }
