"""The errors that stages raise or meet, and the base of all others.

They are in the code digest of most stages: an error that no stage needs belongs in `errors`, where
a new one re-runs nothing.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import Any


class MlAssetsError(Exception):
    """Base of every error raised on purpose; its message is written for people."""

    details: Any = None
    """Details for programs (got, wanted, available, …) by name, or None."""


class StageError(MlAssetsError):
    """A stage broke its own promise; a bug or a fault of the machine, never bad data."""


class HookError(StageError):
    """A user's function raised, or returned something it must not."""


class NotExpressible(StageError):
    """A model cannot be expressed in ONNX; the message says why."""


class BundleError(MlAssetsError):
    """A release bundle was altered, is damaged or is not safe to read."""


class DamagedObject(MlAssetsError):
    """A stored object is missing, or its bytes do not match what was recorded."""

    def __init__(self, digest: str, message: str) -> None:
        super().__init__(message)
        self.digest = digest


def raised(where: str, hook: Callable[..., Any], error: Exception) -> str:
    """Return what a user's function raised, and at which line of its file."""
    line, trace, code = "", error.__traceback__, getattr(hook, "__code__", None)
    while trace is not None:
        if code is not None and trace.tb_frame.f_code.co_filename == code.co_filename:
            line = f" at line {trace.tb_lineno}"
        trace = trace.tb_next
    return f"{where} raised {type(error).__name__}{line}: {error}"


def suggest(got: str, available: Iterable[str]) -> str:
    """Return "; did you mean 'x'? available: a, b, x" for an unknown name."""
    names = sorted(available)
    near = difflib.get_close_matches(got, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ";"
    listed = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
    return f"{hint} available: {listed or 'none'}"
