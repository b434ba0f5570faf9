"""Objects on a remote filesystem, by fsspec URL; imported only when one is used."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

from upath import UPath

from ml_assets.errors import HomeError

WHOLE = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss"}
"""Protocols whose writes are atomic, and which need no folders to be created."""


def open_root(address: str) -> UPath:
    """Return the folder of an fsspec URL; raises HomeError if its protocol cannot be used."""
    parts = urlsplit(address)
    if parts.password is not None:
        host = parts.netloc.rpartition("@")[2]
        plain = urlunsplit(parts._replace(netloc=host, query=""))
        raise HomeError(
            f"ML_ASSETS_OBJECTS={plain} holds a password, which messages would show; set it as "
            f"FSSPEC_{parts.scheme.upper()}_PASSWORD or in fsspec's configuration"
        )
    try:
        # No cache of listings: what another machine just wrote must be visible.
        root = UPath(address, use_listings_cache=False)
        root.fs  # noqa: B018 (only now is the package of the filesystem imported)
    except (ValueError, ImportError, TypeError) as error:
        raise HomeError(
            f"ML_ASSETS_OBJECTS={address} cannot be used: {error}; wanted a folder, or a URL of a "
            "filesystem that fsspec knows and whose package is installed (s3fs for s3://)"
        ) from error
    return root


@contextmanager
def translated(root: UPath) -> Iterator[None]:
    """Convert a filesystem's own errors, which share no base class, to OSError."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{root}: {type(error).__name__}: {error}") from error


def write(root: UPath, path: UPath, data: bytes) -> None:
    """Write a file so that no reader sees part of it."""
    with translated(root):
        if path.protocol in WHOLE:
            path.write_bytes(data)
            return
        temporary = root / "tmp" / uuid.uuid4().hex
        for needed in (temporary.parent, path.parent):
            needed.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(data)
            _move(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def _move(temporary: UPath, path: UPath) -> None:
    # Some filesystems do not move onto an existing file.
    path.unlink(missing_ok=True)
    temporary.fs.mv(temporary.path, path.path)
