"""Everything that a release bundle depends on besides the content it is built from."""

from __future__ import annotations

from typing import Any

from ml_assets.spec.base import Name, Spec
from ml_assets.spec.model import FeatureColumn, Task


class Undecided(Spec):
    """What is known of a release before the gate has decided."""

    model: Name


class ReleaseSpec(Spec):
    """Facts about a champion for its bundle, and the files that are included unchanged."""

    model: Name
    version: str
    """The candidate's version in this home (`v3`)."""
    candidate: str
    """The candidate's content digest."""
    description: str
    owners: tuple[str, ...] = ()
    task: Task
    target: str
    target_unit: str | None = None
    predict_at: str | None = None
    columns: dict[str, FeatureColumn]
    sensitive: tuple[str, ...] = ()
    """Features derived from sensitive columns: none of their values is shown."""
    acknowledged: dict[str, str] = {}
    """Features close to the target, and why they are not leakage."""
    dataset: Name
    joins: tuple[str, ...] = ()
    promotion: dict[str, Any]
    """The entry of the promotion log that first made the candidate champion."""
    lineage: dict[str, Any]
    """Every action from the landed files to the candidate, with digests, code, environment."""
    files: dict[str, str] = {}
    """Programs and lock files that are included unchanged, by name."""
    licences: dict[str, str] = {}
    """Licences of what the locks install: an SPDX expression, or the name the package gives."""
