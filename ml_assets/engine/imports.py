"""Imports libraries that a run's stages will need, while the run waits anyway.

In a new process imports take seconds. While another process makes what this one needs, they cost
nothing.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable

from ml_assets.assets.registry import KINDS
from ml_assets.startup import importing


def libraries_of(kinds: Iterable[str]) -> list[str]:
    """Return the libraries that the stages of some kinds of units import, in the order of a run."""
    asked = set(kinds)
    return [name for kind in KINDS.values() if kind.name in asked for name in kind.libraries]


class Imports:
    """Libraries to import, one at a time."""

    def __init__(self, libraries: Iterable[str]) -> None:
        self._left = list(libraries)

    def one(self) -> bool:
        """Import the next library; return False if none is left."""
        if not self._left:
            return False
        with importing():
            importlib.import_module(self._left.pop(0))
        return True
