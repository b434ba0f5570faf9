"""Every error that ml_assets raises on purpose.

Those that stages need are defined in `faults`, the rest here. Does not belong here: anything that
catches them.

    MlAssetsError
    ├── RequestError          the request was wrong (CLI exit code 2)
    │   ├── SpecError         a defs.yaml is wrong; names file, line and nearest key
    │   ├── SelectionError    a selection does not parse or names nothing
    │   ├── UnknownName       no such dataset, model, asset, batch or version
    │   └── HomeError         the home cannot be opened (format, permissions, lock)
    ├── StageError            a stage or a user's hook broke its promise (a fault)
    │   ├── HookError         the user's function raised or returned the wrong thing
    │   └── NotExpressible    a model cannot be expressed in ONNX
    ├── BundleError           a release bundle is not what it says it is
    ├── DamagedObject         a stored object does not match its digest
    ├── NotMaterialized       an upstream asset has no current version
    ├── CodeChanged           sources changed between hashing and recording
    ├── LogBroken             the promotion log is not what was written; names the entry
    ├── Conflict              another promotion came first
    └── PublishError          recorded in the store, but not yet in MLflow
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ml_assets.faults import (
    BundleError,
    DamagedObject,
    HookError,
    MlAssetsError,
    NotExpressible,
    StageError,
    suggest,
)

__all__ = [
    "BundleError",
    "CodeChanged",
    "Conflict",
    "DamagedObject",
    "HomeError",
    "HookError",
    "LogBroken",
    "MlAssetsError",
    "NotExpressible",
    "NotMaterialized",
    "PublishError",
    "RequestError",
    "SelectionError",
    "SpecError",
    "StageError",
    "UnknownName",
    "kind_of",
    "suggest",
]

ADDRESS = re.compile(r"(?<=://)[^\s/@:]*:[^\n]*@")
"""User and password of an address, up to the last @ of the line: a password may hold anything."""
PAIRS = re.compile(r"((?:password|passwd|pwd|token|secret)\s*=\s*)[^\s;&'\"]+", re.IGNORECASE)


class RequestError(MlAssetsError):
    """The request was wrong; nothing was changed."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.details = details or None


class SpecError(RequestError):
    """A defs.yaml (or a file it names) is wrong."""

    def __init__(self, message: str) -> None:
        said = redacted(message)
        super().__init__(said, mistakes=[_mistake(line) for line in said.splitlines()])


class SelectionError(RequestError):
    """A selection does not parse or names nothing."""


class UnknownName(RequestError):
    """A name that does not exist was requested."""

    @classmethod
    def of(cls, kind: str, got: str, available: Iterable[str]) -> UnknownName:
        """Return the error with the name given, those available, and the nearest one."""
        names = sorted(available)
        return cls(
            f"no {kind} named {got!r}{suggest(got, names)}", what=kind, got=got, available=names
        )


class HomeError(RequestError):
    """The home folder cannot be opened in its present state."""


class NotMaterialized(MlAssetsError):
    """An upstream asset has no current version."""


class CodeChanged(MlAssetsError):
    """Sources changed between being hashed and being recorded; the result was dropped."""


class LogBroken(MlAssetsError):
    """The promotion log was changed after it was written; nothing is appended to it."""


class Conflict(MlAssetsError):
    """The champion is not the expected one: another promotion or rollback came first."""


class PublishError(MlAssetsError):
    """Content of the store could not be published to MLflow; nothing is lost."""


def kind_of(error: type[Exception]) -> str:
    """Return the name by which programs know a kind of error.

    >>> kind_of(UnknownName)
    'unknown_name'
    """
    return re.sub(r"(?<!^)(?=[A-Z])", "_", error.__name__).lower()


def redacted(text: str) -> str:
    """Return a text without the passwords of addresses in it.

    >>> redacted("got 'postgresql://ann:s3cret@host/db'"), redacted("host=x password=s3cret")
    ("got 'postgresql://***@host/db'", 'host=x password=***')
    """
    return PAIRS.sub(r"\1***", ADDRESS.sub("***@", text))


def _mistake(line: str) -> dict[str, Any]:
    """Return file, line and text of one line of a SpecError."""
    placed = re.match(r"(?P<file>.+?):(?P<line>\d+): (?P<text>.*)", line)
    if placed is None:
        return {"file": None, "line": None, "text": line}
    return {**placed.groupdict(), "line": int(placed["line"])}
