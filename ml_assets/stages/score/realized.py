"""What came true of predictions, once labels are there.

Belongs here: predictions against labels. Does not belong here: definitions of metrics.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ml_assets.faults import StageError
from ml_assets.stages import metrics
from ml_assets.stages.result import Result
from ml_assets.stages.schema import LINE
from ml_assets.stages.score.answer import CLASS, PREDICTION, PROBABILITY
from ml_assets.stages.score.batch import SEEN
from ml_assets.stages.train import folds
from ml_assets.stages.train.encode import Array

if TYPE_CHECKING:
    from ml_assets.spec.predictions import RealizedSpec
    from ml_assets.stages.result import Handle


def realized(spec: RealizedSpec, *, predictions: Handle, features: Handle) -> Result:
    """Return `realized` (JSON): metrics over the labelled rows that the model has not seen.

    {"rows", "unlabelled", "seen" (labelled rows), "measured", "metrics": {name: value or None},
    "notes"}, and "covered": the share of rows whose label is in their interval, or in their set of
    classes, where there are intervals. Without rows to measure there are no metrics. StageError if
    the rows are not those of the predictions.
    """
    said, labels = predictions.table(), features.table([LINE, "_target"])
    if not said[LINE].equals(labels[LINE]):
        raise StageError("the predictions are of other rows than the features; run both again")
    labelled = labels["_target"].is_valid().to_numpy()
    known = said[SEEN].to_numpy()
    rows = pa.array(np.flatnonzero(labelled & ~known))
    figures: dict[str, Any] = {
        "rows": len(said),
        "unlabelled": int((~labelled).sum()),
        "seen": int((labelled & known).sum()),
        "measured": len(rows),
        "metrics": {},
        "notes": [],
    }
    if len(rows):
        classes = [n.removeprefix(PROBABILITY) for n in said.column_names if _is_probability(n)]
        target = folds.labels(labels.take(rows), classes)
        names = [f"{PROBABILITY}{name}" for name in classes] or [PREDICTION]
        values = np.column_stack([said[name].take(rows).to_numpy() for name in names])
        values = values if classes else values[:, 0]
        figures["metrics"], figures["notes"] = metrics.measure(spec.task, target, values)
        if CLASS in said.column_names:
            # As the model's threshold decided, which may not be 0.5.
            decided = said[CLASS].take(rows).to_numpy()
            figures["metrics"]["accuracy"] = float((decided == (target == 1)).mean())
        figures |= _covered(said.take(rows), target, classes)
    return Result({"realized": figures})


def _covered(said: pa.Table, target: Array, classes: Sequence[str]) -> dict[str, float]:
    if "set" in said.column_names:
        every: Sequence[Any] = classes or [0, 1]
        sets = (json.loads(text) for text in said["set"].to_pylist())
        inside = [
            place >= 0 and every[int(place)] in members
            for place, members in zip(target, sets, strict=True)
        ]
        return {"covered": float(np.mean(inside))}
    if "low" not in said.column_names or said["low"].null_count:
        return {}
    low, high = (said[name].to_numpy() for name in ("low", "high"))
    return {"covered": float(((low <= target) & (target <= high)).mean())}


def _is_probability(name: str) -> bool:
    return name.startswith(PROBABILITY)
