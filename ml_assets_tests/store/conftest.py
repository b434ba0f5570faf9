"""A home in a temporary folder, closed at the end of the test; for some files on Postgres too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_assets.store.home import Home
from ml_assets_tests.shared import Cluster, postgres

BOTH = ("batches", "migrate", "pins", "processes", "promotions", "records", "state", "switches")
"""What is tested on both databases: test_batches.py, …"""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "state" in metafunc.fixturenames:
        both = metafunc.module.__name__.rpartition(".test_")[2] in BOTH
        kinds = ["sqlite", "postgres"] if both else ["sqlite"]
        metafunc.parametrize("state", kinds, indirect=True)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with postgres() as found:
        yield found


@pytest.fixture
def state(request: pytest.FixtureRequest) -> str:
    """The address of an empty state, as a home takes it."""
    return request.getfixturevalue("cluster").empty() if request.param == "postgres" else ""


@pytest.fixture
def home(tmp_path: Path, state: str) -> Iterator[Home]:
    found = Home(tmp_path / "home", "dev", state)
    yield found
    found.close()
