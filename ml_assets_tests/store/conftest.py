"""A home in a temporary folder, closed at the end of the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from ml_assets.store.home import Home

# The first example may pay for an import.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    found = Home(tmp_path / "home", "dev")
    yield found
    found.close()
