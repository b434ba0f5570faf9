"""What the process that starts the service tells its workers, in an environment variable.

Belongs here: settings as JSON. It imports nothing that takes time, so that a command can.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

SETTINGS = "ML_ASSETS_SERVE"
SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""Prometheus' client reads it as it is imported."""


@dataclass(frozen=True)
class Bundles:
    """Release bundles that are served instead of the models of a home."""

    paths: list[str]
    joins: list[str]
    """`NAME[@BATCH]=FILE`, for every bundle whose model is joined with NAME."""
    public_key: str | None
    keys: str | None = None
    """A file of access keys."""


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker must know."""

    models: list[str]
    bundles: Bundles | None
    hosts: list[str]
    unguarded: bool
    logged: bool
    rate: float | None
    """Requests a second of one client."""
    most_bytes: int
    most_rows: int

    def dump(self) -> str:
        """Return them as the environment variable's value."""
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, text: str) -> WorkerSettings:
        """Return what `dump` wrote."""
        document = json.loads(text)
        bundles = document.pop("bundles")
        return cls(**document, bundles=None if bundles is None else Bundles(**bundles))
