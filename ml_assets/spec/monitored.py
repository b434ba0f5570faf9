"""What the stages of a monitoring report depend on, besides rows and code.

Belongs here: their parts of the specs. Does not belong here: the section of a model (`monitoring`).
"""

from __future__ import annotations

from ml_assets.spec.base import Name, Spec
from ml_assets.spec.calendar import Calendar
from ml_assets.spec.columns import Column
from ml_assets.spec.metrics import Metric
from ml_assets.spec.model import Intervals, Task
from ml_assets.spec.predictions import AgainSpec
from ml_assets.spec.protected import ProtectedSpec
from ml_assets.spec.quality import Block, ReferenceSpec, ReportSpec


class KnownSpec(Spec):
    """Everything that the profile of a model's training rows depends on."""

    inputs: ReferenceSpec
    predictions: ReferenceSpec
    seed: int
    blocks: int | None = None
    """How many blocks rows to be compared usually have; None for as many as a batch."""


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
    protected: ProtectedSpec | None = None
    """How protected groups are compared, if there are any."""


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
    late_days: float | None = None
    """Days from the batch's first file to the one in use; None if that is not known."""
    challenger: str = ""
    """The model that predicted the batch beside it, if one did."""
    lacking: dict[str, str] = {}
    """What cannot be computed, and why."""


class PageSpec(Spec):
    """Everything that the page of a batch's figures depends on besides them."""

    model: Name
    batch: str
    description: str
    version: str
    metric: Metric
    unit: str
    false_alarm_rate: float
    reference: str


class ExpectedSpec(Spec):
    """Everything that estimating metrics without labels depends on."""

    task: Task
    metric: Metric
    block: Block
    coverage: float
    family: str | None = None
    """The module of a family of the project's own, in the stored sources."""
    seed: int


class AskedSpec(Spec):
    """Everything that saying of which batch a request is depends on."""

    calendar: Calendar | None
    """Of the dataset whose rows are predicted."""
    time: str | None
    """The column that holds a row's time."""
    block: Block


class AnsweredSpec(AgainSpec):
    """Everything that the features of requests of one batch depend on."""

    asked: AskedSpec
    version: str
    """The model that answered."""
    batch: str
    columns: dict[Name, Column]
    """Of the dataset whose rows are predicted."""


class AnswersSpec(Spec):
    """Everything that putting requests and answers together depends on."""

    version: str
    columns: tuple[Name, ...]
    """The model's inputs."""
