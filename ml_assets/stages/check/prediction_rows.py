"""Check: does each cleaned row have one prediction?

Belongs here: rows in against rows out. Does not belong here: whether predictions are good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from ml_assets.stages.counted import counted
from ml_assets.stages.result import Check, Result
from ml_assets.stages.schema import LINE

if TYPE_CHECKING:
    from ml_assets.spec.predictions import PredictionsSpec
    from ml_assets.stages.result import Handle

NAME = "prediction_rows"


def check(spec: PredictionsSpec, *, predictions: Handle, cleaned: Handle) -> Result:
    """Return the check `prediction_rows`: the same lines in the same order, each finite."""
    predicted, wanted = predictions.table(), cleaned.table([LINE])
    lacking = _without(predicted)
    facts = {"rows": predicted.num_rows, "cleaned": wanted.num_rows, "without_prediction": lacking}
    said = counted(predicted.num_rows, "prediction")
    wrong = []
    if not predicted[LINE].equals(wanted[LINE]):
        wrong.append(f"wanted one for each of {counted(wanted.num_rows, 'cleaned row')}, in order")
    if lacking:
        wrong.append(f"{lacking:,} are missing or not finite")
    return Result({}, checks=(Check(NAME, not wrong, "; ".join([said, *wrong]), metadata=facts),))


def _without(table: pa.Table) -> int:
    bad = np.zeros(table.num_rows, dtype=bool)
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_floating(column.type):
            bad |= ~np.isfinite(column.to_numpy())
        elif name == "prediction":
            bad |= column.is_null().to_numpy()
    return int(bad.sum())
