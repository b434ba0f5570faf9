"""The predictions of two models for the same rows, side by side.

Belongs here: pairing rows, and how far apart the two are. Does not belong here: which of them is
better (`realized`), where the tables lie (`history/pairs`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ml_assets.faults import StageError
from ml_assets.stages.metrics import likeliest
from ml_assets.stages.result import Result
from ml_assets.stages.schema import LINE
from ml_assets.stages.score.answer import PREDICTION, PROBABILITY
from ml_assets.stages.train.encode import Array

if TYPE_CHECKING:
    from ml_assets.spec.predictions import RealizedSpec
    from ml_assets.stages.result import Handle

ROW = ("_key", LINE)
LABELS = ("_time", "_target")
CHAMPION, CHALLENGER = "champion_", "challenger_"
"""Before the names of the columns of each model's predictions."""


def paired(champion: pa.Table, challenger: pa.Table, features: pa.Table) -> pa.Table:
    """Return one row for each row of a batch, in its order.

    `_key` and `_line`, `_time` and `_target` of the features, then each column of the champion's
    predictions as `champion_<column>` and of the challenger's as `challenger_<column>`. StageError
    if the tables are not of the same rows.
    """
    for table in (challenger, features):
        if not table[LINE].equals(champion[LINE]):
            raise StageError("the two predictions and the features differ in rows; run all again")
    columns = {name: features[name] for name in (*ROW, *LABELS)}
    for start, table in ((CHAMPION, champion), (CHALLENGER, challenger)):
        columns |= {f"{start}{n}": table[n] for n in table.column_names if n not in ROW}
    return pa.table(columns)


def disagreement(spec: RealizedSpec, *, champion: Handle, challenger: Handle) -> Result:
    """Return `disagreement` (JSON): how far apart two models' predictions of a batch are.

    {"rows", "mean_absolute_difference"}: of numbers, or of the probability of true; of classes the
    total variation distance, half the sum over the classes. Of classes and of true and false also
    "differing": the share of rows in which the likeliest class is another. None without rows.
    StageError if the tables are not of the same rows.
    """
    ours, theirs = champion.table(), challenger.table()
    if not ours[LINE].equals(theirs[LINE]):
        raise StageError("the two predictions are of different rows; run both again")
    figures: dict[str, Any] = {"rows": len(ours), "mean_absolute_difference": None}
    if spec.task != "regression":
        figures["differing"] = None
    if len(ours):
        apart, differing = _apart(spec.task, ours, theirs)
        figures["mean_absolute_difference"] = float(apart.mean())
        if differing is not None:
            figures["differing"] = float(differing.mean())
    return Result({"disagreement": figures})


def _apart(task: str, ours: pa.Table, theirs: pa.Table) -> tuple[Array, Array | None]:
    """Return by row the difference, and 1 where the class is another."""
    if task == "multiclass":
        names = [n for n in {**_names(ours), **_names(theirs)} if n.startswith(PROBABILITY)]
        apart = sum((np.abs(_numbers(ours, n) - _numbers(theirs, n)) for n in names), np.zeros(1))
        said = [np.asarray(table[PREDICTION].to_pylist()) for table in (ours, theirs)]
        return np.asarray(apart) / 2, (said[0] != said[1]).astype(float)
    first, second = (_numbers(table, PREDICTION) for table in (ours, theirs))
    apart = np.abs(first - second)
    if task == "regression":
        return apart, None
    return apart, (likeliest(first) != likeliest(second)).astype(float)


def _names(table: pa.Table) -> dict[str, None]:
    return dict.fromkeys(table.column_names)


def _numbers(table: pa.Table, name: str) -> Array:
    """Return a column; a class that a model does not know has probability 0."""
    if name not in table.column_names:
        return np.zeros(len(table))
    return np.asarray(table[name].to_numpy(), dtype=np.float64)
