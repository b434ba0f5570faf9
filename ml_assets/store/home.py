"""A home: the folder in which all state lives, and its parts, opened together.

    landing/<dataset>/          files that people drop
    objects/                    immutable content by digest
    state.db                    actions, versions, batches, promotion log
    environments/<env>/         Dagster's and MLflow's own folders, the lock

Everything below is relative to the home: it can be moved or copied.
"""

from __future__ import annotations

import re
from pathlib import Path

from ml_assets.errors import HomeError
from ml_assets.store.batches import Batches
from ml_assets.store.lock import KeyLocks
from ml_assets.store.objects import Objects
from ml_assets.store.pins import Pins
from ml_assets.store.promotions import Promotions
from ml_assets.store.records import Records
from ml_assets.store.removals import Removals
from ml_assets.store.state import open_state

ENVIRONMENT = re.compile(r"[a-z][a-z0-9_-]*")


class Home:
    """An open home and the environment in use; raises HomeError where it cannot be used."""

    def __init__(self, root: Path, env: str) -> None:
        if not ENVIRONMENT.fullmatch(env):
            raise HomeError(f"environment {env!r}: wanted lower case letters, digits, - and _")
        self.root = root
        self.env = env
        self.state = open_state(root)
        self.objects = Objects(root / "objects", self.state)
        self.records = Records(self.state)
        self.batches = Batches(self.state)
        self.removals = Removals(self.state)
        self.promotions = Promotions(self.state)
        self.pins = Pins(self.state)
        self.locks = KeyLocks(root / "locks")

    @property
    def landing(self) -> Path:
        """Where files land, one folder a dataset."""
        return self.root / "landing"

    @property
    def sample(self) -> Path:
        """Where the demo keeps the files that it lands; empty in any other home."""
        return self.root / "sample"

    @property
    def folder(self) -> Path:
        """The environment's own folder."""
        return self.root / "environments" / self.env

    def environments(self) -> list[str]:
        """Return every environment of the home, the one in use included, sorted."""
        folder = self.root / "environments"
        found = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        return sorted({self.env, *self.records.environments(), *found})

    def close(self) -> None:
        """Close the state database."""
        self.locks.close()
        self.state.close()
