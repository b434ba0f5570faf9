"""Losses of rows that a model has not seen, added up."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from ml_assets.faults import StageError
from ml_assets.spec.predictions import LossesSpec
from ml_assets.stages.memory import InMemory
from ml_assets.stages.score.losses import losses


def _lost(metric: str, target: pa.Array, seen: list[bool], **columns: list[float]) -> dict:  # type: ignore[type-arg]
    lines = list(range(len(seen)))
    said = pa.table({"_line": lines, **columns, "seen": seen})
    features = pa.table({"_line": lines, "_target": target})
    found = losses(
        LossesSpec(metric=metric), predictions=InMemory(said), features=InMemory(features)
    )
    return found.outputs["losses"]  # type: ignore[return-value]


def test_seen_and_unlabelled_rows_do_not_count() -> None:
    target = pa.array([1.0, 2.0, None, 4.0])
    prediction = [2.0, 5.0, 9.0, 9.0]
    seen = [False, False, False, True]
    assert _lost("mae", target, seen, prediction=prediction) == {"rows": 2, "loss": 4.0}
    assert _lost("rmse", target, seen, prediction=prediction) == {"rows": 2, "loss": 10.0}
    nothing = _lost("mae", target, [True] * 4, prediction=prediction)
    assert nothing == {"rows": 0, "loss": 0.0}


def test_probabilities_are_of_the_label() -> None:
    target = pa.array(["a", "b"]).dictionary_encode()
    found = _lost(
        "log_loss", target, [False] * 2, probability_a=[0.5, 0.75], probability_b=[0.5, 0.25]
    )
    assert found["rows"] == 2
    assert found["loss"] == pytest.approx(-np.log(0.5) - np.log(0.25))


def test_other_rows_are_an_error() -> None:
    said = pa.table({"_line": [1], "prediction": [1.0], "seen": [False]})
    features = pa.table({"_line": [2], "_target": [1.0]})
    with pytest.raises(StageError, match="of other rows"):
        losses(LossesSpec(metric="mae"), predictions=InMemory(said), features=InMemory(features))
