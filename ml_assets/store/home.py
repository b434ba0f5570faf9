"""A home: the folder with all state, and its parts, opened together.

    landing/<dataset>/          files that people drop
    objects/                    immutable content by digest
    state.db                    actions, versions, batches, promotion log
    environments/<env>/         Dagster's and MLflow's own folders, the lock

All paths are relative to the home, so it can be moved or copied. Several machines can share a home
if the state is a Postgres database and all of them can reach the objects. The database then
provides the locks, and the folder holds only what belongs to one machine.
"""

from __future__ import annotations

import os
import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from ml_assets.errors import HomeError
from ml_assets.store import temporary
from ml_assets.store.batches import Batches
from ml_assets.store.claims import Claims
from ml_assets.store.lock import FolderLock, KeyLocks, WriterLock
from ml_assets.store.objects import Objects
from ml_assets.store.pins import Pins
from ml_assets.store.places import misplaced
from ml_assets.store.promotions import Promotions
from ml_assets.store.records import Records
from ml_assets.store.removals import Removals
from ml_assets.store.state import open_state
from ml_assets.store.verdicts import Verdicts
from ml_assets.walk import entries, is_text, shown

if TYPE_CHECKING:
    from ml_assets.store.database_locks import DatabaseLocks

ENVIRONMENT = re.compile(r"[a-z][a-z0-9_-]*")


class Home:
    """An open home and the environment in use; raises HomeError if it cannot be used.

    `state` is a Postgres URL, `objects` a folder or an fsspec URL; empty means in the home.
    """

    def __init__(self, root: Path, env: str, state: str = "", objects: str = "") -> None:
        if not ENVIRONMENT.fullmatch(env):
            raise HomeError(
                f"environment {env!r}: wanted lower case letters, digits, - and _",
                got=env,
                wanted=ENVIRONMENT.pattern,
            )
        if not is_text(str(root)):
            raise HomeError(f"the home {shown(root)}: its path is not UTF-8; move it elsewhere")
        if wrong := misplaced(root, env):
            raise HomeError("\n".join(wrong))
        self.root = root
        self.env = env
        self._settings = (state, objects)
        temporary.sweep(root / "tmp")
        self.state = open_state(root, state, self._begin)
        try:
            self._keep_private(objects)
            self.objects = Objects(objects or root / "objects", self.state)
            if state or objects or self.objects.claimed():
                self.objects.claim()
            self.batches = Batches(self.state, _machine(root) if state else "", env)
        except BaseException:
            self.state.close()
            raise
        self.records = Records(self.state)
        self.removals = Removals(self.state)
        self.promotions = Promotions(self.state)
        self.pins = Pins(self.state)
        self.verdicts = Verdicts(self.state)
        self.claims = Claims(self.state, env)
        self.locks: KeyLocks | DatabaseLocks = KeyLocks(root / "locks")
        if state:
            from ml_assets.store.database_locks import DatabaseLocks

            self.locks = DatabaseLocks(self.state)

    def _begin(self) -> None:
        """Refuse a new state beside existing objects: it would lose their records and the log."""
        if self._settings == ("", "") and any((self.root / "objects").glob("??/d1-*")):
            raise HomeError(
                f"the home {self.root} holds objects, and its state.db is gone or empty: restore "
                "state.db from a copy; to start over, without versions and with an empty "
                "promotion log, "
                f"move objects and environments out of {self.root}"
            )

    def _keep_private(self, objects: str) -> None:
        """Create the folders that hold rows, readable only by their owner; existing ones stay."""
        for name in ("environments", *([] if objects else ["objects"])):
            try:
                (self.root / name).mkdir(mode=0o700, exist_ok=True)
            except OSError as error:
                raise HomeError(
                    f"{self.root / name} cannot be created: {error.strerror}; it must be a folder"
                ) from error

    def seen_by_others(self) -> bool:
        """Return whether every user of the machine may read the home's folder."""
        return all(path.stat().st_mode & 0o005 == 0o005 for path in (self.root, self.folder.parent))

    def other(self, env: str) -> Home:
        """Open another environment of the same home."""
        return Home(self.root, env, *self._settings)

    def writer_lock(self, env: str = "") -> WriterLock:
        """Return the lock that lets one process at a time write in an environment."""
        if isinstance(self.locks, KeyLocks):
            return FolderLock(self.root / "environments" / (env or self.env))
        return self.locks.writer(env or self.env)

    @property
    def landing(self) -> Path:
        """Where files land, with one folder for each dataset."""
        return self.root / "landing"

    @property
    def sample(self) -> Path:
        """Where the demo keeps the files that it lands; unused in any other home."""
        return self.root / "sample"

    @property
    def guessed(self) -> Path:
        """Where it is kept from which files the specs of datasets were guessed."""
        return self.root / "guessed"

    @property
    def folder(self) -> Path:
        """The environment's own folder."""
        return self.root / "environments" / self.env

    def environments(self) -> list[str]:
        """Return every environment of the home, the one in use included, sorted.

        Files, and folders with other kinds of names, are not environments.
        """
        lying = entries(self.root / "environments")
        names = {entry.path.name for entry in lying if entry.folder}
        named = {name for name in names if ENVIRONMENT.fullmatch(name)}
        return sorted({self.env, *self.records.environments(), *named})

    def close(self) -> None:
        """Close the state database."""
        self.locks.close()
        self.state.close()


def _machine(root: Path) -> str:
    """Return this machine's name in a shared home, which is created on first use."""
    path = root / "machine"
    if not path.exists():
        made = root / f"machine.{os.getpid()}.tmp"
        made.write_text(uuid.uuid4().hex)
        try:
            # If two processes create it at once, one wins.
            os.link(made, path)
        except FileExistsError:
            pass
        finally:
            made.unlink()
    text = path.read_bytes().decode(errors="replace")
    if not re.fullmatch("[0-9a-f]{32}", text):
        raise HomeError(
            f"{path} is damaged: it holds {text[:80]!r}, wanted 32 hexadecimal digits. Delete it: "
            "this machine then gets a new name, and files in its landing folder count as new"
        )
    return text
