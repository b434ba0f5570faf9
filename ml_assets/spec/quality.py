"""The `quality` section of a dataset: what a batch is compared with, what is worth a warning."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ml_assets.spec.base import Name, Names, Share, Spec
from ml_assets.spec.columns import Column
from ml_assets.spec.steps import Step

Block = Literal["row", "hour", "day", "week"]
Positive = Annotated[float, Field(ge=0.0)]


class Reference(Spec):
    """The batches that every batch is compared with; a snapshot: its first landed file."""

    batches: Names = ()
    """Batches by name. Without them: the `first` ones."""
    first: int = Field(default=3, ge=1, le=100_000)
    """How many of the first usable batches, in calendar order; pinned once there are so many."""


class Smallest(Spec):
    """The smallest effect that is worth a warning, however sure it is."""

    numeric: Share = 0.05
    """Kolmogorov-Smirnov distance: the largest difference of the shares below any value."""
    categorical: Share = 0.05
    """Total variation distance: the share of rows that would have to change their value."""
    missing: Positive = 0.05
    """Cohen's h of the shares of missing values."""
    unseen: Share = 0.005
    """Share of rows with a value that the reference never had."""
    volume: Positive = 0.1
    """Rows more or less than expected, as a share: 0.1 is 10 %."""
    selection: Positive = 0.2
    """Distance of removed and kept rows (as above), or Cohen's h of the shares removed."""


class Quality(Spec):
    """What the quality report compares and warns of."""

    reference: Reference = Reference()
    block: Block | None = None
    """Rows that come together and are resampled together. By default a day where the dataset
    has a `time`, otherwise a row."""
    false_alarm_rate: float = Field(default=0.05, gt=0.0, le=0.5)
    """Of the batches that are like the reference, the share in which a check warns by chance:
    for a whole batch, however many columns it has, and for each check."""
    slices: Names = ()
    """Columns by whose values it is looked at whom filters and quarantine remove."""
    ignore: Names = ()
    """Columns that are meant to change from batch to batch: not compared."""
    smallest: Smallest = Smallest()


class ReferenceSpec(Spec):
    """All that a reference's profile and thresholds depend on."""

    dataset: Name
    columns: dict[str, Column]
    skipped: dict[str, str]
    """Columns that are not compared, and why."""
    time: str | None
    block: Block
    false_alarm_rate: float


class ReportSpec(Spec):
    """All that the quality report of a batch depends on, beside the reference."""

    dataset: Name
    batch: str
    """Empty for a snapshot."""
    description: str
    columns: dict[str, Column]
    skipped: dict[str, str]
    time: str | None
    block: Block
    cleaning: tuple[Step, ...]
    filters: dict[str, str]
    """Filter to its reason."""
    read_by_filters: tuple[str, ...]
    slices: tuple[str, ...]
    smallest: Smallest
    false_alarm_rate: float
    reference: str
    """What the reference is, in words; or why there is none."""
    in_reference: bool
