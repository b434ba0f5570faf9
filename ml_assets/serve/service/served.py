"""A model as the routes see it, wherever it comes from.

Does not belong here: a home (`followed`), a bundle (`bundled`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ml_assets.serve.model import Predictor


@dataclass
class Served:
    """One model; `loaded` is None until one could be loaded."""

    name: str
    loaded: Predictor | None = None
    why: str | None = None
    """Why the current champion is not the one that is served; None if it is."""
    example: dict[str, Any] | None = None
    """The body of a request that works."""

    @property
    def behind(self) -> str | None:
        """Why it may not be the current champion, as far as can be told at this moment."""
        return self.why
