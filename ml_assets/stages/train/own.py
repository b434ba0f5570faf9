"""A custom family with its contract checked; errors name the user's file and function.

Belongs here: what `custom` adds to a family module. Does not belong here: fitting.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa

from ml_assets.faults import DamagedObject, HookError, raised
from ml_assets.stages.train.encode import Array
from ml_assets.stages.train.folds import Context, Fold


class Own:
    """The module of a custom family, used like a built-in one; `source` is its name in the YAML."""

    def __init__(self, module: Any, source: str) -> None:
        self._module = module
        self._file = source.partition(":")[0]

    def fit(self, settings: Any, train: Fold, validation: Fold, context: Context) -> Any:
        """Call the user's `fit`; HookError if it raises or returns no JSON dict."""
        state = self._state("fit", settings.settings, train, validation, context)
        return self._sized(state, "fit", context)

    def refit(self, settings: Any, state: Any, fold: Fold, context: Context) -> Any:
        """Call the user's `refit`; HookError if it raises or returns no JSON dict."""
        state = self._state("refit", settings.settings, state, fold, context)
        return self._sized(state, "refit", context)

    def predict(self, state: Any, batch: pa.Table) -> Array:
        """Call the user's `predict`; HookError if it raises or returns no finite numbers."""
        returned = self._call("predict", state, batch)
        try:
            array = np.asarray(returned, dtype=np.float64)
        except (TypeError, ValueError):
            array = np.empty(0)
        if array.ndim not in (1, 2) or len(array) != batch.num_rows:
            raise HookError(
                f"{self._file}:predict returned {_shown(returned)}, "
                f"wanted an array of {batch.num_rows} numbers (or rows of class probabilities)"
            )
        if not np.isfinite(array).all():
            raise HookError(f"{self._file}:predict returned numbers that are not finite")
        return array

    def _state(self, function: str, *arguments: Any) -> dict[str, Any]:
        state = self._call(function, *arguments)
        try:
            json.dumps(state, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise HookError(f"{self._file}:{function} returned no plain JSON: {error}") from error
        if not isinstance(state, dict) or not all(isinstance(key, str) for key in state):
            raise HookError(
                f"{self._file}:{function} returned {_shown(state)}, wanted a dict with str keys"
            )
        return dict(state)

    def _sized(self, state: dict[str, Any], function: str, context: Context) -> dict[str, Any]:
        given, wanted = len(state.get("importance", [])), len(context.columns)
        if given not in (0, wanted):
            raise HookError(
                f"{self._file}:{function} returned {given} numbers as importance, "
                f"wanted {wanted}, one per column"
            )
        return state

    def _call(self, function: str, *arguments: Any) -> Any:
        hook = getattr(self._module, function, None)  # never an error
        if not callable(hook):
            raise HookError(f"{self._file} has no function {function}; wanted fit, refit, predict")
        try:
            return hook(*arguments)
        except DamagedObject:
            raise
        except Exception as error:
            raise HookError(raised(f"{self._file}:{function}", hook, error)) from error


def learner(settings: Any, family: Any) -> Any:
    """Return what fits and refits a family: its module, or a custom one with its contract."""
    return Own(family, settings.module) if settings.family == "custom" else family


def _shown(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return type(value).__name__ + (f" of shape {shape}" if shape is not None else "")
