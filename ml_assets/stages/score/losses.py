"""How much a model lost on rows that it had not seen.

Belongs here: losses added up, so that months of different sizes can be compared with a price. Does
not belong here: metrics (`realized`), what follows from a loss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from ml_assets.faults import StageError
from ml_assets.stages.evaluate.losses import row_losses
from ml_assets.stages.result import Result
from ml_assets.stages.schema import LINE
from ml_assets.stages.score.answer import CLASS, PREDICTION, PROBABILITY
from ml_assets.stages.score.batch import SEEN
from ml_assets.stages.train import folds
from ml_assets.stages.train.encode import Array

if TYPE_CHECKING:
    from ml_assets.spec.predictions import LossesSpec
    from ml_assets.stages.result import Handle


def losses(spec: LossesSpec, *, predictions: Handle, features: Handle) -> Result:
    """Return `losses` (JSON): {"rows": labelled and not seen by the model, "loss": their sum}.

    The loss of a row is that of `row_losses`, so a mean of losses is the metric, or the closest
    loss if the metric is not a mean. StageError if the rows are not those of the predictions.
    """
    said, labels = predictions.table(), features.table([LINE, "_target"])
    if not said[LINE].equals(labels[LINE]):
        raise StageError("the predictions are of other rows than the features; run both again")
    new = labels["_target"].is_valid().to_numpy() & ~said[SEEN].to_numpy()
    rows = pa.array(np.flatnonzero(new))
    if not len(rows):
        return Result({"losses": {"rows": 0, "loss": 0.0}})
    said = said.take(rows)
    classes = [n.removeprefix(PROBABILITY) for n in said.column_names if n.startswith(PROBABILITY)]
    target = folds.labels(labels.take(rows), classes)
    lost = _decided(spec, said, target)
    if lost is None:
        names = [f"{PROBABILITY}{name}" for name in classes] or [PREDICTION]
        values = np.column_stack([said[name].to_numpy() for name in names])
        lost = row_losses(spec.metric, target, values if classes else values[:, 0])
    return Result({"losses": {"rows": len(rows), "loss": float(lost.sum())}})


def _decided(spec: LossesSpec, said: pa.Table, target: Array) -> Array | None:
    """Return 1 where a class is wrong, as the model's own threshold decided; None without one."""
    if spec.metric not in ("accuracy", "balanced_accuracy", "f1") or CLASS not in said.column_names:
        return None
    return np.asarray(said[CLASS].to_numpy() != (target == 1), dtype=np.float64)
