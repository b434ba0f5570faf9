"""Split optimism: how much better would the model have looked with a random split?

Belongs here: the chosen family trained twice on samples of one size, with the settings and
number of trees found: on the folds as they are, and on the same rows divided at random. Does
not belong here: any use of it in a decision.

Neither figure is that of the model, which learned from all rows; only their difference counts
(Roberts et al., "Cross-validation strategies for data with temporal … structure", 2017).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml_assets.faults import HookError
from ml_assets.stages import metrics
from ml_assets.stages.evaluate import bootstrap
from ml_assets.stages.evaluate.sample import sample
from ml_assets.stages.memory import InMemory
from ml_assets.stages.result import Result
from ml_assets.stages.train import folds, threshold
from ml_assets.stages.train.predict import predict_fold
from ml_assets.stages.train.refit import refitted

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
    """Return `optimism` (JSON): the metric by this split and by a random one, or `why` not."""
    before = model.json()
    if "constant" in before["state"]:
        return Result({"optimism": {"why": "the model is constant"}})
    if not getattr(family, "LEARNS", True):
        return Result({"optimism": {"why": "the model was not learned in this home"}})
    learning = folds.merged([train.table(), validation.table()], features)
    learned = sample(learning, LEARNED, spec.fit.seed)
    tested = sample(test.table(), TESTED, spec.fit.seed + 1)
    sizes = {"learned": learned.num_rows, "tested": tested.num_rows}
    if min(sizes.values()) < FEWEST:
        return Result({"optimism": {"why": f"a fold has fewer than {FEWEST} rows"}})
    held, is_test = _held(spec, learned, tested, features)
    order = np.random.default_rng(spec.fit.seed).permutation(len(is_test))
    here = [np.flatnonzero(~is_test), np.flatnonzero(is_test)]
    dealt = [np.sort(part) for part in np.split(order, [learned.num_rows])]
    try:
        scores = [_scored(spec, family, before, held, *parts) for parts in (here, dealt)]
    except HookError as error:
        return Result({"optimism": {"why": f"the family failed on a sample: {error}"}})
    if any(value is None for value, _ in scores):
        why = f"{spec.fit.metric} has no value on a sample of the rows"
        return Result({"optimism": {"why": why}})
    (split, one), (random, two) = scores
    document = {
        **sizes,
        "level": LEVEL,
        "split": {"value": split, "interval": bootstrap.interval(one, LEVEL)},
        "random": {"value": random, "interval": bootstrap.interval(two, LEVEL)},
        "difference": {
            "value": random - split,
            "interval": bootstrap.interval(two - one, LEVEL),
        },
    }
    return Result({"optimism": document}, sizes)


def _held(
    spec: OptimismSpec, learned: pa.Table, tested: pa.Table, features: Mapping[str, Handle]
) -> tuple[InMemory, NDArray[np.bool_]]:
    """Return all sampled rows in calendar order, and which of them are in the test fold."""
    marked = [
        part.append_column("tested", pa.array(np.full(part.num_rows, value)))
        for part, value in ((learned, False), (tested, True))
    ]
    both = folds.merged(marked, features)
    wanted = [*spec.fit.columns, "_target", *(["_weight"] if spec.fit.weighted else [])]
    tables = [table for _, table in folds.read(both, features, wanted)]
    return InMemory(pa.concat_tables(tables).unify_dictionaries()), both["tested"].to_numpy()


def _scored(
    spec: OptimismSpec,
    family: Any,
    before: Mapping[str, Any],
    held: InMemory,
    learned: NDArray[np.int64],
    tested: NDArray[np.int64],
) -> tuple[Any, Any]:
    """Return the metric on `tested` of a model fitted on `learned`, and its draws by row."""
    fit = spec.fit
    references = [
        pa.table({"batch": ["sample"] * len(rows), "start": rows, "stop": rows + 1})
        for rows in (learned, tested)
    ]
    (one, two), context, notes = folds.load(fit, references, {"sample": held})
    again, _ = refitted(fit, family, before, one, context, notes)
    prediction = predict_fold(again, family, two)
    at = threshold.of(again)
    values, _ = metrics.measure(fit.task, two.target, prediction, (fit.metric,), at)
    draws = bootstrap.draw(np.full(len(two.target), "NaT", "M8[us]"), "row", RESAMPLES, fit.seed)
    whole = np.zeros(len(two.target), dtype=np.int64)
    spread = bootstrap.distribution(fit.metric, two.target, prediction, draws, whole, 1, at)[:, 0]
    return values[fit.metric], spread
