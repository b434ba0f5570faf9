"""What the process that starts the service tells its workers, in an environment variable.

Belongs here: settings as JSON. It imports nothing that takes time, so that a command can.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

SAID = "ML_ASSETS_SERVE"
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
class Asked:
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


def said(asked: Asked) -> str:
    """Return what a worker must know, as the environment variable's value."""
    return json.dumps(asdict(asked))


def heard(text: str) -> Asked:
    """Return what `said` wrote."""
    document = json.loads(text)
    bundles = document.pop("bundles")
    return Asked(**document, bundles=None if bundles is None else Bundles(**bundles))
