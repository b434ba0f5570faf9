"""Which rows a model has seen: by key, or by batch and line where a row has none."""

from __future__ import annotations

import pyarrow as pa

from ml_assets.stages.keys import named
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
