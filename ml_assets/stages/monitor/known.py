"""What a batch is compared with: the rows that its model was trained on.

Belongs here: the profile of those rows with its limits, and a sample for the classifier. Does not
belong here: the batch; nothing here depends on it.

Predictions are compared with those on the test rows: of rows that a model was trained on it says
what it remembers (a forest nearly their labels), which is not a prediction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ml_assets.stages.memory import InMemory
from ml_assets.stages.monitor import joint
from ml_assets.stages.quality import arrays
from ml_assets.stages.quality.reference import reference
from ml_assets.stages.result import Result
from ml_assets.stages.train import folds

if TYPE_CHECKING:
    from ml_assets.spec.monitored import KnownSpec
    from ml_assets.spec.quality import ReferenceSpec
    from ml_assets.stages.result import Handle

Known = Mapping[str, Any]
SAMPLED = 6000
"""Rows of the training among which the classifier looks for the batch's."""


def known(
    spec: KnownSpec,
    *,
    train: Handle,
    validation: Handle,
    features: Mapping[str, Handle],
    predicted: Handle | None,
) -> Result:
    """Return `known` (JSON) and `sample` (rows in the bins of the profile, with their block).

    {"inputs", "predictions" (None without the rows of an evaluation): as of the quality report's
    `reference`, "joint": {"why"} or what `joint.null` returns}.
    """
    columns = list(spec.inputs.columns)
    parts = [
        table
        for references in (train.table(), validation.table())
        for _, table in folds.read(references, features, columns)
        if len(table)
    ]
    rows = pa.concat_tables(parts).unify_dictionaries()
    inputs = profile(spec.inputs, rows)
    blocks = arrays.block_numbers(rows, spec.inputs.time, spec.inputs.block)
    taken = np.unique(np.linspace(0, len(rows) - 1, min(SAMPLED, len(rows))).astype(np.int64))
    codes = joint.coded_rows(rows.take(pa.array(taken)), inputs)
    sample = pa.table({**{n: pa.array(c) for n, c in codes.items()}, "_block": blocks[taken]})
    typical = spec.blocks
    if typical is None:
        typical = int(np.median([_blocks(spec.inputs, part, rows, inputs) for part in parts]))
    document = {
        "inputs": inputs,
        "predictions": None if predicted is None else _predictions(spec, predicted.table()),
        "joint": joint.null(
            sample, typical, spec.inputs.block, spec.inputs.false_alarm_rate, spec.seed
        ),
    }
    return Result({"known": document, "sample": sample}, {"rows": len(rows)})


def profile(spec: ReferenceSpec, rows: pa.Table) -> dict[str, Any]:
    """Return the profile of rows and the limits of what differs from them."""
    document = reference(spec, raw={"": InMemory(rows)}, cleaned={"": InMemory(rows)}).outputs[
        "reference"
    ]
    assert isinstance(document, dict)
    return document


def _predictions(spec: KnownSpec, table: pa.Table) -> dict[str, Any] | None:
    return profile(spec.predictions, table) if len(table) else None


def _blocks(spec: ReferenceSpec, part: pa.Table, rows: pa.Table, inputs: Known) -> int:
    """Return how many blocks of the reference the rows of one batch are."""
    if spec.block == "row":
        return max(round(int(inputs["blocks"]) * len(part) / len(rows)), 1)
    return int(arrays.span(arrays.block_numbers(part, spec.time, spec.block))["blocks"])
