"""Writes a bundle to disk, all or nothing.

Belongs here: temporary names and renames. Does not belong here: a bundle's contents.
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

    Existing files with the same bytes stay. Raises RequestError if something else has the name;
    after any other error no new file is left behind.
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
    """Write and sync a file, so that a full disk is noticed now and not after the rename."""
    try:
        with path.open("xb") as target:
            target.write(content)
            target.flush()
            os.fsync(target.fileno())
    except OSError as error:
        # The error of a full disk names no file, but people need to know which disk it is.
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
