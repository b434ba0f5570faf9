"""Rows of many batches as one sequence, and masks as ranges."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given as each
from hypothesis import strategies as st

from ml_assets.errors import StageError
from ml_assets.stages.keys import Keys
from ml_assets.stages.split.ranges import read, references, repeats_of
from ml_assets_tests.stages.feature_batches import batch, batches


def places(keys: list[str], held: int) -> tuple[list[int], list[int], list[int]]:
    """Return the rows whose key stands in several, and where it first and last does, by row."""
    with Keys(held) as files:
        for start in range(0, len(keys), 4):
            part = pa.chunked_array([keys[start : start + 4]], pa.string())
            files.add(part, np.arange(start, start + len(part)))
        found = repeats_of(files)
    order = np.argsort(found.rows)
    return tuple(part[order].tolist() for part in (found.rows, found.first, found.last))


IN_MEMORY, ON_DISK = 2**18, 1


@pytest.mark.parametrize("held", [IN_MEMORY, ON_DISK])
def test_a_key_of_several_rows_has_a_first_and_a_last_place(held: int) -> None:
    assert places(list("abacba"), held) == ([0, 1, 2, 4, 5], [0, 1, 0, 1, 0], [5, 4, 5, 4, 5])
    assert places([], held) == places(list("abc"), held) == ([], [], [])


@each(st.lists(st.text("ab|\\", max_size=3), max_size=40), st.sampled_from([IN_MEMORY, ON_DISK]))
def test_places_are_those_of_the_texts(keys: list[str], held: int) -> None:
    known = [key for key in keys if not key.startswith("\\L")]
    rows = [row for row, key in enumerate(known) if known.count(key) > 1]
    first = [known.index(known[row]) for row in rows]
    last = [len(known) - 1 - known[::-1].index(known[row]) for row in rows]
    assert places(known, held) == (rows, first, last)


def test_a_full_temporary_folder_is_named() -> None:
    import resource
    import signal
    import tempfile

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with Keys(ON_DISK) as keys, pytest.raises(StageError, match=tempfile.gettempdir()):
            keys.add(pa.chunked_array([[str(n) for n in range(99)]]), np.arange(99))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_keys_without_key_columns_are_never_the_same() -> None:
    rows = read(batches({"1": ["\\L2", "\\L3"], "2": ["\\L2"]}))
    assert rows.first.tolist() == [0, 1, 2]
    assert rows.latest.all()


def test_home_is_the_first_batch_and_the_last_row_counts() -> None:
    rows = read(batches({"1": ["a", "b"], "2": [], "3": ["b", "c"]}))
    assert rows.at_home(np.array([0, 1, 2])).tolist() == [0, 0, 0, 2]
    assert rows.at_last(np.array([5, 6, 7, 8])).tolist() == [5, 7, 7, 8]
    assert rows.first.tolist() == [0, 1, 1, 3]
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
    assert len(rows) == 0
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
