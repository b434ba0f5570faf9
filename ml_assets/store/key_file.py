"""Access keys in a file, for a service that has no home: one that serves release bundles.

The file has what a home has of each key (`access`): name, scopes, SHA-256. Belongs here: the file.
Does not belong here: what a key is.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ml_assets.errors import RequestError, UnknownName
from ml_assets.store.access import AccessKey, made, read, revoked
from ml_assets.store.segments import replace

Entries = dict[str, dict[str, Any]]


def keys_in(path: Path) -> list[AccessKey]:
    """Return the keys of a file by name; RequestError if it has none, or is not such a file."""
    entries = _entries(path)
    if not entries:
        raise RequestError(
            f"{path} has no access keys; `ml-assets keys add NAME --file {path}` makes one"
        )
    return [read(name, entry) for name, entry in sorted(entries.items())]


def add_to(path: Path, name: str, scopes: Sequence[str]) -> str:
    """Return a new key; RequestError for a name that is taken, or wrong names or scopes."""
    text, entry = made(name, scopes)
    with _changed(path) as entries:
        if name in entries:
            raise RequestError(f"a key {name} already exists; choose another name")
        entries[name] = entry
    return text


def revoke_in(path: Path, name: str) -> None:
    """Revoke a key for good; UnknownName if there is none of this name."""
    with _changed(path) as entries:
        if name not in entries:
            raise UnknownName.of("access key", name, entries)
        entries[name] = revoked(entries[name])


@contextmanager
def _changed(path: Path) -> Iterator[Entries]:
    """Give the entries of a file, alone, and write them in the end; nothing if it raises."""
    folder = os.open(path.absolute().parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        entries = _entries(path) if path.exists() else {}
        yield entries
        replace(path.absolute(), json.dumps(entries, indent=1).encode())
    finally:
        os.close(folder)


def _entries(path: Path) -> Entries:
    try:
        entries = json.loads(path.read_bytes())
        for name, entry in entries.items():
            read(name, entry)
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, AttributeError, KeyError, TypeError):
        raise RequestError(
            f"{path} is not a file of access keys as `ml-assets keys add NAME --file FILE` writes"
        ) from None
    found: Entries = entries
    return found
