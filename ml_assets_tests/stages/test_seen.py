"""Which rows a model has seen: by key, or by batch and line where a row has none."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ml_assets.stages.keys import named, numbered
from ml_assets.stages.paired.rows import PairedRows
from ml_assets.stages.paired.seen import seen_keys
from ml_assets.stages.split.ranges import REFERENCES
from ml_assets_tests.stages.feature_batches import batches


def test_a_row_without_a_key_was_seen_in_its_batch_only() -> None:
    features = batches({"1": ["a", "\\L3", "b"], "2": ["\\L3", "a"]})
    row = {"batch": "1", "features": "d1:1", "start": 0, "stop": 2}
    seen = seen_keys([pa.Table.from_pylist([row], REFERENCES)], features)
    assert seen.to_pylist() == ["a", "\\L3\\1"]
    theirs = [key for b in ("1", "2") for key in named(features[b].table()["_key"], b).to_pylist()]
    assert [key in seen.to_pylist() for key in theirs] == [True, True, False, False, True]


def test_a_key_that_looks_like_one_is_another() -> None:
    # A backslash in a value is doubled: this is the key `\L3\1`.
    keys = pa.chunked_array([["\\\\L3\\\\1", "\\L3"]])
    assert named(keys, "1").to_pylist() == ["\\\\L3\\\\1", "\\L3\\1"]
    assert named(pa.chunked_array([], pa.string()), "1").to_pylist() == []


def test_rows_of_equal_inputs_are_counted_over_all_batches() -> None:
    a, b = (f"\\I{text * 32}" for text in "ab")
    features = batches({"1": [f"{a}\\1", f"{a}\\2", f"{b}\\1"], "2": [f"{a}\\1"]})
    ends = [
        {"batch": b, "features": f"d1:{b}", "start": 0, "stop": n} for b, n in (("1", 3), ("2", 1))
    ]
    seen = seen_keys([pa.Table.from_pylist(ends, REFERENCES)], features)
    assert seen.to_pylist() == [f"{a}\\1", f"{a}\\2", f"{b}\\1", f"{a}\\3"]
    # Of three more rows, all with inputs that were seen, none was.
    new = pa.chunked_array([[f"{a}\\1", f"{b}\\1", f"{a}\\2"]])
    again = numbered(new, pa.chunked_array([seen])).to_pylist()
    assert again == [f"{a}\\4", f"{b}\\2", f"{a}\\5"]
    # Who has seen four rows with inputs a has seen the first of them.
    assert numbered(new).to_pylist() == [f"{a}\\1", f"{b}\\1", f"{a}\\2"]


def test_of_equal_inputs_the_other_has_seen_as_many_as_it_was_trained_on() -> None:
    a = f"\\I{'a' * 32}"
    none = np.zeros(3)
    test = pa.chunked_array([[f"{a}\\1", "k", f"{a}\\2"]])
    rows = PairedRows(none, none, None, None, test, none.astype("datetime64[us]"), none, None, {})
    ours, theirs = pa.array([f"{a}\\1"]), pa.array([f"{a}\\1", f"{a}\\2", "k"])
    # The candidate was trained on one such row, the other on two: one of them lies in test.
    by_us, by_them = rows.seen_by(ours, theirs)
    assert by_us.tolist() == [False, False, False]
    assert by_them.tolist() == [True, True, False]
