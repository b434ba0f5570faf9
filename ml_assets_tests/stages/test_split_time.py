"""Rolling origin: slots, late labels, overlapping deliveries, shares, waiting."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given as each
from hypothesis import strategies as st

from ml_assets.stages.result import Result
from ml_assets.stages.split.time import split
from ml_assets_tests.handles import Given
from ml_assets_tests.stages.feature_batches import batch, batches, keys, rule

FOUR = {"1": ["a"], "2": ["b"], "3": ["c"], "4": ["d"], "5": ["e"]}


def folds(features: dict[str, Given], **split_rule: Any) -> dict[str, str]:
    """Return the fold of each key."""
    found = keys(split(rule(**split_rule), features=features), features)
    return {key: fold for fold, rows in found.items() for _, key in rows}


def waiting(result: Result) -> str:
    assert all(len(result.outputs[fold]) == 0 for fold in ("train", "validation", "test"))
    text = result.outputs["summary"]["waiting"]
    assert isinstance(text, str)
    return text


def test_newest_are_test_then_validation_then_train() -> None:
    features = batches(FOUR)
    result = split(rule(test=2, validation=1), features=features)
    assert keys(result, features) == {
        "train": [("1", "a"), ("2", "b")],
        "validation": [("3", "c")],
        "test": [("4", "d"), ("5", "e")],
    }
    assert result.outputs["summary"] == {
        "waiting": None,
        "rows": {
            "train": 2,
            "validation": 1,
            "test": 2,
            "unlabelled": 0,
            "superseded": 0,
            "out": 0,
        },
        "shares": {"train": 0.4, "validation": 0.2, "test": 0.4},
        "unkeyed": 0,
        "batches": {"train": ["1", "2"], "validation": ["3"], "test": ["4", "5"]},
    }


def test_a_window_leaves_older_batches_out() -> None:
    result = split(rule(test=1, validation=1, window=2), features=batches(FOUR))
    assert result.outputs["summary"]["batches"]["train"] == ["2", "3"]
    assert result.outputs["summary"]["rows"]["out"] == 1


def test_a_batch_with_few_labels_takes_no_slot() -> None:
    features = batches(FOUR) | {"4": batch("4", ["d", "D"], [1.0, None])}
    found = folds(features, test=1, validation=1)
    # Batch 4 is newer than validation: its labelled row is in no fold yet.
    assert found == {"a": "train", "b": "train", "c": "validation", "e": "test"}
    summary = split(rule(test=1, validation=1), features=features).outputs["summary"]
    assert (summary["rows"]["unlabelled"], summary["rows"]["out"]) == (1, 1)


def test_a_batch_with_few_labels_trains_once_it_is_older() -> None:
    features = batches(FOUR) | {"2": batch("2", ["b", "B"], [1.0, None])}
    assert folds(features, test=1, validation=1)["b"] == "train"


def test_enough_labels_take_a_slot_and_unlabelled_rows_stay_out() -> None:
    features = batches(FOUR) | {"5": batch("5", list("efghijklmn"), [1.0] * 9 + [None])}
    found = folds(features, test=1, validation=1)
    assert found["e"] == "test"
    assert "n" not in found
    assert folds(features, test=1, validation=1, min_labelled=0.95)["d"] == "test"


def test_empty_batches_take_no_slot() -> None:
    features = batches(FOUR | {"5": []})
    assert folds(features, test=1, validation=1)["d"] == "test"
    assert folds(features, test=1, validation=1, min_labelled=0)["d"] == "test"


def test_a_key_in_several_batches_has_the_fold_of_the_first_and_the_values_of_the_last() -> None:
    features = batches(FOUR | {"5": ["e", "a", "c"]})
    result = split(rule(test=1, validation=1), features=features)
    assert keys(result, features) == {
        "train": [("2", "b"), ("5", "a"), ("5", "c")],
        "validation": [("4", "d")],
        "test": [("5", "e")],
    }
    assert result.outputs["summary"]["rows"]["superseded"] == 2
    assert result.outputs["summary"]["batches"]["train"] == ["2", "5"]


def test_a_batch_that_only_repeats_takes_a_slot() -> None:
    features = batches(FOUR | {"6": ["d", "e"]})
    assert folds(features, test=2, validation=1)["e"] == "test"
    assert waiting(split(rule(test=1, validation=1), features=features)) == (
        "needs labelled rows in every fold (test 1, validation 1), "
        "has none for test: 5 rows in 6 usable batches"
    )


def test_labels_that_come_with_a_later_batch_count_for_the_first() -> None:
    features = batches(FOUR) | {"5": batch("5", ["e"], [None]), "6": batch("6", ["e", "f"])}
    found = folds(features, test=1, validation=1)
    assert (found["d"], found["e"], found["f"]) == ("train", "validation", "test")


def test_duplicate_keys_as_an_error_are_counted_and_not_shown() -> None:
    features = batches(FOUR | {"5": ["e", "secret-1", "a"], "6": ["secret-1"]})
    text = waiting(split(rule("error", test=1, validation=1), features=features))
    assert text == (
        "2 row keys occur in more than one batch (first in 1, 5), and on_duplicate_key is error"
    )
    assert split(rule("error"), features=batches(FOUR)).outputs["summary"]["waiting"] is None


def test_too_few_batches() -> None:
    features = batches({"2013-01": ["a"], "2013-02": ["b"]})
    assert waiting(split(rule(), features=features)) == (
        "needs 4 usable batches (2 test, 1 validation, at least 1 train), has 2: 2013-01, 2013-02"
    )
    features |= {"2013-03": batch("3", []), "2013-04": batch("4", ["d", "e"], [1.0, None])}
    assert waiting(split(rule(), features=features)).endswith(
        "; not usable: 2013-03 (no rows), 2013-04 (50% labelled)"
    )
    assert waiting(split(rule(), features={})).endswith("has 0")


def at(*hours: int | None) -> list[dt.datetime | None]:
    return [None if h is None else dt.datetime(2013, 1, 1, h, tzinfo=dt.UTC) for h in hours]


def test_shares_go_by_event_time_and_cut_batches() -> None:
    features = {
        "1": batch("1", list("abcde"), times=at(1, 9, 2, 3, 4)),
        "2": batch("2", list("fghij"), times=at(8, 7, 6, None, 10)),
    }
    assert folds(features, test="20%", validation="30%") == {
        **dict.fromkeys("jb", "test"),
        **dict.fromkeys("fgh", "validation"),
        **dict.fromkeys("acdei", "train"),
    }


def test_shares_without_times_go_by_batch_and_source_order() -> None:
    features = batches({"1": list("abcde"), "2": list("fghij")})
    assert folds(features, test="20%", validation="10%", window=1) == {
        **dict.fromkeys("ij", "test"),
        **dict.fromkeys("h", "validation"),
        **dict.fromkeys("fg", "train"),
    }


def test_a_share_of_a_row_that_is_repeated_goes_by_its_first_time() -> None:
    features = {
        "1": batch("1", list("abcd"), times=at(1, 2, 3, 4)),
        "2": batch("2", ["a"], times=at(9)),
    }
    assert folds(features, test="25%", validation="25%")["a"] == "train"


def test_shares_are_rounded_down_exactly() -> None:
    # 0.1 + 0.2 is a little more than 0.3 in floats, 0.29 * 100 a little less than 29.
    features = batches({"1": [str(n) for n in range(100)]})
    found = list(folds(features, test="29%", validation="1%").values())
    assert (found.count("test"), found.count("validation")) == (29, 1)


def test_a_share_that_leaves_a_fold_empty_waits() -> None:
    text = waiting(split(rule(test="10%", validation="10%"), features=batches({"1": ["a", "b"]})))
    assert text == (
        "needs labelled rows in every fold (test 10%, validation 10%), "
        "has none for validation and test: 2 rows in 1 usable batches"
    )


ORDER = {"test": 0, "validation": 1, "train": 2, "out": 3}


@st.composite
def deliveries(draw: st.DrawFn) -> dict[str, list[str]]:
    """Return up to eight batches that may repeat each other's keys."""
    count = draw(st.integers(1, 8))
    names = st.integers(0, 15).map(str)
    return {
        str(n): draw(st.lists(names, max_size=6, unique=True).map(lambda k: [*k]))
        for n in range(count)
    }


