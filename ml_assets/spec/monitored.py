"""What the stages of a monitoring report depend on, besides rows and code.

Belongs here: their parts of the specs. Does not belong here: the section of a model (`monitoring`).
"""

from __future__ import annotations

from ml_assets.spec.base import Name, Spec
from ml_assets.spec.metrics import Metric
from ml_assets.spec.model import Intervals, Task
from ml_assets.spec.quality import ReferenceSpec, ReportSpec


class KnownSpec(Spec):
    """Everything that the profile of a model's training rows depends on."""

    inputs: ReferenceSpec
    predictions: ReferenceSpec
    sensitive: tuple[str, ...] = ()
    seed: int


class ShiftSpec(Spec):
    """Everything that comparing a batch with the training rows depends on."""

    inputs: ReportSpec
    predictions: ReportSpec
    before: str = ""
    """The preceding batch, if there is one."""
    seed: int


class RealizedBySpec(Spec):
    """Everything that measuring a batch by slice depends on."""

    task: Task
    metric: Metric
    asked: tuple[str, ...]
    slices: tuple[str, ...]
    intervals: Intervals
    seed: int


class MonitorSpec(Spec):
    """Everything that the page of a batch depends on besides its figures."""

    model: Name
    batch: str
    description: str
    version: str
    """The model that predicted the batch."""
    metric: Metric
    unit: str
    false_alarm_rate: float
    reference: str
    """What the batch is compared with, or why with nothing."""
    lacking: dict[str, str] = {}
    """What cannot be computed, and why."""
