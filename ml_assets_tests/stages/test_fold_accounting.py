"""Every row of the features is in a fold, or counted: the recount finds what is not."""

from __future__ import annotations

from typing import Any

from ml_assets.stages.check.fold_accounting import check
from ml_assets.stages.result import Check
from ml_assets.stages.split.hash import split as hashed
from ml_assets.stages.split.time import split
from ml_assets_tests.handles import Given, given
from ml_assets_tests.stages.feature_batches import batch, rule

FEATURES = {
    "1": batch("1", ["a", "b", "\\L3", "\\L4"]),
    "2": batch("2", ["c", "\\L3"], [1.0, None]),
    "3": batch("3", ["d", "a"]),
    "4": batch("4", ["e", "\\L3"]),
}


def verdict(**changed: Any) -> Check:
    """Check a real split of the features, some of its outputs changed."""
    made = split(rule(test=1, validation=1, min_labelled=0.5), features=FEATURES).outputs
    made = {**made, **changed}
    handles: dict[str, Given] = {name: given(made[name]) for name in (*FOLDS, "summary")}
    (found,) = check(rule(), **handles, features=FEATURES).checks
    return found


FOLDS = ("train", "validation", "test")


def test_rows_of_folds_and_of_none_add_up() -> None:
    found = verdict()
    assert found.passed
    assert found.description == (
        "10 cleaned rows of 4 batches: train 5, validation 1, test 2; 1 without a label, "
        "1 merged into a later row of their key, 0 in no fold; 4 without a key, each counted "
        "as distinct"
    )
    assert found.metadata == {
        "rows": 10,
        "train": 5,
        "validation": 1,
        "test": 2,
        "unlabelled": 1,
        "superseded": 1,
        "out": 0,
        "unkeyed": 4,
    }


def test_a_row_that_is_lost_is_found() -> None:
    made = split(rule(test=1, validation=1, min_labelled=0.5), features=FEATURES).outputs
    less: Any = made["train"]
    found = verdict(train=less.slice(1))
    lost = less["stop"][0].as_py() - less["start"][0].as_py()
    assert found.passed is False
    assert found.description == (
        f"train has {5 - lost} rows, the split says 5: a bug in ml_assets, please report it"
    )
    summary: Any = made["summary"]
    found = verdict(summary={**summary, "rows": {**summary["rows"], "out": 3}})
    assert found.description.startswith("13 of 10 rows are accounted for: a bug")


def test_a_row_without_a_label_in_a_fold_is_found() -> None:
    made = split(rule(test=1, validation=1, min_labelled=0.5), features=FEATURES).outputs
    train: Any = made["train"]
    other = {"batch": "2", "features": "d1:2", "start": 1, "stop": 2}
    found = verdict(train=type(train).from_pylist([*train.to_pylist(), other], train.schema))
    assert found.description.startswith(
        "train refers to 1 row of 2 without a label; train has 6 rows, the split says 5"
    )


def test_equal_inputs_and_rows_without_a_group_are_said() -> None:
    made = split(rule(test=1, validation=1, min_labelled=0.5), features=FEATURES).outputs
    summary: Any = made["summary"]
    found = verdict(summary={**summary, "unkeyed": 0, "equal_inputs": 2, "ungrouped": 3})
    assert found.description.endswith(
        "in no fold; rows are known by their inputs, which 2 share with an earlier row; 3 without "
        "a group, each a group of its own"
    )
    assert (found.metadata["equal_inputs"], found.metadata["ungrouped"]) == (2, 3)


def of_classes(labels: list[str | None]) -> Check:
    """Check a stratified split of rows with these labels."""
    features = {"1": batch("1", [str(n) for n in range(len(labels))], labels)}
    spec = rule(kind="hash", stratify=True)
    made = hashed(spec, features=features).outputs
    handles: dict[str, Given] = {name: given(made[name]) for name in (*FOLDS, "summary")}
    (found,) = check(spec, **handles, features=features).checks
    return found


def test_a_class_that_a_fold_lacks_is_said() -> None:
    found = of_classes([*["a"] * 60, *["b"] * 40, "rare"])
    assert found.passed
    lacking = "; 1 of 3 classes are missing from a fold ("
    assert lacking in found.description
    assert found.description.endswith("; the rarest class has 1 row")
    assert "rare," not in found.description
    assert "class" not in of_classes([*["a"] * 60, *["b"] * 40]).description
    assert of_classes([*["a"] * 50, None]).description.endswith(
        "0 in no fold; all labelled rows are of one class"
    )


def test_no_labels_are_of_no_class() -> None:
    found = of_classes([None] * 9)
    assert found.passed
    assert "train 0, validation 0, test 0; 9 without a label" in found.description
    assert "class" not in found.description
