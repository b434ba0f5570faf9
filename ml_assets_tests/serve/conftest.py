"""The toy project with a champion, made once for the session; what a test changes is a copy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_assets_tests.prepared import once
from ml_assets_tests.projects import Toy, copied, toy_project


@pytest.fixture(scope="session")
def predicting(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Give a project with a champion; for reading and copying only."""

    def make(root: Path) -> None:
        with toy_project(root) as project:
            project.land_all()
            assert not project.make().faults

    return Toy(once(tmp_path_factory, "predicting", make).resolve())


@pytest.fixture
def promoted(predicting: Toy, tmp_path: Path) -> Iterator[Toy]:
    """Give a copy of a project with a champion."""
    with copied(predicting, tmp_path / "project") as found:
        yield found
