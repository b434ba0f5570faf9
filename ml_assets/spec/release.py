"""Everything that a release bundle depends on besides the content it is built from."""

from __future__ import annotations

from typing import Any

from ml_assets.spec.base import Name, Spec
from ml_assets.spec.dataset import CleanSpec, DatasetSpec, IngestSpec
from ml_assets.spec.model import FeatureColumn, Task
from ml_assets.spec.score import ScoreSpec


class Undecided(Spec):
    """What is known of a release before the gate has decided."""

    model: Name


class JoinedRows(Spec):
    """How a file of a joined dataset is read and cleaned."""

    ingest: IngestSpec
    clean: CleanSpec


class RawRows(Spec):
    """Everything that scoring raw rows outside of the project depends on."""

    score: ScoreSpec
    datasets: dict[Name, DatasetSpec]
    """Those of the model, by which rows find their batches."""
    joined: dict[Name, JoinedRows]
    function: str | None
    """The features function, `module:name`."""
    family: str
    """The module that predicts."""
    modules: dict[str, str]
    """The source text of every module that these reach, by its path."""
    snapshots: dict[Name, tuple[str, ...]] = {}
    """The snapshots that go with it, and their columns."""
    batch: str = ""
    """The batch of the golden raw rows."""
    secret: tuple[str, ...] = ()
    """Sensitive columns of its datasets: with any, no raw rows are shown."""


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
    rows: RawRows | None = None
    """With what raw rows are scored, if they are."""
