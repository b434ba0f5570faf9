"""Rows of many batches as one sequence, and masks as ranges."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given as each
from hypothesis import strategies as st

from ml_assets.stages.keys import hashed
from ml_assets.stages.split.ranges import occurrences, read, references
from ml_assets_tests.stages.feature_batches import batch, batches


def places(keys: list[str], bucket: int) -> tuple[list[int], list[int]]:
    first, last = occurrences(hashed(pa.chunked_array([keys], pa.string()), "1"), bucket)
    return first.tolist(), last.tolist()


@pytest.mark.parametrize("bucket", [1, 100])
def test_a_key_has_a_first_and_a_last_place(bucket: int) -> None:
    assert places(list("abacba"), bucket) == ([0, 1, 0, 3, 1, 0], [5, 4, 5, 3, 4, 5])


@each(st.lists(st.text("ab|\\", max_size=3), max_size=40), st.sampled_from([1, 3, 100]))
def test_places_are_those_of_the_texts(keys: list[str], bucket: int) -> None:
    known = [key for key in keys if not key.startswith("\\L")]
    first = [known.index(key) for key in known]
    last = [len(known) - 1 - known[::-1].index(key) for key in known]
    assert places(known, bucket) == (first, last)


def test_keys_without_key_columns_are_never_the_same() -> None:
    rows = read(batches({"1": ["\\L2", "\\L3"], "2": ["\\L2"]}))
    assert rows.first.tolist() == rows.last.tolist() == [0, 1, 2]


def test_home_is_the_first_batch_and_the_last_row_counts() -> None:
    rows = read(batches({"1": ["a", "b"], "2": [], "3": ["b", "c"]}))
    assert rows.home.tolist() == [0, 0, 0, 2]
    assert rows.latest.tolist() == [True, False, True, True]
    assert rows.repeated == 1


def test_ranges_are_half_open_and_name_the_digest() -> None:
    rows = read({"1": batch("one", ["a", "b", "c", "d"]), "2": batch("two", ["e"])})
    table = references(rows, np.array([True, True, False, True, True]))
    assert table.to_pylist() == [
        {"batch": "1", "features": "d1:one", "start": 0, "stop": 2},
        {"batch": "1", "features": "d1:one", "start": 3, "stop": 4},
        {"batch": "2", "features": "d1:two", "start": 0, "stop": 1},
    ]


def test_no_batches() -> None:
    rows = read({})
    assert len(rows.last) == 0
    assert len(references(rows, rows.latest)) == 0


@each(st.lists(st.integers(0, 6), max_size=5), st.data())
def test_ranges_hold_exactly_the_rows_of_the_mask(sizes: list[int], data: st.DataObject) -> None:
    content = {str(n): [f"{n}-{row}" for row in range(size)] for n, size in enumerate(sizes)}
    size = sum(sizes)
    mask = data.draw(st.lists(st.booleans(), min_size=size, max_size=size))
    rows = read(batches(content))
    back = [
        key
        for row in references(rows, np.array(mask, dtype=bool)).to_pylist()
        for key in content[row["batch"]][row["start"] : row["stop"]]
    ]
    everything = [key for keys in content.values() for key in keys]
    assert back == [key for key, held in zip(everything, mask, strict=True) if held]
