"""Projects for commands, one for each test: materialized, or new."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_assets_tests.cli.shell import Site, toy_site
from ml_assets_tests.prepared import prepared_site


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a project that is materialized."""
    with prepared_site(tmp_path_factory, "cli") as site:
        yield site


@pytest.fixture
def new_site(tmp_path: Path) -> Iterator[Site]:
    """Give a project in which nothing has landed."""
    with toy_site(tmp_path / "project") as site:
        yield site