@each(deliveries(), st.data())
def test_folds_are_disjoint_and_hold_every_labelled_row(
    content: dict[str, list[str]], data: st.DataObject
) -> None:
    features = {
        name: batch(name, held, [data.draw(st.sampled_from([1.0, 1.0, 1.0, None])) for _ in held])
        for name, held in content.items()
    }
    sizes = st.sampled_from([(1, 1), (2, 1), (1, 2), ("20%", "40%"), ("40%", "10%")])
    test, validation = data.draw(sizes)
    result = split(
        rule(
            test=test,
            validation=validation,
            min_labelled=data.draw(st.sampled_from([0.0, 0.5, 0.9])),
            window=data.draw(st.sampled_from([None, 1, 2])),
        ),
        features=features,
    )
    found = [key for rows in keys(result, features).values() for _, key in rows]
    assert len(found) == len(set(found))
    rows = result.outputs["summary"]["rows"]
    assert sum(rows.values()) == sum(len(held) for held in content.values())
    assert len(found) == rows["train"] + rows["validation"] + rows["test"]
    if result.outputs["summary"]["waiting"] is None:
        assert all(rows[fold] > 0 for fold in ("train", "validation", "test"))


@each(deliveries(), st.sampled_from([None, 2]), st.data())
def test_as_batches_arrive_a_row_only_moves_down(
    content: dict[str, list[str]], window: int | None, data: st.DataObject
) -> None:
    arrival = data.draw(st.permutations(list(content)))
    before: dict[str, int] = {}
    for number in range(1, len(arrival) + 1):
        there = batches({name: content[name] for name in sorted(arrival[:number])})
        result = split(rule(test=2, validation=1, window=window), features=there)
        if result.outputs["summary"]["waiting"] is not None:
            continue
        now = folds(there, test=2, validation=1, window=window)
        place = {key: ORDER[now.get(key, "out")] for name in there for key in content[name]}
        assert all(place[key] >= before[key] for key in before)
        before = place


