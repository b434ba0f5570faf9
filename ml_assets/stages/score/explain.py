"""What each feature contributes to the prediction of a row.

Belongs here: contributions that depend on the row alone. Does not belong here: how a family
computes them (`evaluate/contributions`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from ml_assets.faults import StageError
from ml_assets.stages.evaluate import contributions as of_family
from ml_assets.stages.evaluate.rows import Fitted
from ml_assets.stages.score.read import Ints
from ml_assets.stages.train.encode import Array
from ml_assets.stages.train.predict import predict_encoded
from ml_assets.stages.train.prepare import encoded, owners

BASE, OF = "base", "contribution_"


def explained(document: Mapping[str, Any], family: Any, features: pa.Table) -> dict[str, Array]:
    """Return `base` and `contribution_<feature>` (n,) for rows of features.

    They add up to the score: the value, log-odds for binary, the raw score of the likeliest class
    for multiclass. StageError if the family offers none.
    """
    columns = sorted(document["columns"])
    batch = encoded(document, features)
    base = np.zeros(len(features))
    amounts = np.zeros((len(features), batch.num_columns))
    likeliest = np.zeros(len(features), dtype=np.int64)
    if document["task"] == "multiclass" and len(features):
        likeliest = predict_encoded(document, family, batch).argmax(axis=1)
    for number in np.unique(likeliest):
        rows = np.flatnonzero(likeliest == number)
        part = batch.take(pa.array(rows))
        base[rows], amounts[rows] = _of_class(Fitted(document, family), part, int(number))
    of = owners(batch.column_names, document.get("prepare", {}))
    owner = np.array([of[name] for name in batch.column_names])
    each = {f"{OF}{name}": amounts[:, owner == name].sum(axis=1) for name in columns}
    return {BASE: base, **each}


def _of_class(fitted: Fitted, part: pa.Table, number: int) -> tuple[float, Array]:
    """Return the base and the contributions (n, columns) of rows of one likeliest class."""
    state = fitted.model["state"]
    if fitted.model["family"] == "linear" and "constant" not in state:
        # Elsewhere they are the difference to the other rows; here to a row of mean numbers.
        return state["intercept"][number], of_family._terms(state, part)[number]
    found = of_family.contributions(fitted, part, _all(part))
    if found is None:
        raise StageError(
            f"the family {fitted.model['family']} offers no contributions; those of lightgbm, "
            "lightgbm_tuned, linear and a custom family with a function `contributions` do"
        )
    _, base, amounts = found
    return base, amounts


def _all(part: pa.Table) -> Ints:
    return np.arange(len(part))
