"""The families that a new model tries: a baseline, a linear model and trees that fit the rows.

Belongs here: the portfolio and its settings by the number of rows. Does not belong here: families
themselves.
"""

from __future__ import annotations

from ml_assets.scaffold.target import Target
from ml_assets.spec.metrics import plain
from ml_assets.spec.text import one_line

HUGE = 100_000
SMALL = 2_000
"""Labelled rows below which the family is chosen by cross-validation."""


SECONDS = 60.0
"""CPU seconds that CatBoost may take to choose a candidate and fit it again."""
FITS = (6, 2)
"""How often it is then fitted: by cross-validation, and on one fold."""
TREES, FEWEST = 1000, 50
DEPTHS = (6, 4)
"""CatBoost's own depth, and that for tables on which it takes too long."""
_BEST = {
    "rmse": "mean",
    "r2": "mean",
    "rmsle": "mean",
    "poisson_deviance": "mean",
    "pinball": "quantile",
}
"""The constant that is best by a metric, where it is not the median."""
BORDERS = 254
"""Most values of a column between which CatBoost looks for a split."""


def borders(distinct: int, category: bool, classes: int, one_hot: int = 10) -> int:
    """Return how many splits CatBoost tries of a column: it sees categories as numbers."""
    if category and distinct > one_hot:
        return min(distinct, BORDERS) * max(classes - 1, 1)
    return min(distinct, BORDERS)


def training_lines(target: Target, folds: float, splits: int) -> list[str]:
    """Return the lines of `training`; `folds` is the share of the labelled rows that train.

    `splits` is the number of splits that CatBoost tries of all inputs.
    """
    about = f"  # {one_line(target.about_metric)}" if target.about_metric else ""
    lines = ["  training:", f"    metric: {target.metric}{about}"]
    if target.labelled < SMALL:
        lines.append("    selection: cross_validation  # one fold of so few rows chooses by chance")
    rows = int(target.labelled * folds)
    baseline = "median" if target.task == "regression" else "prior"
    best = _BEST.get(plain(target.metric)) if target.task == "regression" else None
    other = [f"      {best}: {{family: {best}}}"] if best else []
    settings = ", ".join(f"{name}: {value}" for name, value in _lightgbm(rows).items())
    return [
        *lines,
        "    families:",
        f"      {baseline}: {{family: {baseline}}}  # what a model must beat",
        *other,
        "      linear: {family: linear}",
        f"      lightgbm: {{family: lightgbm, {settings}}}",
        _catboost(target, splits),
        "      blend: {family: blend, of: [catboost, lightgbm, linear]}",
    ]


def _catboost(target: Target, splits: int) -> str:
    """Return CatBoost's line, smaller than by default where that would take too long."""
    fits = FITS[0] if target.labelled < SMALL else FITS[1]
    outputs = len(target.classes) if target.task == "multiclass" else 1
    first = seconds(splits, outputs, DEPTHS[0]) * fits
    if first * TREES <= SECONDS:
        return "      catboost: {family: catboost}"
    trees = int(SECONDS / (seconds(splits, outputs, DEPTHS[1]) * fits))
    few = f", num_trees: {max(trees // 50 * 50, FEWEST)}" if trees < TREES else ""
    about = f"by default up to {first * TREES / 60:.0f} CPU minutes for these inputs"
    return f"      catboost: {{family: catboost, depth: {DEPTHS[1]}{few}}}  # {about}"


def seconds(splits: int, outputs: int, depth: int) -> float:
    """Return about how many CPU seconds a tree of CatBoost takes on a table of few rows.

    Measured with CatBoost 1.2 on one core; each level weighs every split of every column in every
    leaf.
    """
    return splits * (1.3e-7 + 1.6e-8 * 2.0**depth) * (1 if outputs == 1 else 0.8 * outputs)


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
