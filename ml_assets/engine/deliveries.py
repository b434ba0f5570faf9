"""What is delivered as one batch: a file, or a folder of Parquet files as Spark writes it.

Of such a folder, what is hidden counts for nothing: names that begin with a dot or an underscore,
such as `_SUCCESS`. Belongs here: its content, and what changes when it changes.
Does not belong here: batches, landing (`landing`, `cutting`).
"""

from __future__ import annotations

import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from ml_assets.stages.parts import packed
from ml_assets.store.digest import bytes_digest
from ml_assets.walk import Item, entries, shown, stamp

SUFFIXES = (".parquet", ".parq", ".pq")
UNFINISHED = "_temporary"
"""A folder that Spark removes when all parts are written."""


@dataclass(frozen=True)
class Delivery:
    """A file or folder as it was when it was looked at."""

    path: Path
    parts: tuple[Path, ...]
    """The files of a folder, none of a file."""
    stamp: str
    touched: tuple[float, ...]
    """When it was last changed, by each time that tells."""

    def content(self) -> bytes:
        """Return its bytes, those of a folder as one content."""
        if not self.parts:
            return self.path.read_bytes()
        return packed({part.name: part.read_bytes() for part in self.parts})


def delivery(path: Path) -> Delivery:
    """Return what lies at a path, a file or a folder without a `problem`."""
    info = path.stat()
    if not stat.S_ISDIR(info.st_mode):
        return Delivery(path, (), stamp(info), (info.st_mtime, info.st_ctime))
    parts = tuple(entry.path for entry in _shown(path))
    infos = [part.stat() for part in parts]
    stamps = "\n".join(f"{part.name} {stamp(i)}" for part, i in zip(parts, infos, strict=True))
    touched = tuple(time for i in infos for time in (i.st_mtime, i.st_ctime))
    return Delivery(path, parts, bytes_digest(stamps.encode()), (*touched, info.st_mtime))


def problem(folder: Path) -> str | None:
    """Return why a folder is not a batch, as the end of a sentence; None if it is one."""
    if any(entry.path.name == UNFINISHED for entry in entries(folder)):
        return f"is still being written (it holds {UNFINISHED}); if not, remove that folder"
    wanted = "wanted a file, or a folder of Parquet files alone"
    contents = _shown(folder)
    if not contents:
        return f"is a folder without Parquet files; {wanted}"
    for entry in contents:
        name = shown(entry.path.name)
        if entry.folder:
            return f"is a folder with folders ({name}); {wanted}, without columns in folder names"
        if entry.odd:
            return f"is a folder; {name} {entry.odd}"
        if not name.endswith(SUFFIXES):
            return f"is a folder with {name}; {wanted}; move other files up one level"
    return None


def remove(path: Path) -> None:
    """Remove a file or a folder; of a link, not what it leads to."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def hidden(name: str) -> bool:
    """Return whether a name in a folder of parts counts for nothing."""
    return name.startswith((".", "_"))


def _shown(folder: Path) -> list[Item]:
    return [entry for entry in entries(folder) if not hidden(entry.path.name)]
