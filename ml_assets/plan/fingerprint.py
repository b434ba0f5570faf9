"""A cheap fingerprint of all that a plan depends on: by stat, nothing is read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import func, select

from ml_assets.plan.workspace import Workspace
from ml_assets.store.home import Home
from ml_assets.store.state import current, landings, withdrawals
from ml_assets.walk import landing, shown, stamp


def sources(workspace: Workspace) -> Iterator[Path]:
    """Yield every first-party source and spec."""
    for folder in sorted(set(workspace.roots.values())):
        # Editors keep locks beside a file that are links to nowhere (`.#features.py`).
        yield from sorted(path for path in folder.rglob("*.py") if path.is_file())
    yield from sorted(workspace.defs.glob("*/defs.yaml"))


def youngest_source(workspace: Workspace) -> float:
    """Return when a source was last changed, in seconds since the epoch."""
    return max((path.stat().st_mtime for path in sources(workspace)), default=0.0)


def fingerprint(workspace: Workspace, home: Home) -> str:
    """Return a digest of the stats of sources, specs and landing, and of the state's revision."""
    state = hashlib.sha256()
    for path in sources(workspace):
        state.update(f"{path} {stamp(path.stat())}\n".encode())
    for entry in landing(home.landing):
        state.update(f"{shown(entry.path)} {entry.stamp}\n".encode())
    with home.state.read() as db:
        revision = [
            db.execute(select(func.max(landings.c.id))).scalar(),
            db.execute(select(func.max(withdrawals.c.id))).scalar(),
            db.execute(
                select(
                    func.count(), func.max(current.c.updated), func.count(current.c.published)
                ).where(current.c.env == home.env)
            ).one(),
        ]
    state.update(repr(revision).encode())
    return state.hexdigest()
