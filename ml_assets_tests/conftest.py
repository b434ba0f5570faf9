"""Order of the test files, garbage, threads; what hypothesis draws."""

from __future__ import annotations

import gc
import os

import pytest
from hypothesis import settings

# No deadline, since an example may pay for an import. What passed today passes tomorrow; new
# examples, and twice as many, are drawn by `make shuffle`.
settings.register_profile("same", deadline=None, derandomize=True, max_examples=50)
settings.register_profile("new", deadline=None)
settings.load_profile("same")

# Of small matrices, where all cores have a test: more threads would wait for each other, spinning.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

# What is imported stays: looking through it over and over took an eighth of the suite's time.
gc.set_threshold(50_000, 20, 50)

FIRST = (
    "test_year.py",
    "test_hosts.py",
    "test_demo.py",
    "test_dask_lost.py",
    "test_promotions.py",
    "test_daemon_alerts.py",
    "test_misbehaving.py",
    "test_daemon.py",
)
"""The longest of the slow ones, those that wait more than they compute between the others."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with slow tests first: with two workers the last file must be a short one."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def rank(item: pytest.Item) -> int:
        if item.path.name in FIRST:
            return FIRST.index(item.path.name)
        return len(FIRST) + (item.path not in slow)

    items.sort(key=rank)


def pytest_collection_finish() -> None:
    """Never again look for garbage among what was collected."""
    gc.collect()
    gc.freeze()
