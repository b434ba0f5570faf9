"""Two models' predictions of the same rows, on frames that can be checked by eye."""

from __future__ import annotations

import json
from typing import Any, Literal

import pyarrow as pa
import pytest

from ml_assets.faults import StageError
from ml_assets.spec.predictions import RealizedSpec
from ml_assets.stages.score.pairs import disagreement, paired
from ml_assets_tests.handles import given


def table(**columns: list[Any]) -> pa.Table:
    rows = len(next(iter(columns.values())))
    named = {"_key": [f"k{n}" for n in range(rows)], "_line": list(range(2, 2 + rows))}
    return pa.table({**named, **columns})


def apart(
    task: Literal["regression", "binary", "multiclass"], ours: pa.Table, theirs: pa.Table
) -> Any:
    result = disagreement(RealizedSpec(task=task), champion=given(ours), challenger=given(theirs))
    return json.loads(json.dumps(result.outputs["disagreement"]))


def test_rows_are_paired_with_their_labels() -> None:
    labels = table(_time=[None, None], _target=[1.0, None], size=[7, 8])
    ours = table(prediction=[1.5, 2.5], seen=[False, True])
    theirs = table(prediction=[1.0, 3.0], seen=[False, False])
    assert paired(ours, theirs, labels).to_pylist() == [
        {
            "_key": f"k{n}",
            "_line": 2 + n,
            "_time": None,
            "_target": [1.0, None][n],
            "champion_prediction": [1.5, 2.5][n],
            "champion_seen": [False, True][n],
            "challenger_prediction": [1.0, 3.0][n],
            "challenger_seen": False,
        }
        for n in (0, 1)
    ]
    with pytest.raises(StageError, match="differ in rows"):
        paired(ours, theirs.slice(1), labels)
    with pytest.raises(StageError, match="different rows"):
        apart("regression", ours, theirs.slice(1))


def test_numbers_are_apart_by_their_difference() -> None:
    found = apart("regression", table(prediction=[1.0, 4.0]), table(prediction=[2.0, 4.0]))
    assert found == {"rows": 2, "mean_absolute_difference": 0.5}


def test_probabilities_are_apart_and_may_say_another_class() -> None:
    ours, theirs = [0.25, 0.5, 0.75, 1.0], [0.5, 0.25, 0.75, 1.0]
    found = apart("binary", table(prediction=ours), table(prediction=theirs))
    assert found == {"rows": 4, "mean_absolute_difference": 0.125, "differing": 0.5}


def test_classes_are_apart_by_half_the_sum_and_need_not_be_the_same() -> None:
    """A class that only one of them knows has probability 0 with the other."""
    ours = table(prediction=["a", "b"], probability_a=[0.75, 0.0], probability_b=[0.25, 1.0])
    theirs = table(prediction=["a", "c"], probability_a=[0.5, 0.0], probability_c=[0.5, 1.0])
    # Row 1: (0.25 + 0.25 + 0.5) / 2; row 2: (0 + 1 + 1) / 2.
    found = apart("multiclass", ours, theirs)
    assert found == {"rows": 2, "mean_absolute_difference": 0.75, "differing": 0.5}


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_nothing_is_known_without_rows(task: Any) -> None:
    none = table(prediction=[1.0], probability_a=[1.0]).slice(1)
    found = apart(task, none, none)
    assert found.pop("rows") == 0
    assert set(found.values()) == {None}
