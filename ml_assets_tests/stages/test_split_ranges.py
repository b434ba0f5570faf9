"""Rows of many batches as one sequence, and masks as ranges."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given as each
from hypothesis import strategies as st

from ml_assets.stages.split.ranges import key_codes, occurrences, read, references
from ml_assets_tests.stages.feature_batches import batch, batches


def test_a_key_has_a_first_and_a_last_place() -> None:
    first, last = occurrences(np.array([0, 1, 0, 2, 1, 0]))
    assert first.tolist() == [0, 1, 0, 3, 1, 0]
    assert last.tolist() == [5, 4, 5, 3, 4, 5]


def test_keys_without_key_columns_are_never_the_same() -> None:
    codes = key_codes(pa.chunked_array([["\\L2", "a"], ["\\L2", "a"]]))
    assert codes[1] == codes[3]
    assert len(set(codes.tolist())) == 3


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
