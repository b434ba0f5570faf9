"""What lies in a folder into which people put things: looked at by stat, nothing is opened.

Such a folder holds more than files: links to nowhere or in a circle, pipes (whoever opens one waits
for ever), names that are not text. Belongs here: what each thing is, in words. Does not belong
here: what follows from it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SPECIAL = {
    stat.S_IFIFO: "is a pipe, not a file",
    stat.S_IFSOCK: "is a socket, not a file",
    stat.S_IFCHR: "is a device, not a file",
    stat.S_IFBLK: "is a device, not a file",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One thing in a folder."""

    path: Path
    info: os.stat_result | None
    """Of what a link leads to; of the link where that is not there; None where neither can be."""
    odd: str = ""
    """Why it is not a file that can be taken, as the end of a sentence; empty for such a file."""
    folder: bool = False

    @property
    def hidden(self) -> bool:
        """Whether its name begins with a dot: what is half written, editors' locks."""
        return self.path.name.startswith(".")

    @property
    def file(self) -> bool:
        """Whether it is (or leads to) a file with content, whatever its name."""
        return self.info is not None and stat.S_ISREG(self.info.st_mode)

    @property
    def stamp(self) -> str:
        """What moves when it changes."""
        return self.odd if self.info is None else stamp(self.info)


def stamp(info: os.stat_result) -> str:
    """Return what moves when a file changes: size, both times, inode."""
    return f"{info.st_size} {info.st_mtime_ns} {info.st_ctime_ns} {info.st_ino}"


def shown(path: Path | str) -> str:
    r"""Return a path as people can read it, whatever its bytes: `sales-\xff.csv`."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def is_text(name: str) -> bool:
    """Tell whether a name or word from the system is UTF-8."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def entries(folder: Path) -> list[Item]:
    """Return what lies in a folder, by name; nothing where it is not there.

    A folder that cannot be listed is its own one entry, which says why.
    """
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    except OSError as error:
        return [Item(folder, None, _refused(error))]
    looked = (look(folder / name) for name in names)
    return [entry for entry in looked if entry is not None]


def look(path: Path) -> Item | None:
    """Return what lies at a path, None where nothing does."""
    try:
        here = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return Item(path, None, _refused(error))
    try:
        info = path.stat()
    except OSError as error:
        return Item(path, here, _lost(path, error))
    if stat.S_ISDIR(info.st_mode):
        return Item(path, info, "is a folder, not a file", folder=True)
    odd = SPECIAL.get(stat.S_IFMT(info.st_mode), "")
    return Item(path, info, odd or ("" if is_text(path.name) else "its name is not UTF-8"))


def landing(folder: Path) -> Iterator[Item]:
    """Yield what lies in the folders of a landing folder; each may be a link to elsewhere."""
    for dataset in entries(folder):
        if dataset.folder:
            yield from entries(dataset.path)


def below(folder: Path) -> Iterator[Item]:
    """Yield everything but folders, in a folder and those inside; no link is followed."""
    for entry in entries(folder):
        if entry.folder and not entry.path.is_symlink():
            yield from below(entry.path)
        else:
            yield entry


def _lost(path: Path, error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "is a circular link"
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return f"is a link to {shown(os.readlink(path))}, which does not exist"
    return _refused(error)


def _refused(error: OSError) -> str:
    return f"cannot be inspected: {error.strerror}"
