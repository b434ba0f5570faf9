"""The toy project with a champion; what a test changes is a copy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_assets_tests.projects import Toy, copied
from ml_assets_tests.toys import predicting

__all__ = ["predicting", "promoted"]


@pytest.fixture
def promoted(predicting: Toy, tmp_path: Path) -> Iterator[Toy]:
    """Give a copy of a project with a champion."""
    with copied(predicting, tmp_path / "project") as found:
        yield found
