from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ml_assets.adapters.mlflow import embedded
from ml_assets.store.home import Home
from ml_assets.workspace import Workspace
from ml_assets_tests import migrated, processes
from ml_assets_tests.adapters.world import make_world, materialize


@pytest.fixture(scope="session", autouse=True)
def migrated_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    migrated.keep(tmp_path_factory.mktemp("migrated") / "mlflow.db")
    yield
    embedded._create = migrated.create


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A project with a candidate and its report, not yet published; not to be changed."""
    workspace = make_world(tmp_path_factory.mktemp("made"))
    materialize(workspace)
    return workspace


@pytest.fixture
def workspace(made: Workspace, tmp_path: Path) -> Workspace:
    """A copy of that project, to be changed; a blank in its path."""
    root = tmp_path / "a project"
    processes.copy(made.home.parent, root)
    return replace(made, defs=root / made.defs.relative_to(made.home.parent), home=root / "data")


@pytest.fixture
def opens() -> Iterator[Callable[[Workspace], Home]]:
    """Return a function that opens a workspace's home until the test ends."""
    homes: list[Home] = []

    def opened(workspace: Workspace) -> Home:
        homes.append(Home(workspace.home, workspace.env))
        return homes[-1]

    yield opened
    for home in homes:
        home.close()
