"""A bundle onto disk: whole or not at all.

Belongs here: temporary names and renames. Does not belong here: what is in a bundle.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path

from ml_assets.errors import BundleError, RequestError
from ml_assets.release.read import read
from ml_assets.stages.release.files import archive


def write(out: Path, folder: str, files: Mapping[str, bytes]) -> tuple[Path, Path]:
    """Write a bundle's directory and archive into a folder and return both.

    What is there already with the same bytes stays. Raises RequestError where something else has
    the name; on any other error nothing of ours is left behind.
    """
    if out.exists() and not out.is_dir():
        raise RequestError(f"{out} is a file; wanted a new or existing folder")
    directory, packed = out / folder, out / f"{folder}.zip"
    data = archive(folder, files)
    todo = [not _there(directory, dict(files)), not _same(packed, data)]
    out.mkdir(parents=True, exist_ok=True)
    mark = f".{folder}.{uuid.uuid4().hex}"
    new, new_packed = out / mark, out / f"{mark}.zip"
    made: list[Path] = []
    try:
        if todo[0]:
            new.mkdir()
            for name, content in files.items():
                _synced(new / name, content)
        if todo[1]:
            _synced(new_packed, data)
        if todo[0]:
            os.rename(new, directory)
            made.append(directory)
        if todo[1]:
            os.rename(new_packed, packed)
    except BaseException:
        for path in (new, *made):
            shutil.rmtree(path, ignore_errors=True)
        new_packed.unlink(missing_ok=True)
        raise
    return directory, packed


def _synced(path: Path, content: bytes) -> None:
    """Write a file to the disk itself: a full one says so now, not after the rename."""
    try:
        with path.open("xb") as target:
            target.write(content)
            target.flush()
            os.fsync(target.fileno())
    except OSError as error:
        # A full disk names no file; which disk is what people need to know.
        raise OSError(error.errno, error.strerror, str(path)) from error


def _there(path: Path, files: Mapping[str, bytes]) -> bool:
    if not path.exists() and not path.is_symlink():
        return False
    try:
        same = path.is_dir() and read(path).files == files
    except BundleError:
        same = False
    return _or_other(path, same)


def _same(path: Path, data: bytes) -> bool:
    if not path.exists() and not path.is_symlink():
        return False
    return _or_other(path, path.is_file() and path.read_bytes() == data)


def _or_other(path: Path, same: bool) -> bool:
    if not same:
        raise RequestError(
            f"{path} already exists with other content; remove it, or name another folder"
        )
    return True
