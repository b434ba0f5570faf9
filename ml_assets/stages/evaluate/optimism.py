"""Split optimism: how much better would a random split have made the model look?

Belongs here: the chosen family trained twice on samples of one size, with the settings and number
of trees that were found: on the folds as they are, and on the same rows dealt at random. Does not
belong here: any use of it in a decision.

Neither figure is the model's own, which learned from all rows; their difference is the point
(Roberts et al., "Cross-validation strategies for data with temporal … structure", 2017).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ml_assets.errors import HookError
from ml_assets.stages import metrics
from ml_assets.stages.evaluate import bootstrap
from ml_assets.stages.evaluate.sample import sample
from ml_assets.stages.result import Result
from ml_assets.stages.train import folds
from ml_assets.stages.train.fit import constant, document
from ml_assets.stages.train.own import Own
from ml_assets.stages.train.predict import predict_encoded

if TYPE_CHECKING:
    from ml_assets.spec.model import OptimismSpec
    from ml_assets.stages.result import Handle

LEARNED, TESTED = 6000, 3000
FEWEST = 100
RESAMPLES = 500
LEVEL = 0.95


def optimism(
    spec: OptimismSpec,
    *,
    family: Any,
    model: Handle,
    train: Handle,
    validation: Handle,
    test: Handle,
    features: Mapping[str, Handle],
) -> Result:
    """Return `optimism` (JSON): the metric by this split and by a random one; or `why` not."""
    before = model.json()
    if "constant" in before["state"]:
        return Result({"optimism": {"why": "the model is a constant"}})
    learning = folds.merged([train.table(), validation.table()], features)
    learned = sample(learning, LEARNED, spec.fit.seed)
    tested = sample(test.table(), TESTED, spec.fit.seed + 1)
    sizes = {"learned": learned.num_rows, "tested": tested.num_rows}
    if min(sizes.values()) < FEWEST:
        return Result({"optimism": {"why": f"a fold has fewer than {FEWEST} rows"}})
    dealt = folds.merged([learned, tested], features)
    order = np.random.default_rng(spec.fit.seed).permutation(dealt.num_rows)
    mixed = [dealt.take(pa.array(np.sort(part))) for part in np.split(order, [learned.num_rows])]
    try:
        scores = [
            _scored(spec, family, before, one, two, features)
            for one, two in ([learned, tested], mixed)
        ]
    except HookError as error:
        return Result({"optimism": {"why": f"the family failed on a sample: {error}"}})
    if any(value is None for value, _ in scores):
        why = f"{spec.fit.metric} has no value on a sample of the rows"
        return Result({"optimism": {"why": why}})
    (here, one), (there, two) = scores
    found = {
        **sizes,
        "level": LEVEL,
        "split": {"value": here, "interval": bootstrap.interval(one, LEVEL)},
        "random": {"value": there, "interval": bootstrap.interval(two, LEVEL)},
        "difference": {
            "value": there - here,
            "interval": bootstrap.interval(two - one, LEVEL),
        },
    }
    return Result({"optimism": found}, sizes)


def _scored(
    spec: OptimismSpec,
    family: Any,
    before: Mapping[str, Any],
    learned: pa.Table,
    tested: pa.Table,
    features: Mapping[str, Handle],
) -> tuple[Any, Any]:
    """Return the metric on `tested` of what is learned from `learned`, and its draws by row."""
    fit = spec.fit
    (one, two), context, notes = folds.load(fit, [learned, tested], features)
    state = constant(one, notes)
    if state is None:
        learner = Own(family, fit.family.module) if fit.family.family == "custom" else family
        state = learner.refit(fit.family, before["state"], one, context)
    again, _ = document(fit, family, context, state, notes)
    prediction = predict_encoded(again, family, two.features)
    values, _ = metrics.measure(fit.task, two.target, prediction)
    draws = bootstrap.draw(np.full(len(two.target), "NaT", "M8[us]"), "row", RESAMPLES, fit.seed)
    whole = np.zeros(len(two.target), dtype=np.int64)
    spread = bootstrap.distribution(fit.metric, two.target, prediction, draws, whole, 1)[:, 0]
    return values[fit.metric], spread
