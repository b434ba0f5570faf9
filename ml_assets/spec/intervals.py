"""Prediction intervals of a model, and what calibrating and measuring them depends on."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ml_assets.spec.base import Names, Resamples, Spec


class PredictionIntervals(Spec):
    """An interval around each predicted number, or a set of classes, by conformal prediction."""

    coverage: Annotated[float, Field(ge=0.5, lt=1)] = 0.9
    """The share of rows whose true value should lie in the interval, or in the set."""
    by: Names = ()
    """Features (category, boolean or integer) whose values get an interval width of their own.
    Of several, each combination. Values with too few rows (34 for 0.9) have the width for all."""


class CalibrateSpec(Spec):
    """Everything that calibrating intervals depends on besides the model and its rows."""

    task: Literal["regression", "binary", "multiclass"]
    coverage: float
    by: Names = ()
    hidden: Names = ()
    """Features of `by` that are not used, since their values may not be shown."""


class CoverageSpec(CalibrateSpec):
    """Everything that measuring the coverage of intervals on test depends on."""

    level: float
    resamples: Resamples
    block: Literal["day", "row"]
    """What is drawn with replacement, besides rows."""
    slices: Names = ()
    seed: int
