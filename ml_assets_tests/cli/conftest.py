"""Projects for commands: one that is materialized once for a module, and a new one each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_assets_tests.cli.shell import Site, toy_site
from ml_assets_tests.prepared import prepared_site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a project that is materialized; a test leaves it with nothing to do."""
    with prepared_site(tmp_path_factory, "cli") as site:
        yield site


@pytest.fixture
def new_site(tmp_path: Path) -> Iterator[Site]:
    """Give a project in which nothing has landed."""
    with toy_site(tmp_path / "project") as site:
        yield site
