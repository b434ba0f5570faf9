"""Libraries that a run's stages will ask for, imported while the run waits anyway.

Imports take seconds of a cold process. Where another process makes what this one needs, they
cost nothing.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence

from ml_assets.importing import importing
from ml_assets.plan.cells import UNITS

LIBRARIES = {
    "batch": ("pandera.pandas",),
    "features": ("pandas", "scipy.stats"),
    "candidate": ("sklearn.linear_model", "lightgbm"),
    "evaluation_report": ("jinja2", "matplotlib.figure", "matplotlib.backends.backend_svg"),
}
"""By kind of unit, in the order in which they are asked for."""


class Imports:
    """The libraries of some kinds of units, one at a time, after the `first`."""

    def __init__(self, kinds: Iterable[str], first: Sequence[str] = ()) -> None:
        asked = set(kinds)
        found = [name for kind in UNITS if kind in asked for name in LIBRARIES.get(kind, ())]
        self._left = [*first, *found]

    def one(self) -> bool:
        """Import the next library; return False where none is left."""
        if not self._left:
            return False
        with importing():
            importlib.import_module(self._left.pop(0))
        return True
