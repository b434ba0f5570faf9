"""Predictions of a state that holds trees as arrays, whichever library grew them.

Belongs here: from encoded rows through the matrix and the trees to predictions. Does not belong
here: walking trees (`trees`), growing them (each family's file).

The state: `task`, `inputs` (`matrix`), `kind` and `arrays` (`trees`), `start` (a score for each
output) and `mean` (whether the prediction is the trees' mean, or the link of their sum); with
`link: log` the sum is the logarithm of the value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from ml_assets.stages.train.encode import Array
from ml_assets.stages.train.links import linked
from ml_assets.stages.train.matrix import matrix, with_tables
from ml_assets.stages.train.trees import Oblivious, Trees

KINDS: Mapping[str, type[Trees] | type[Oblivious]] = {"trees": Trees, "oblivious": Oblivious}
_KEPT = 8
"""As many as a blend may well have members."""


class _Loaded:
    """A state whose arrays were checked and made ready once."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        self.state = state
        self.inputs = with_tables(state["inputs"])
        self.start = np.array(state["start"], dtype=np.float64)
        self.trees = KINDS[state["kind"]](state["arrays"], len(self.inputs))


_loaded: list[_Loaded] = []
"""The states used last: checking one takes longer than predicting a row."""


def predict(state: Mapping[str, Any], batch: pa.Table) -> Array:
    """Return values (n,), or probabilities (n,) of class 1 or (n, k).

    Raises StageError for arrays that are not trees.
    """
    model = _load(state)
    scores = model.trees.scores(matrix(model.inputs, batch), model.start)
    if state.get("link") == "log":
        return np.exp(scores[:, 0])
    if not state["mean"]:
        return linked(state["task"], list(scores.T))
    shares: Array = scores / len(state["arrays"]["roots"])
    return shares if state["task"] == "multiclass" else shares[:, 0]


def _load(state: Mapping[str, Any]) -> _Loaded:
    loaded = next((model for model in _loaded if model.state is state), None)
    if loaded is None:
        loaded = _Loaded(state)
        _loaded.insert(0, loaded)
        del _loaded[_KEPT:]
    return loaded
