"""Metrics of a classifier from its own probabilities (confidence-based performance estimation).

Belongs here: calibrating probabilities, and the metric that is expected of them. Does not belong
here: regression (`dle`), intervals (`estimates`).

If of all rows to which the model gives 0.8 eight in ten are of the class, probabilities alone say
how often it is right (J. Białek, J. Kivimäki, W. Kuberski, N. Perrakis, Estimating Model
Performance Under Covariate Shift Without Labels, 2024: CBPE, and weighted by a density ratio PAPE).
So probabilities are calibrated on the reference, one class against the others, and each row then
counts as a row of every class, to the share that its calibrated probability is.
"""

from __future__ import annotations

import numpy as np

from ml_assets.stages import metrics
from ml_assets.stages.metrics import Array
from ml_assets.stages.monitor.reference import NotEstimable, Reference

SUPPORTED = frozenset(
    {"log_loss", "brier", "accuracy", "auc", "f1", "average_precision", "balanced_accuracy"}
)
ISOTONIC = 1000
"""Rows from which calibration may be any rising curve (isotonic; A. Niculescu-Mizil, R. Caruana,
Predicting Good Probabilities With Supervised Learning, 2005); with fewer it is a logistic one (J.
Platt, 1999)."""
_TINY = 1e-6


class Cbpe:
    """The estimate of one metric from the probabilities of a reference."""

    def __init__(self, metric: str, known: Reference) -> None:
        """Raise NotEstimable if all targets that the model knows are of one class."""
        if len(np.unique(known.target[known.target >= 0])) < 2:
            raise NotEstimable("all rows of the reference are of one class")
        self._metric, self._known = metric, known

    def value(self, features: Array, prediction: Array, weight: Array | None) -> float:
        """Return the metric of a batch, with the reference's rows weighted (n,) if asked.

        Raise NotEstimable if it has no value.
        """
        share = calibrated(self._known.prediction, self._known.target, prediction, weight)
        return expected(self._metric, prediction, share)


def calibrated(known: Array, target: Array, prediction: Array, weight: Array | None) -> Array:
    """Return the calibrated probability (n, k) of each class of a batch.

    `known` are the reference's probabilities, with its targets.
    """
    usable, weight = target >= 0, np.ones(len(target)) if weight is None else weight
    columns = [
        _one(_by_class(known)[usable, k], target[usable] == k, both, weight[usable])
        for k, both in enumerate(_by_class(prediction).T)
        if known.ndim == 2 or k == 1
    ]
    if known.ndim == 1:
        return np.column_stack([1 - columns[0], columns[0]])
    share = np.column_stack(columns)
    total = share.sum(axis=1, keepdims=True)
    # A batch may hold a row to which every class's curve gives nothing.
    return np.where(total > 0, share / np.where(total > 0, total, 1), 1 / share.shape[1])


def expected(metric: str, prediction: Array, share: Array) -> float:
    """Return a metric of predictions if class k is the truth of a row with probability `share`.

    Of rows that count to a share, means and sums are exact expectations; AUC, F1, balanced accuracy
    and average precision are ratios of them. Raise NotEstimable if a metric lacks a class.
    """
    classes = np.arange(share.shape[1], dtype=np.float64)
    row, target = (
        np.repeat(np.arange(len(share)), len(classes)),
        np.tile(classes, len(share)),
    )
    said, weight = prediction[row], share.ravel()
    if metric in ("log_loss", "brier", "accuracy"):
        losses = {
            "log_loss": metrics.log_losses,
            "brier": metrics.squared_errors,
            "accuracy": metrics.hits,
        }[metric](target, said)
        return float((losses * weight).sum() / weight.sum())
    if np.count_nonzero(share.sum(axis=0) > _TINY) < 2:
        raise NotEstimable("all rows of the batch are expected to be of one class")
    return _ratio(metric, target, said, weight)


def _ratio(metric: str, target: Array, prediction: Array, weight: Array) -> float:
    from sklearn import metrics as weighted

    if metric == "auc":
        return float(weighted.roc_auc_score(target, prediction, sample_weight=weight))
    if metric == "average_precision":
        return float(weighted.average_precision_score(target, prediction, sample_weight=weight))
    said, several = metrics.likeliest(prediction), prediction.ndim == 2
    if metric == "f1":
        how = {"average": "macro"} if several else {"pos_label": 1.0}
        return float(weighted.f1_score(target, said, sample_weight=weight, zero_division=0, **how))
    present = [k for k in np.unique(target) if weight[target == k].sum() > _TINY]
    right = (said == target) * weight
    return float(np.mean([right[target == k].sum() / weight[target == k].sum() for k in present]))


def _by_class(prediction: Array) -> Array:
    if prediction.ndim == 2:
        return prediction
    return np.column_stack([1 - prediction, prediction])


def _one(known: Array, happened: Array, asked: Array, weight: Array) -> Array:
    """Return the calibrated probability of one class for the rows that are asked."""
    from sklearn.isotonic import IsotonicRegression
    from sklearn.linear_model import LogisticRegression

    happened = happened.astype(np.float64)
    if happened.min() == happened.max():
        return np.full(len(asked), happened[0])
    if len(known) >= ISOTONIC:
        curve = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
        return np.asarray(curve.fit(known, happened, weight).predict(asked))
    line = LogisticRegression(C=1e3)
    line.fit(_logit(known), happened, sample_weight=weight)
    return np.asarray(line.predict_proba(_logit(asked))[:, 1])


def _logit(share: Array) -> Array:
    inside = np.clip(share, _TINY, 1 - _TINY)
    return np.log(inside / (1 - inside))[:, None]