@each(st.lists(st.integers(1, 6), min_size=2, max_size=7))
def test_as_newer_batches_arrive_a_row_only_moves_down_by_shares_too(sizes: list[int]) -> None:
    content = {str(n): [f"{n}-{row}" for row in range(size)] for n, size in enumerate(sizes)}
    before: dict[str, int] = {}
    for number in range(1, len(sizes) + 1):
        there = batches({name: content[name] for name in sorted(content)[:number]})
        now = folds(there, test="30%", validation="20%")
        place = {key: ORDER[now.get(key, "out")] for name in there for key in content[name]}
        if now:
            assert all(place[key] >= before[key] for key in before)
            before = place


@pytest.mark.parametrize("order", [["1", "2", "3", "4", "5"], ["5", "3", "1", "2", "4"]])
def test_only_the_calendar_order_counts(order: list[str]) -> None:
    arrived = {name: FOUR[name] for name in order}
    there = batches({name: arrived[name] for name in sorted(arrived)})
    assert folds(there, test=1, validation=1)["e"] == "test"


# --- rows without a key, rows of one time -----------------------------------------------------


def test_rows_without_a_key_are_rows_of_their_own() -> None:
    # Line 3 of each batch misses a part of its key.
    features = {n: batch(n, [n, "\\L3"]) for n in ("a", "b", "c", "d")}
    result = split(rule(test=1, validation=1), features=features)
    summary = result.outputs["summary"]
    assert summary["rows"] == {
        "train": 4,
        "validation": 2,
        "test": 2,
        "unlabelled": 0,
        "superseded": 0,
        "out": 0,
    }
    assert (summary["unkeyed"], summary["shares"]) == (
        4,
        {"train": 0.5, "validation": 0.25, "test": 0.25},
    )


def hours(*places: tuple[int, int]) -> list[dt.datetime]:
    return [dt.datetime(2013, 1, day, hour, tzinfo=dt.UTC) for day, hour in places]


def test_shares_keep_rows_of_one_time_together_in_the_newer_fold() -> None:
    times = hours((1, 0), (1, 0), (2, 0), (2, 0), (2, 0), (3, 0), (3, 0), (3, 0), (4, 0), (4, 0))
    features = {"1": batch("1", list("abcdefghij"), times=times)}
    result = split(rule(test="30%", validation="10%"), features=features)
    # Three rows would be test: the third is of the 3rd. The fourth, validation, is so as well.
    assert waiting(result).startswith("needs labelled rows in every fold (test 30%")
    result = split(rule(test="30%", validation="30%"), features=features)
    assert [row[1] for row in keys(result, features)["test"]] == list("fghij")
    assert [row[1] for row in keys(result, features)["validation"]] == list("cde")
    assert result.outputs["summary"]["shares"] == {"train": 0.2, "validation": 0.3, "test": 0.5}


def test_shares_keep_a_day_together_where_days_are_drawn() -> None:
    times = hours((1, 1), (1, 9), (2, 1), (2, 9), (3, 1), (3, 9), (4, 1), (4, 9))
    features = {"1": batch("1", list("abcdefgh"), times=times)}
    told = rule(test="13%", validation="25%")
    assert folds(features, test="13%", validation="25%")["g"] == "validation"
    found = keys(split(told.model_copy(update={"block": "day"}), features=features), features)
    assert [row[1] for row in found["test"]] == ["g", "h"]
    assert [row[1] for row in found["validation"]] == ["e", "f"]
    assert [row[1] for row in found["train"]] == ["a", "b", "c", "d"]
