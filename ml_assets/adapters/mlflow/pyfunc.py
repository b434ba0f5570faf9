"""Loads a published model for MLflow: our document and family, nothing pickled.

Belongs here: pandas frames to features. Does not belong here: mlflow, any other way to predict
than `stages/train/predict.py`.

A user's own family is imported by its recorded module name, so its project must be on `sys.path`
(installed, or through PYTHONPATH) where the model is loaded.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from ml_assets.errors import DamagedObject, MlAssetsError
from ml_assets.stages.train.predict import predict
from ml_assets.store.digest import json_digest

_ARROW = {
    "number": pa.float64(),
    "integer": pa.int64(),
    "category": pa.string(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
    "text": pa.string(),
}


class Predictor:
    """A model document and its family's module."""

    def __init__(self, model: Mapping[str, Any], family: Any) -> None:
        self._model = model
        self._family = family

    def predict(self, frame: pd.DataFrame) -> Any:
        """Return (n,) values or probabilities of class 1, or a frame of class probabilities.

        `frame` has the model's columns; an absent column is missing in every row. None, NaN and
        NA are missing. Raises MlAssetsError for a value that does not have its column's type.
        """
        prediction = predict(self._model, self._family, to_table(frame, self._model["columns"]))
        if self._model["task"] == "multiclass":
            return pd.DataFrame(prediction, columns=self._model["classes"], index=frame.index)
        return prediction


def to_table(frame: pd.DataFrame, columns: Mapping[str, str]) -> pa.Table:
    """Return a frame's columns as Arrow, by logical type; MlAssetsError if this is impossible."""
    return pa.table({name: _array(frame, name, kind) for name, kind in columns.items()})


def _array(frame: pd.DataFrame, name: str, kind: str) -> pa.Array | pa.ChunkedArray:
    if name not in frame:
        return pa.nulls(len(frame), _ARROW[kind])
    try:
        array = pa.array(frame[name], from_pandas=True)
        if kind in ("date", "timestamp") and pa.types.is_string(array.type):
            # As JSON gives it; a time without an offset is UTC.
            array = pa.array(pd.to_datetime(frame[name], utc=True, format="ISO8601"))
        return array.cast(_ARROW[kind])
    except pa.ArrowException as error:
        raise MlAssetsError(
            f"column {name!r} is {frame[name].dtype}, wanted {kind}: {error}"
        ) from error


def _load_pyfunc(path: str) -> Predictor:
    """Return the model in a folder; raises DamagedObject if it differs from what was published."""
    family = json.loads(Path(path, "family.json").read_bytes())
    model = json.loads(Path(path, "model.json").read_bytes())
    if json_digest(model) != family["digest"]:
        raise DamagedObject(family["digest"], f"{path}/model.json differs from what was published")
    try:
        module = importlib.import_module(family["module"])
    except ImportError as error:
        raise MlAssetsError(
            f"the model's family {family['module']} cannot be imported: {error}; "
            "install its project, or put its folder on PYTHONPATH"
        ) from error
    return Predictor(model, module)
