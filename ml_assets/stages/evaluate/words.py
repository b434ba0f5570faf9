"""Figures formatted for people.

Belongs here: formatting. Does not belong here: figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, log10

from ml_assets.stages.metrics import parsed

MINUS = "\N{MINUS SIGN}"
NONE = "\N{EN DASH}"
NAMES = {
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "r2": "R²",
    "median_ae": "median absolute error",
    "log_loss": "log loss",
    "brier": "Brier score",
    "auc": "area under the ROC curve",
    "accuracy": "accuracy",
    "mape": "mean absolute error relative to the target",
    "f1": "F1",
    "average_precision": "average precision",
    "balanced_accuracy": "balanced accuracy",
    "rmsle": "root mean squared error of the logarithms",
    "poisson_deviance": "Poisson deviance",
    "pinball": "pinball loss",
    "recall_at_precision": "recall at a precision",
}
IN_UNIT = frozenset({"mae", "rmse", "median_ae", "pinball"})
LOSSES = {
    "mae": "absolute error",
    "median_ae": "absolute error",
    "rmse": "squared error",
    "r2": "squared error",
    "brier": "squared error of the probability",
    "log_loss": "log loss",
    "auc": "log loss",
    "accuracy": "share of misclassified rows",
    "mape": "absolute error relative to the target",
    "f1": "share of misclassified rows",
    "average_precision": "log loss",
    "balanced_accuracy": "share of misclassified rows",
    "rmsle": "squared error of the logarithms",
    "poisson_deviance": "Poisson deviance",
    "pinball": "pinball loss",
    "recall_at_precision": "log loss",
}
"""The per-row loss of a metric, in words; the closest loss if the metric is not a mean."""


def number(value: float | None, unit: str = "") -> str:
    """Return a figure for people: four digits, a true minus sign, a dash for none.

    >>> number(13.1512, "min"), number(0.025141), number(123456.0)
    ('13.15 min', '0.02514', '123,456')
    """
    if value is None:
        return NONE
    text = f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:#.4g}".rstrip(".")
    return text.replace("-", MINUS) + (f" {unit}" if unit else "")


def span(pair: Sequence[float | None] | None) -> str:
    """Return "low to high", a dash for none."""
    if pair is None or pair[0] is None:
        return NONE
    return f"{number(pair[0])} to {number(pair[1])}"


def difference(value: float | None, around: Sequence[float] | None) -> tuple[str, str]:
    """Return a difference and its interval, to two digits of the interval's width.

    >>> difference(0.05696, [0.0115, 0.0882]), difference(1234.5, [-20.0, 2600.0])[0]
    (('0.057', '0.011 to 0.088'), '1,234')
    """
    if value is None or around is None or around[0] == around[1]:
        return number(value), span(around)
    digits = max(0, 1 - floor(log10(around[1] - around[0])))
    low, middle, high = (
        f"{round(part, digits) + 0.0:,.{digits}f}".replace("-", MINUS)
        for part in (around[0], value, around[1])
    )
    return middle, f"{low} to {high}"


def level(value: float) -> str:
    """Return a confidence level: 95%."""
    return f"{value * 100:.4g}%"


def name(metric: str) -> str:
    """Return a metric's name in words, with its number.

    >>> name("auc"), name("recall_at_precision_0.9"), name("pinball_0.9")
    ('area under the ROC curve', 'recall at a precision of 0.9', 'pinball loss of 0.9')
    """
    plain, number = parsed(metric)
    return NAMES[plain] if number is None else f"{NAMES[plain]} of {number:g}"


def loss(metric: str) -> str:
    """Return the per-row loss of a metric in words."""
    return LOSSES[parsed(metric)[0]]


def title(metric: str) -> str:
    """Return a metric's name with a capital.

    >>> title("auc")
    'Area under the ROC curve'
    """
    return name(metric)[0].upper() + name(metric)[1:]


def unit_of(metric: str, unit: str | None) -> str:
    """Return the target's unit if a metric has it, otherwise nothing."""
    return (unit or "") if parsed(metric)[0] in IN_UNIT else ""


def loss_unit(metric: str, unit: str | None) -> str:
    """Return the unit of a metric's per-row loss."""
    metric, _ = parsed(metric)
    if not unit or metric not in ("mae", "median_ae", "pinball", "rmse", "r2"):
        return ""
    return f"{unit}²" if metric in ("rmse", "r2") else unit


def said(value: float) -> str:
    """Return three digits for a sentence, with a true minus sign.

    >>> said(0.012345), said(12345.6)
    ('0.0123', '12,346')
    """
    text = f"{value:,.0f}" if 1e3 <= abs(value) < 1e15 else f"{value:.3g}"
    return text.replace("-", MINUS)


def size(count: int) -> str:
    """Return bytes in thousands or millions.

    >>> size(812), size(45_300), size(2_140_000)
    ('812 B', '45 kB', '2.1 MB')
    """
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1e6:.1f} MB"


def share(value: float) -> str:
    """Return a share in percent, with more digits if it is small.

    >>> share(0.1234), share(0.00012)
    ('12.3%', '0.012%')
    """
    return f"{value:.1%}" if value == 0 or abs(value) >= 0.001 else f"{value * 100:.2g}%"
