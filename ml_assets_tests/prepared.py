"""The toy project with everything made and shown: once for all workers, then copied."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

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
def prepared_site(factory: pytest.TempPathFactory, name: str) -> Iterator[Site]:
    """Give a copy of the project after its first run, six months; nothing is left to do."""
    original = once(factory, "prepared", _materialize)
    root = factory.mktemp(name) / "project"
    processes.copy(original, root)
    lead(root)
    toy = Toy(root.resolve())
    try:
        yield Site(toy)
    finally:
        toy.close()


def _materialize(root: Path) -> None:
    with toy_site(root) as site:
        site.toy.land_all()
        answer = site.json("run")
        assert answer["success"], answer["faults"]


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
