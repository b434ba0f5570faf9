"""Rows to score: functions that fail for some rows, batches of rows, parity from raw rows on."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ml_assets.errors import HookError
from ml_assets.spec.columns import Column
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.model import FeatureColumn, FeaturesSpec
from ml_assets.spec.score import RawParitySpec, ScoreSpec, score_spec, typed_rows
from ml_assets.stages.gate.raw import parity
from ml_assets.stages.memory import InMemory
from ml_assets.stages.score.read import read
from ml_assets.stages.score.score import Group, Scorer
from ml_assets.stages.score.source import source_of

DATASET = DatasetSpec.model_validate(
    {
        "description": "Sales.",
        "landing": {"pattern": "sales.csv"},
        "columns": {
            "a": {"type": "number", "range": [0, 9999]},
            "store": {"type": "category"},
            "y": {"type": "number"},
        },
        "cleaning": [{"op": "upper", "columns": ["store"]}],
        "rules": [{"id": "positive", "expression": "y > 0", "reason": "it is a count"}],
    }
)
FEATURES = FeaturesSpec(
    model="m",
    dataset="sales",
    known=("a", "store", "y"),
    withheld={},
    predict_at=None,
    joins=(),
    previous=0,
    key=(),
    time=None,
    target="y",
    task="regression",
    weight=None,
    slices=(),
    columns={"x": FeatureColumn(type="number")},
)
SPEC = score_spec(DATASET, FEATURES)
HIDDEN = SPEC.model_copy(update={"hidden": True})
DOCUMENT = {
    "format": 1,
    "family": "own",
    "source": "",
    "task": "regression",
    "classes": [],
    "columns": {"x": "number"},
    "categories": {},
    "state": {"factor": 2.0},
}
FAMILY = SimpleNamespace(predict=lambda state, batch: state["factor"] * batch["x"].to_numpy())
Function = Callable[..., pd.DataFrame]


def plain(sales: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"x": sales["a"] + 1})


def odd(sales: pd.DataFrame) -> pd.DataFrame:
    if (sales["a"] % 500 == 7).any():
        raise ValueError("a secret")
    return plain(sales)


def never(sales: pd.DataFrame) -> pd.DataFrame:
    raise ValueError(f"no {len(sales)}")


def by_batch(sales: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"x": sales["a"] - sales["a"].mean()})


def scored(function: Function, rows: list[dict[str, Any]], spec: ScoreSpec = SPEC) -> pa.Table:
    scorer = Scorer(spec, DOCUMENT, FAMILY, function)
    found = read(SPEC.rows, source_of(rows, SPEC.rows))
    predicted = scorer.from_rows(found, [Group(np.arange(len(found.table)), {})])
    return scorer.answer(len(rows), predicted)


def test_one_row_of_a_thousand_for_which_the_function_raises() -> None:
    answer = scored(odd, [{"a": n, "store": "x"} for n in range(1000)])
    assert [n for n, why in enumerate(answer["problem"].to_pylist()) if why] == [7, 507]
    assert answer["problem"][7].as_py() == (
        "features: stages/test_score.py:odd raised ValueError at line "
        f"{odd.__code__.co_firstlineno + 2}: a secret"
    )
    wanted = [None if n % 500 == 7 else 2.0 * (n + 1) for n in range(1000)]
    assert answer["prediction"].to_pylist() == wanted


def test_what_a_function_raises_is_not_shown_beside_sensitive_columns() -> None:
    answer = scored(odd, [{"a": 7, "store": "secret"}], HIDDEN)
    assert answer["problem"].to_pylist() == [
        "features: the function raised ValueError; what it said is not shown, since a column is "
        "sensitive"
    ]


def test_a_function_that_raises_for_every_row_fails_as_a_whole() -> None:
    with pytest.raises(HookError, match=r"for more than 100 of 300 rows: .*no 1$"):
        scored(never, [{"a": n, "store": "x"} for n in range(300)])
    assert scored(never, [{"a": 1, "store": "x"}])["prediction"].to_pylist() == [None]


def test_what_a_function_changes_in_a_joined_frame_is_gone_at_the_next_call() -> None:
    def spoils(sales: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
        other.loc[:, "z"] += 1.0
        return pd.DataFrame({"x": sales["a"] + other["z"].iloc[0]})

    scorer = Scorer(SPEC, DOCUMENT, FAMILY, spoils)
    found = read(SPEC.rows, source_of([{"a": 1, "store": "x"}], SPEC.rows))
    group = Group(np.arange(1), {"other": pd.DataFrame({"z": [1.0]})})
    assert [scorer.from_rows(found, [group]).found.tolist() for _ in range(2)] == [[6.0]] * 2


def test_rows_of_several_groups_keep_their_places() -> None:
    def joined(sales: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"x": sales["a"] + other["z"].iloc[0]})

    scorer = Scorer(SPEC, DOCUMENT, FAMILY, joined)
    found = read(SPEC.rows, source_of([{"a": n, "store": None} for n in (1, 2, -5, 3)], SPEC.rows))
    groups = [
        Group(np.array([1]), {"other": pd.DataFrame({"z": [100.0]})}, "other"),
        Group(np.array([0, 2]), {"other": pd.DataFrame({"z": [0.0]})}),
    ]
    answer = scorer.answer(4, scorer.from_rows(found, groups))
    assert answer["prediction"].to_pylist() == [2.0, 204.0, None, 6.0]
    assert answer["missing_joins"].to_pylist() == [None, "other", None, None]
    assert (
        answer["problem"].to_pylist()[2]
        == "a.range: a: got -5.0, wanted at least 0 and at most 9999"
    )


def test_the_target_need_not_be_there_and_its_rules_do_not_count() -> None:
    rows = [{"a": 1, "store": "x", "y": y} for y in (-1, "many", None, 3)]
    assert scored(plain, rows)["problem"].null_count == 4
    assert scored(plain, [{"a": 1, "store": "x"}])["prediction"].to_pylist() == [4.0]


def test_a_sensitive_value_is_in_no_problem() -> None:
    spec = DATASET.model_copy(
        update={
            "columns": {
                **DATASET.columns,
                "store": Column(type="category", allowed=("A",), sensitive=True),
            }
        }
    )
    found = read(
        score_spec(spec, FEATURES).rows,
        source_of([{"a": 1, "store": "secret"}], score_spec(spec, FEATURES).rows),
    )
    assert score_spec(spec, FEATURES).hidden
    assert found.problems[0].startswith("store.allowed: ")
    assert "secret" not in found.problems[0].lower()


def compared(function: Function) -> dict[str, tuple[bool, str]]:
    """Return the verdicts on predictions from raw rows, by way."""
    numbers = [5.0, 1.0, 9.0, 3.0]
    lines = pa.array([2, 3, 4, 5], pa.int64())
    raw = pa.table({"_line": lines, "a": numbers, "store": list("xyzx"), "y": [1.0] * 4})
    frame = pd.DataFrame({"a": numbers})
    made = function(frame)["x"].to_numpy()
    features = pa.table({"_line": lines, "x": made})
    test = pa.table(
        {
            "batch": pa.array(["b"]).dictionary_encode(),
            "features": pa.array(["d1:f"]).dictionary_encode(),
            "start": [0],
            "stop": [4],
        }
    )
    score: ScoreSpec = SPEC.model_copy(update={"rows": typed_rows(SPEC.rows)})
    found = parity(
        RawParitySpec(score=score, rows=4),
        family=FAMILY,
        hook=function,
        parity=InMemory({"checks": []}),
        model=InMemory(DOCUMENT),
        test=InMemory(test),
        features={"b": InMemory(features)},
        raw={"b": InMemory(raw)},
        joins={"b": {}},
        previous={"b": {}},
    )
    document: Any = found.outputs["parity"]
    assert document["raw_rows"] == 4
    return {check["name"]: (check["passed"], check["text"]) for check in document["checks"]}


def test_parity_from_raw_rows() -> None:
    assert compared(plain) == {
        "raw": (True, "the same from raw rows, to the bit"),
        "raw_permuted": (True, "the same from raw rows in another order, to the bit"),
        "raw_alone": (True, "the same from raw rows one by one, to the bit"),
    }


def test_a_function_that_looks_at_other_rows_differs_one_by_one() -> None:
    found = compared(by_batch)
    assert [found[way][0] for way in ("raw", "raw_permuted", "raw_alone")] == [True, True, False]
    assert found["raw_alone"][1] == "4 of 4 predictions differ from raw rows one by one"
