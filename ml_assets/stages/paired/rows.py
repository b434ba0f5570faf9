"""The candidate's test rows: labels, predictions of both models, and which each has seen.

Belongs here: reading the fold once and predicting it with both models. Does not belong here:
judging (`change`, `gate`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml_assets.faults import DamagedObject
from ml_assets.stages.evaluate.rows import Fitted, aligned
from ml_assets.stages.keys import named, numbered
from ml_assets.stages.metrics import HALF
from ml_assets.stages.train import folds
from ml_assets.stages.train.encode import Array

if TYPE_CHECKING:
    from ml_assets.stages.result import Handle

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class PairedRows:
    """n test rows in calendar order; predictions, (n,) or (n, k), as `metrics` takes them."""

    target: Array
    candidate: Array
    other: Array | None
    """Predictions of the other model: the champion, or the previous candidate."""
    fails: str | None
    """Why the other model could not predict them."""
    keys: pa.ChunkedArray
    time: NDArray[np.datetime64]
    batch: Ints
    group: pa.ChunkedArray | None
    slices: Mapping[str, pa.ChunkedArray]
    at: tuple[float, float] = (HALF, HALF)
    """Thresholds of the two models, of two classes."""

    def seen_by(self, *seen: pa.Array) -> list[Mask]:
        """Return for each of some models (n,) whether it has seen a row; the candidate's is first.

        `seen` are the keys of each. Of rows known by equal inputs those that the candidate has
        seen count first, so that test holds the rest.
        """
        keys = numbered(self.keys, pa.chunked_array([seen[0]], pa.string()))
        return [
            np.asarray(pc.is_in(keys, value_set=known).to_numpy(), dtype=bool) for known in seen
        ]


def read(
    test: pa.Table,
    features: Mapping[str, Handle],
    candidate: Fitted,
    other: Fitted | None,
    slices: Sequence[str],
    grouped: bool,
    said: Array | None = None,
) -> PairedRows:
    """Return the test rows; one batch of features is in memory at a time.

    `said` (n,) are the candidate's predictions if already computed, in the fold's order.
    """
    models = [candidate] if other is None else [candidate, other]
    inputs = {name for model in models for name in model.model["columns"]}
    # A slice that is a feature is stored under its own name, whichever model uses it.
    names = {s: s if s in candidate.model["columns"] else f"_slice_{s}" for s in slices}
    kept = ["_time", "_target", *(["_group"] if grouped else []), *names.values()]
    classes = _classes(models)
    parts, targets, ours, theirs, number = [], [], [], [], []
    keys = [pa.array([], pa.string())]
    fails: str | None = None
    for batch, table in folds.read(test, features, sorted(inputs | {"_key", *kept})):
        targets.append(folds.labels(table, classes))
        if said is None:
            ours.append(aligned(candidate, table, classes))
        if other is not None and fails is None:
            attempt = _attempt(other, table, classes)
            if isinstance(attempt, str):
                fails = attempt
            else:
                theirs.append(attempt)
        parts.append(table.select(list(dict.fromkeys(kept))))
        keys += named(table["_key"].cast(pa.string()), batch).chunks
        number += [list(features).index(batch)] * len(table)
    whole = pa.concat_tables(parts).unify_dictionaries()
    return PairedRows(
        np.concatenate(targets),
        np.concatenate(ours) if said is None else said,
        np.concatenate(theirs) if theirs and fails is None else None,
        fails,
        pa.chunked_array(keys),
        np.asarray(whole["_time"].to_numpy(), dtype="datetime64[us]"),
        np.array(number, dtype=np.int64),
        whole["_group"] if grouped else None,
        {name: whole[column] for name, column in names.items()},
        (candidate.at, HALF if other is None else other.at),
    )


def _classes(models: Sequence[Fitted]) -> list[str]:
    """Return the classes of the candidate, then those that only the other knows."""
    return list(dict.fromkeys(name for model in models for name in model.model["classes"]))


def _attempt(other: Fitted, table: pa.Table, classes: Sequence[str]) -> Array | str:
    """Return the other model's predictions, or why there are none: an outcome, not a fault."""
    try:
        prediction: Any = aligned(other, table, classes)
    except DamagedObject:
        raise
    except Exception as error:
        return f"it no longer predicts: {type(error).__name__}: {error}"
    broken = int((~np.isfinite(prediction)).sum())
    return f"{broken} of its predictions are not finite" if broken else prediction
