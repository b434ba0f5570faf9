"""A cheap fingerprint of all that a plan depends on, from stats and names without reading files.

It covers sources and specs, the landing folders, installed libraries and Python, the place of the
state, and a revision of the state. A needless change of it costs a plan; the sensor never notices
what does not change it.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import time
from collections.abc import Iterator
from operator import itemgetter

from sqlalchemy import func, select

from ml_assets import clock
from ml_assets.engine.sealing import due
from ml_assets.store.claims import PREFIX as CLAIM
from ml_assets.store.home import Home
from ml_assets.store.pins import PREFIX
from ml_assets.store.segments import FOLDER, segments
from ml_assets.store.state import (
    current,
    heads,
    landings,
    objects,
    removals,
    withdrawals,
)
from ml_assets.store.state import settings as switches
from ml_assets.walk import entries, landing, stamp
from ml_assets.workspace import PACKAGE, Workspace, settings

INSTALLED = (".dist-info", ".egg-info", ".egg-link", ".pth")
"""Suffixes of the entries that an installed distribution has, with its version in the name."""


Found = tuple[str, os.stat_result]


def sources(workspace: Workspace) -> list[Found]:
    """Return every first-party source and spec, and the files shipped beside the sources."""
    stats: dict[str, os.stat_result] = {}
    for folder in set(workspace.roots.values()):
        shipped = folder == PACKAGE
        stats |= {
            path: file for path, file in _files(str(folder)) if path.endswith(".py") or shipped
        }
    for spec in workspace.defs.glob("*/defs.yaml"):
        file = _stat(str(spec))
        stats |= {} if file is None else {str(spec): file}
    return sorted(stats.items(), key=itemgetter(0))


def changing(workspace: Workspace, seconds: float) -> str | None:
    """Return a source or a folder of libraries that changed within these seconds, if there is one.

    Both times of a file count, as copying can set the one that people see.
    """
    now = time.time()
    # Times in the future are ignored: such a file would never be stable.
    return next(
        (
            path
            for path, file in (*sources(workspace), *_libraries())
            if any(0 <= now - touched < seconds for touched in (file.st_mtime, file.st_ctime))
        ),
        None,
    )


def fingerprint(workspace: Workspace, home: Home) -> str:
    """Return a digest that changes whenever a plan may change; unreadable files count too."""
    digest = hashlib.sha256()
    for path, file in sources(workspace):
        digest.update(os.fsencode(f"{path} {stamp(file)}\n"))
    for entry in landing(home.landing):
        # A part of a folder may change and the folder not.
        for item in (entry, *(entries(entry.path) if entry.folder else ())):
            digest.update(os.fsencode(f"{item.path} {item.stamp}\n"))
    upto = due(clock.now())
    for folder in sorted((home.folder / FOLDER).glob("*/")):
        digest.update(repr([s.path.name for s in segments(folder) if s.day <= upto]).encode())
    digest.update(repr([workspace.module, settings(workspace), _python()]).encode())
    digest.update(repr(_revision(home)).encode())
    return digest.hexdigest()


def _revision(home: Home) -> list[object]:
    """Return a value that changes with each write that a plan of this environment can see."""
    shown = func.count().filter(current.c.published == current.c.token)
    claims = (switches.c.env == home.env, switches.c.key.startswith(CLAIM))
    pinned = (switches.c.env == home.env, switches.c.key.startswith(PREFIX))
    with home.state.read() as db:
        return [
            *(
                db.execute(select(func.max(table.c.id))).scalar()
                for table in (landings, withdrawals)
            ),
            *(
                db.execute(select(func.count()).select_from(table)).scalar()
                for table in (objects, removals)
            ),
            db.execute(select(func.count()).where(*pinned)).scalar(),
            sorted(db.execute(select(switches.c.value).where(*claims)).scalars()),
            db.execute(select(heads.c.hash).where(heads.c.env == home.env)).scalars().all(),
            db.execute(
                select(func.count(), func.max(current.c.updated), shown).where(
                    current.c.env == home.env
                )
            ).one(),
        ]


def _python() -> list[object]:
    """Return a value that changes with Python or a library, unnoticed by a running process.

    The names of the folders beside the libraries contain versions, so no file is opened.
    """
    interpreter = os.path.realpath(sys.executable)
    file = _stat(interpreter)
    parts: list[object] = [interpreter, None if file is None else file.st_ctime_ns]
    for folder in sys.path:
        parts += [folder, sorted(name for name in _names(folder) if name.endswith(INSTALLED))]
    return parts


def installed() -> list[object]:
    """Return a value that changes with Python or a library, the same in each process of a project.

    What a process has imported by then, which adds to its path, does not count.
    """
    names = {name for folder in sys.path for name in _names(folder) if name.endswith(".dist-info")}
    return [sys.version, *sorted(names)]


def _libraries() -> Iterator[Found]:
    """Yield the folders in which libraries are installed."""
    for folder in sys.path:
        file = _stat(folder)
        if file is not None and any(name.endswith(".dist-info") for name in _names(folder)):
            yield folder, file


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder or ".")
    except OSError:
        return []


def _files(folder: str) -> Iterator[Found]:
    """Yield every file below a folder; links to folders are followed, each folder once."""
    seen: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        place = waiting.pop()
        info = _stat(place)
        if info is None or (info.st_dev, info.st_ino) in seen:
            continue
        seen.add((info.st_dev, info.st_ino))
        for name in _names(place):
            path = os.path.join(place, name)
            file = _stat(path)
            if file is None or name == "__pycache__":
                # Editors keep a lock beside a file, which is a broken link (`.#features.py`).
                continue
            if stat.S_ISDIR(file.st_mode):
                waiting.append(path)
            else:
                yield path, file


def _stat(path: str) -> os.stat_result | None:
    """Return the stat of a path, links followed; None if it does not exist."""
    try:
        return os.stat(path)
    except OSError:
        return None
