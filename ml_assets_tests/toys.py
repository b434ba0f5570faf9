"""The toy project: empty, or with everything made (built once, copied for each test)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_assets_tests.prepared import once, prepared_site
from ml_assets_tests.projects import Toy, copied, project, toy, toy_project

__all__ = ["project", "toy"]


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Give a project in which everything was made and shown; for copies only."""

    def make(root: Path) -> None:
        with prepared_site(tmp_path_factory, "original") as site:
            site.toy.root.rename(root)
        # Nothing of Dagster's and MLflow's own is looked at below their layers.
        shutil.rmtree(root / "data" / "environments")

    return Toy(once(tmp_path_factory, "original", make).resolve())


@pytest.fixture(scope="session")
def predicting(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Give a project with a champion, made without Dagster; for copies only."""

    def make(root: Path) -> None:
        with toy_project(root) as found:
            found.land_all()
            assert not found.make().faults

    return Toy(once(tmp_path_factory, "predicting", make).resolve())


@pytest.fixture
def made(original: Toy, tmp_path: Path) -> Iterator[Toy]:
    """Give a project in which everything was made and shown."""
    with copied(original, tmp_path / "project") as found:
        yield found
