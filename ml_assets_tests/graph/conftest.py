"""A toy project that is materialized: a copy for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ml_assets_tests.cli.shell import Site
from ml_assets_tests.prepared import prepared_site


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with prepared_site(tmp_path_factory, "graph") as site:
        yield site
