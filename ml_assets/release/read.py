"""Reads an untrusted release bundle, within limits.

Belongs here: directories and archives that are not trusted yet. Does not belong here: whether the
files are those that were written (`check`).
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml_assets.errors import BundleError, RequestError
from ml_assets.stages.release.files import (
    ABOUT,
    LINE,
    NAME,
    ROWS,
    archive,
    project_code,
)

LIMIT = 2**30
"""Total bytes of a bundle's files; a larger bundle is not read."""
ENTRIES = 100
"""Most files of a bundle; those that we write have about twenty."""
_BROKEN = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    EOFError,
    ValueError,
    IndexError,
    struct.error,
)
"""What zipfile raises for a damaged archive, depending on the place of the damage."""


def document(content: bytes) -> dict[str, Any]:
    """Return a JSON object; an empty one if it is not one, or nested too deeply."""
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def code_of(files: Mapping[str, bytes]) -> list[str]:
    """Return the modules of the project, by path, that a bundle's files hold."""
    return project_code(document(files.get(ROWS, b"")).get("modules", {}))


@dataclass(frozen=True)
class FileProblem:
    """What is wrong with one file of a bundle."""

    file: str
    said: str


@dataclass
class Bundle:
    """The files of a bundle by name; `problems` are those found while reading."""

    folder: str
    files: dict[str, bytes]
    problems: list[FileProblem] = field(default_factory=list)

    @property
    def about(self) -> Mapping[str, Any]:
        """The bundle's description of itself; raises BundleError if it is missing."""
        details = document(self.files.get(ABOUT, b""))
        if not details:
            raise BundleError(f"{ABOUT} is missing or damaged: this is not a release bundle")
        return details


def read(path: Path) -> Bundle:
    """Return the files of a bundle, which is a directory or an archive.

    Raises RequestError if there is none, and BundleError if it is not safe to read: links, folders,
    names that lead elsewhere, too many bytes.
    """
    if path.is_dir() and not path.is_symlink():
        return _directory(path)
    if not path.is_file():
        raise RequestError(f"{path} is neither a bundle's directory nor its archive")
    return _archive(path)


def _directory(path: Path) -> Bundle:
    files: dict[str, bytes] = {}
    total = 0
    entries = sorted(path.iterdir())
    _few(len(entries))
    for item in entries:
        if item.is_symlink():
            raise BundleError(f"{item.name} is a link; a bundle holds plain files only")
        if not item.is_file():
            raise BundleError(f"{item.name} is not a file; a bundle has no folders")
        total += item.stat().st_size
        _small(total)
        files[item.name] = item.read_bytes()
    name = path.resolve().name
    return Bundle(name, files)


def _archive(path: Path) -> Bundle:
    _small(path.stat().st_size)
    return unpacked(path.read_bytes(), path.name)


def unpacked(data: bytes, name: str) -> Bundle:
    """Return the files of an archive's bytes; `name` is its name in problems.

    Raises BundleError as `read` does.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as source:
            bundle = _entries(source)
    except _BROKEN as error:
        return Bundle("", {}, [FileProblem(name, f"is not a readable archive: {error}")])
    if not bundle.problems and NAME.fullmatch(bundle.folder):
        again = archive(bundle.folder, bundle.files)
        if again != data:
            bundle.problems.append(FileProblem(name, _where(again, data, bundle)))
    return bundle


def _entries(source: zipfile.ZipFile) -> Bundle:
    entries = source.infolist()
    _few(len(entries))
    _small(sum(entry.file_size for entry in entries))
    bundle = Bundle("", {})
    for entry in entries:
        folder, _, name = entry.filename.partition("/")
        if not NAME.fullmatch(folder) or not LINE.fullmatch(f"{'0' * 64}  {name}"):
            raise BundleError(
                f"the archive has an entry {entry.filename!r}: a bundle's are NAME/FILE"
            )
        if bundle.folder not in ("", folder):
            raise BundleError(f"the archive has two folders: {bundle.folder} and {folder}")
        if entry.external_attr >> 28 == 0o12:
            raise BundleError(f"{name} is a link; a bundle holds plain files only")
        if entry.compress_type != zipfile.ZIP_STORED:
            raise BundleError(f"{name} is compressed; a bundle's archive is not")
        bundle.folder = folder
        try:
            bundle.files[name] = source.read(entry)
        except _BROKEN as error:
            bundle.problems.append(FileProblem(name, f"was changed: {error}"))
    return bundle


def _where(wanted: bytes, got: bytes, bundle: Bundle) -> str:
    """Return where an archive differs from the one that its files would give."""
    pairs = enumerate(zip(wanted, got, strict=False))
    place = next((n for n, (a, b) in pairs if a != b), min(len(wanted), len(got)))
    starts = {wanted.find(f"{bundle.folder}/{name}".encode()): name for name in bundle.files}
    name = next((starts[s] for s in sorted(starts, reverse=True) if s <= place + 46), "")
    return f"was changed at byte {place}, in its record of {name or 'itself'}"


def _few(count: int) -> None:
    if count > ENTRIES:
        raise BundleError(f"{count} files; a bundle has no more than {ENTRIES}: not read")


def _small(size: int) -> None:
    if size > LIMIT:
        raise BundleError(f"{size:,} bytes; a bundle has no more than {LIMIT:,}: not read")
