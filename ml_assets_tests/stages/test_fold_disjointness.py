"""The recount finds what a wrong split would do."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from ml_assets.stages.check.fold_disjointness import check
from ml_assets.stages.result import Check
from ml_assets.stages.split.ranges import REFERENCES
from ml_assets.stages.split.time import split
from ml_assets_tests.handles import Given, given
from ml_assets_tests.stages.feature_batches import batch, batches, rule

Range = tuple[str, str, int, int]


def references(*ranges: Range) -> Given:
    rows = [dict(zip(REFERENCES.names, item, strict=True)) for item in ranges]
    return given(pa.Table.from_pylist(rows, schema=REFERENCES))


def verdict(
    features: dict[str, Given],
    train: list[Range],
    validation: list[Range],
    test: list[Range],
    **changes: Any,
) -> Check:
    (found,) = check(
        rule(**changes),
        train=references(*train),
        validation=references(*validation),
        test=references(*test),
        features=features,
    ).checks
    return found


TWO = {"1": ["a", "b", "c"], "2": ["c", "d"]}


def test_a_real_split_is_green() -> None:
    features = batches({"1": ["a"], "2": ["b", "B"], "3": ["c", "a"], "4": ["d"]})
    made = split(rule(test=1, validation=1), features=features).outputs
    folds = {name: given(made[name]) for name in ("train", "validation", "test")}
    (found,) = check(rule(), **folds, features=features).checks
    assert found.passed
    assert found.metadata == {"train": 3, "validation": 1, "test": 1}
    assert found.description == ("no key is in two folds (train 3, validation 1, test 1 rows)")


def test_empty_folds_are_green() -> None:
    assert verdict(batches(TWO), [], [], []).passed


def test_a_key_in_two_folds() -> None:
    found = verdict(
        batches(TWO), [("1", "d1:1", 0, 1)], [("1", "d1:1", 1, 3)], [("2", "d1:2", 0, 2)]
    )
    assert found.passed is False
    assert found.description == "1 keys are in validation and in test"


def test_a_key_twice_in_a_fold() -> None:
    found = verdict(batches(TWO), [("1", "d1:1", 0, 3), ("2", "d1:2", 0, 1)], [], [])
    assert found.description == "1 row of train repeats a key"


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (("1", "d1:old", 0, 1), "test refers to features of 1 other than those it was made from"),
        (("9", "d1:9", 0, 1), "test refers to features of 9 other than those it was made from"),
        (("1", "d1:1", 2, 4), "test refers to rows 2-4 of 1, which has 3"),
        (("1", "d1:1", 2, 2), "test refers to rows 2-2 of 1, which has 3"),
    ],
)
def test_wrong_references(item: Range, message: str) -> None:
    found = verdict(batches(TWO), [], [], [item])
    assert found.passed is False
    assert found.description == message


def test_a_group_in_two_folds() -> None:
    features = {"1": batch("1", ["a", "b"], _group=pa.array(["g", "g"]))}
    ranges = ([("1", "d1:1", 0, 1)], [], [("1", "d1:1", 1, 2)])
    assert verdict(features, *ranges, kind="hash").passed
    found = verdict(features, *ranges, kind="hash", group=("owner",))
    assert found.description == "1 groups are in train and in test"


def test_rows_without_key_columns_are_told_by_their_batch() -> None:
    features = batches({"1": ["\\L2"], "2": ["\\L2"]})
    assert verdict(features, [("1", "d1:1", 0, 1)], [], [("2", "d1:2", 0, 1)]).passed
    found = verdict(features, [("1", "d1:1", 0, 1)], [], [("1", "d1:1", 0, 1)])
    assert found.description == "1 keys are in train and in test"


def test_rows_of_equal_inputs_share_a_fold_of_a_hash_split() -> None:
    one = f"\\I{'a' * 32}"
    features = batches({"1": [f"{one}\\1", f"{one}\\2"], "2": [f"{one}\\1"]})
    apart = ([("1", "d1:1", 0, 2)], [], [("2", "d1:2", 0, 1)])
    # By time they are rows of their own.
    assert verdict(features, *apart).passed
    found = verdict(features, *apart, kind="hash")
    assert found.description == "1 sets of equal inputs are in train and in test"
    together = [("1", "d1:1", 0, 2), ("2", "d1:2", 0, 1)]
    assert verdict(features, together, [], [], kind="hash").passed
    twice = verdict(features, [("1", "d1:1", 0, 1)], [], [("1", "d1:1", 0, 1)], kind="hash")
    assert "1 keys are in train and in test" in twice.description
