"""Metrics of a regression from the errors that rows like these had (direct loss estimation).

Belongs here: learning a row's loss from its features and prediction. Does not belong here:
classifiers (`cbpe`), intervals (`estimates`).

Trees learn the loss of each row of the reference; the mean of what they say is the estimate
(NannyML, Direct Loss Estimation, 2022). Weighted by a density ratio, the mean of what they missed
on the reference, out of fold, is added: right if either the trees or the ratio are (doubly robust:
J. Robins, A. Rotnitzky, L. Zhao, JASA 89, 1994).
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from ml_assets.stages.evaluate.losses import row_losses
from ml_assets.stages.metrics import Array
from ml_assets.stages.monitor import trees
from ml_assets.stages.monitor.reference import NotEstimable, Reference, evenly, inputs

SUPPORTED = ("mae", "rmse", "mape")
ROUNDS = 60
MOST = 20_000
"""Rows from which the trees learn, evenly spaced over the reference."""


class Dle:
    """The estimate of one metric from the losses of a reference; trees are grown when needed."""

    def __init__(self, metric: str, known: Reference, seed: int) -> None:
        """Compute the losses; raise NotEstimable if one of them has no value."""
        self._metric, self._seed = metric, seed
        with np.errstate(divide="ignore", invalid="ignore"):
            self._loss = row_losses(metric, known.target, known.prediction)
        if not np.isfinite(self._loss).all():
            raise NotEstimable(f"{metric} has no value for some rows of the reference")
        self._matrix = inputs(known.features, known.prediction)

    def value(self, features: Array, prediction: Array, weight: Array | None) -> float:
        """Return the metric of a batch, corrected by what weighted rows (n,) say if asked."""
        mean = float(trees.said(self._trees, inputs(features, prediction)).mean())
        if weight is not None:
            mean += float(np.average(self._missed, weights=weight))
        mean = max(mean, 0.0)
        return float(np.sqrt(mean)) if self._metric == "rmse" else mean

    @cached_property
    def _trees(self) -> Any:
        return self._grown(np.arange(len(self._loss)))

    @cached_property
    def _missed(self) -> Array:
        """Each row's loss minus what trees say that have not seen its half of the rows."""
        rows, missed = np.arange(len(self._loss)), np.empty(len(self._loss))
        for part in (0, 1):
            asked = rows % 2 == part
            grown = self._grown(rows[~asked])
            missed[asked] = self._loss[asked] - trees.said(grown, self._matrix[asked])
        return missed

    def _grown(self, rows: Any) -> Any:
        taken = rows[evenly(len(rows), MOST)]
        return trees.learned(
            self._matrix[taken], self._loss[taken], "regression", ROUNDS, self._seed
        )
