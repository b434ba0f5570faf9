"""Two models on few rows: both learned again and again on parts of all rows, on the same parts.

Belongs here: repeated cross-validation of what made the candidate and the champion, and a limit on
how much worse the candidate is. Does not belong here: the comparison of the models themselves on
rows that neither has seen (`compare`), the verdict (`rules`).

What is compared is how each model is made (family, settings, number of trees), on partitions by
which neither was chosen. The differences of the parts are not independent, since the rows that
are learned from overlap; their variance is enlarged by held-out over learned rows (Nadeau and
Bengio, "Inference for the Generalization Error", Machine Learning 52, 2003; for repeated
cross-validation Bouckaert and Frank, "Evaluating the Replicability of Significance Tests for
Comparing Learning Algorithms", PAKDD 2004).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.faults import HookError, StageError
from ml_assets.stages import metrics
from ml_assets.stages.gate.compare import allowed, worse_by
from ml_assets.stages.keys import named
from ml_assets.stages.paired.seen import seen_keys
from ml_assets.stages.result import Result
from ml_assets.stages.train import folds, parts, threshold
from ml_assets.stages.train.classes import aligned
from ml_assets.stages.train.encode import Array
from ml_assets.stages.train.predict import predict_fold
from ml_assets.stages.train.refit import refitted

if TYPE_CHECKING:
    from ml_assets.spec.crossed import CrossedSpec
    from ml_assets.spec.model import FitSpec
    from ml_assets.stages.result import Handle

REPEATS, PARTS = 5, 5
FEWEST = 5
"""Rows in a part, on average; with fewer a part says nothing."""


def crossed(
    spec: CrossedSpec,
    *,
    family: Any,
    champion_family: Any,
    model: Handle,
    champion: Handle,
    train: Handle,
    validation: Handle,
    test: Handle,
    features: Mapping[str, Handle],
    champion_train: Handle,
    champion_validation: Handle,
    champion_features: Mapping[str, Handle],
) -> Result:
    """Return `crossed` (JSON): both models' metric over all parts, and the limit; or `why` not.

    Nothing is fitted where enough rows are left that neither model has seen.
    """
    own = [train.table(), validation.table()]
    theirs = seen_keys([champion_train.table(), champion_validation.table()], champion_features)
    left = _unseen(test.table(), features, [seen_keys(own, features), theirs])
    if left >= spec.min_rows:
        return Result({"crossed": {"why": f"{left:,} rows are left that neither model has seen"}})
    merged = folds.merged([*own, test.table()], features)
    (whole,), context, _ = folds.load(spec.fit, [merged], features)
    count = len(whole.target)
    if count < FEWEST * PARTS:
        return Result({"crossed": {"why": f"{count:,} rows are too few for {PARTS} parts"}})
    makers = [
        (spec.fit, family, model.json()),
        (spec.champion, champion_family, champion.json()),
    ]
    if any("constant" in document["state"] for _, _, document in makers):
        return Result({"crossed": {"why": "a model is constant, so there is nothing to refit"}})
    thresholds = [threshold.of(document) for _, _, document in makers]
    values: list[tuple[float, float]] = []
    try:
        for repeat in range(REPEATS):
            division = parts.divide(spec.dividing(PARTS, repeat), whole)
            for _, learned, out in division.each():
                pair = [parts.references(whole, rows) for rows in (learned, out)]
                said = [_predicted(*maker, pair, features, context.classes) for maker in makers]
                values += _measured(spec, whole.target[out], said, thresholds)
    except (HookError, StageError) as error:
        return Result({"crossed": {"why": str(error)}})
    return Result({"crossed": _judged(spec, count, values)})


def _unseen(test: pa.Table, features: Mapping[str, Handle], seen: Sequence[pa.Array]) -> int:
    """Return how many rows of test no model has seen."""
    left = 0
    for batch, rows in folds.read(test, features, ["_key"]):
        keys = named(rows["_key"].cast(pa.string()), batch)
        known = [pc.is_in(keys, value_set=values) for values in seen]
        left += len(keys) - int(pc.sum(pc.or_(*known)).as_py() or 0)
    return left


def _predicted(
    fit: FitSpec,
    family: Any,
    before: Mapping[str, Any],
    pair: list[pa.Table],
    features: Mapping[str, Handle],
    classes: Sequence[str],
) -> Array:
    """Return what a model of the same making, learned from one part, predicts of the other."""
    (learned, out), context, notes = folds.load(fit, pair, features)
    model, _ = refitted(fit, family, before, learned, context, notes)
    return aligned(predict_fold(model, family, out), model["classes"], classes)


def _measured(
    spec: CrossedSpec, target: Array, said: Sequence[Array], thresholds: Sequence[float]
) -> list[tuple[float, float]]:
    """Return the metric of both models on one part; nothing where it has no value."""
    task, name = spec.fit.task, spec.fit.metric
    scores = [
        metrics.measure(task, target, each, (name,), at)[0][name]
        for each, at in zip(said, thresholds, strict=True)
    ]
    return [] if None in scores else [(scores[0], scores[1])]  # type: ignore[list-item]


def _judged(spec: CrossedSpec, count: int, values: Sequence[tuple[float, float]]) -> dict[str, Any]:
    from scipy import special

    metric = spec.fit.metric
    if len(values) < REPEATS * PARTS / 2:
        return {"why": f"{metric} has no value in most parts of {count:,} rows"}
    ours, theirs = np.array(values).T
    worse = worse_by(metric, ours, theirs)
    mean, held = float(worse.mean()), 1.0 / PARTS
    error = float(np.sqrt((1.0 / len(worse) + held / (1.0 - held)) * worse.var(ddof=1)))
    reach = float(special.stdtrit(len(worse) - 1, spec.not_worse.confidence)) * error
    margin = allowed(spec.not_worse.margin, float(theirs.mean()))
    return {
        "rows": count,
        "repeats": REPEATS,
        "parts": PARTS,
        "candidate": float(ours.mean()),
        "champion": float(theirs.mean()),
        "worse": mean,
        "low": mean - reach,
        "limit": mean + reach,
        "margin": margin,
        "confidence": spec.not_worse.confidence,
    }
