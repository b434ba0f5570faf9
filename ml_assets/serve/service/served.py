"""A model as the routes see it, wherever it comes from.

Does not belong here: a home (`followed`), a bundle (`bundled`).
"""

from __future__ import annotations

import hashlib
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
    challenger: Predictor | None = None
    """The challenger while a trial is on, if it could be loaded."""
    why_no_challenger: str | None = None
    """Why it could not."""
    traffic: float = 0.0
    """The share of requests that the challenger answers."""

    @property
    def behind(self) -> str | None:
        """Why it may not be the current champion, as far as can be told at this moment."""
        return self.why

    def drawn(self, key: bytes) -> Predictor | None:
        """Return the challenger if it is to answer requests with this key; the same in each worker.

        Each trial draws anew.
        """
        challenger = self.challenger
        if challenger is None or self.traffic == 0.0:
            return None
        salt = f"{self.name} {challenger.state.digest} ".encode()
        number = int.from_bytes(hashlib.sha256(salt + key).digest()[:8])
        return challenger if number < self.traffic * 2**64 else None


@dataclass(frozen=True)
class Asked:
    """The model of one request, and what the request is drawn by."""

    served: Served
    key: bytes
    size: int
    """Bytes of its body."""

    @property
    def name(self) -> str:
        """The model."""
        return self.served.name
