"""Projects that are made once for all workers; each test that asks for one has its own copy."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ml_assets.engine.landing import observe
from ml_assets_tests import processes
from ml_assets_tests.cli.shell import Site, toy_site
from ml_assets_tests.projects import Toy

PATHS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Table and column of MLflow's absolute paths."""


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder that the first worker to ask makes; the others wait, then share it."""
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    target, done = shared / name, shared / f"{name}.done"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(target, ignore_errors=True)
            make(target)
            done.touch()
    return target


@contextmanager
def prepared_site(
    factory: pytest.TempPathFactory, name: str, then: Callable[[Site], object] | None = None
) -> Iterator[Site]:
    """Give a copy of the project after its first run, six months; nothing is left to do.

    `then` is done once, under the name, and copied too.
    """
    first = once(factory, "prepared", lambda root: _new(root, _materialize))
    original = first
    if then is not None:
        original = once(factory, f"prepared-{name}", lambda root: _next(first, root, then))
    with _copy(original, factory.mktemp(name)) as site:
        yield site


@contextmanager
def made_site(
    factory: pytest.TempPathFactory, name: str, make: Callable[[Site], object]
) -> Iterator[Site]:
    """Give a copy of a new project after `make`, which is done once, under the name."""
    original = once(factory, f"made-{name}", lambda root: _new(root, make))
    with _copy(original, factory.mktemp(name)) as site:
        yield site


def _new(root: Path, make: Callable[[Site], object]) -> None:
    with toy_site(root) as site:
        make(site)


def _next(original: Path, root: Path, then: Callable[[Site], object]) -> None:
    with _copied(original, root) as site:
        then(site)


def _materialize(site: Site) -> None:
    site.toy.land_all()
    answer = site.json("run")
    assert answer["success"], answer["faults"]


@contextmanager
def _copy(original: Path, folder: Path) -> Iterator[Site]:
    """Give a copy in a folder, which is removed at the end: there are hundreds of them."""
    try:
        with _copied(original, folder / "project") as site:
            yield site
    finally:
        shutil.rmtree(folder)


@contextmanager
def _copied(original: Path, root: Path) -> Iterator[Site]:
    processes.copy(original, root)
    if (root / "data" / "environments" / "dev" / "mlflow").exists():
        lead(root)
    toy = Toy(root.resolve())
    try:
        # Copying touched the landed files: no command needs to wait until they have settled.
        planner = toy.planner()
        observe(planner.home, planner.project, settle=0.0)
        planner.home.close()
        yield Site(toy)
    finally:
        toy.close()


def lead(copy: Path) -> None:
    """Lead MLflow's paths to a copy, which is quicker than publishing all of it anew."""
    folder = copy / "data" / "environments" / "dev" / "mlflow"
    before = (folder / "home.txt").read_text()
    (folder / "home.txt").write_text(str(folder.resolve()))
    with closing(sqlite3.connect(folder / "mlflow.db")) as db, db:
        for table, column in PATHS:
            db.execute(
                f"update {table} set {column} = replace({column}, ?, ?)",
                (before, str(folder.resolve())),
            )
