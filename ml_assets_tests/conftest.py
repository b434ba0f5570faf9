"""Order of the test files, where coverage is measured, garbage, threads; what hypothesis draws."""

from __future__ import annotations

import gc
import os

import pytest
from hypothesis import is_hypothesis_test, settings

# No deadline, since an example may pay for an import. What passed today passes tomorrow; new
# examples, and twice as many, are drawn by `make shuffle`.
settings.register_profile("same", deadline=None, derandomize=True, max_examples=50)
settings.register_profile("new", deadline=None)
settings.load_profile("same")

# Of small matrices, where all cores have a test: more threads would wait for each other, spinning.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

# What is imported stays: looking through it over and over took an eighth of the suite's time.
gc.set_threshold(50_000, 20, 50)

FIRST = ("test_demo.py", "test_daemon.py", "test_promotions.py")
"""The longest of the slow ones, the longest first."""
COVERED = (
    "assets",
    "engine",
    "guess",
    "history",
    "keys",
    "operations",
    "release",
    "serve",
    "spec",
    "stages",
    "store",
)
"""Folders whose tests count for coverage, which costs them two fifths more; the others run free."""
COVERED_TOO = ("test_compare.py",)
"""Quick tests of commands on which only they go all the way: lineage, differences."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with slow tests first: with two workers the last file must be a short one."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def rank(item: pytest.Item) -> int:
        if item.path.name in FIRST:
            return FIRST.index(item.path.name)
        return len(FIRST) + (item.path not in slow)

    items.sort(key=rank)
    for item in items:
        folder = item.path.parent.name
        counts = folder in COVERED or item.path.name in COVERED_TOO
        # Drawn examples are hundreds of calls of what others call once; a guess has few others.
        if not counts or (_is_property(item) and folder != "guess"):
            item.add_marker(pytest.mark.no_cover)


def pytest_collection_finish() -> None:
    """Never again look for garbage among what was collected."""
    gc.collect()
    gc.freeze()


def _is_property(item: pytest.Item) -> bool:
    """Tell whether a test draws examples."""
    return isinstance(item, pytest.Function) and is_hypothesis_test(item.obj)
