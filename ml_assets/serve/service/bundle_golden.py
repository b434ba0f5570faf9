"""Golden rows of a bundle: it is served only if they have the predictions that it lists.

Belongs here: golden rows of features, and golden raw rows with what they are joined with. Does not
belong here: those of a home (`golden`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ml_assets.errors import StageError
from ml_assets.release.read import Bundle
from ml_assets.release.score import EXPECTED, GOLDEN
from ml_assets.serve.bundle import BundleTables
from ml_assets.serve.model import LoadedVersion, Predictor
from ml_assets.serve.service import bodies
from ml_assets.serve.service.requests import Limits
from ml_assets.stages import parquet
from ml_assets.stages.release.onnx import TOLERANCE


def check(bundle: Bundle, raw: Mapping[str, Any], state: LoadedVersion) -> None:
    """Raise StageError if the golden rows of a bundle have other predictions in this process."""
    inputs = bodies.csv(bundle.files[GOLDEN], state.inputs, Limits().rows)
    none = BundleTables(bundle.files.__getitem__, raw)
    _compared(bundle, none, state, inputs, EXPECTED, features=True)
    golden = raw["golden"]
    if "file" not in golden:
        return
    tables = BundleTables(bundle.files.__getitem__, raw)
    for name, batches in golden["joins"].items():
        for batch, file in batches.items():
            tables.add(name, batch, bundle.files[file], file)
    rows = parquet.read(bundle.files[golden["file"]])
    then = replace(state, tables=tables.tables())
    _compared(bundle, tables, then, rows, golden["predictions"], batch=golden["batch"] or None)


def _compared(
    bundle: Bundle,
    tables: BundleTables,
    state: LoadedVersion,
    rows: Any,
    expected: str,
    *,
    features: bool = False,
    batch: str | None = None,
) -> None:
    model = Predictor(bundle.about["model"], tables.load, state)
    read = model.read(state, rows, features=features)
    predicted = model.predicted(state, read, features=features, batch=batch)
    wanted = _predictions(bundle.files[expected], len(state.scorer.document["classes"]) or 1)
    if predicted.problems or len(predicted.found) != len(wanted):
        first = min(predicted.problems.items(), default=(0, "rows are missing"))
        raise StageError(f"golden row {first[0]} of {expected} has no prediction: {first[1]}")
    ways = [predicted.found]
    if len(wanted):
        ways.append(state.scorer.few_by_few(predicted.features))
    now = np.stack([found.reshape(len(wanted), -1) for found in ways])
    far = float((np.abs(now - wanted) / np.maximum(1.0, np.abs(wanted))).max(initial=0.0))
    if not far <= TOLERANCE:
        raise StageError(
            f"predictions for the golden rows differ from {expected} by up to {far:.3g}, wanted at "
            f"most {TOLERANCE:g}; are the libraries here those of the bundle's lock?"
        )


def _predictions(content: bytes, columns: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the first columns of a CSV: the predictions, without their intervals."""
    rows = list(csv.reader(io.StringIO(content.decode())))[1:]
    return np.array([[float(value) for value in row[:columns]] for row in rows]).reshape(
        -1, columns
    )
