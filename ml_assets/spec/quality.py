"""The `quality` section of a dataset: what a batch is compared with, and when to warn."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ml_assets.spec.base import Name, Names, Share, Spec
from ml_assets.spec.columns import Column
from ml_assets.spec.steps import Step

Block = Literal["row", "hour", "day", "week"]
Positive = Annotated[float, Field(ge=0.0)]


class Reference(Spec):
    """The batches that every batch is compared with; for a snapshot, its first landed file."""

    batches: Names = ()
    """Batches by name; by default the `first` ones."""
    first: int = Field(default=3, ge=1, le=100_000)
    """How many of the first usable batches, in calendar order; pinned once that many exist."""


class Smallest(Spec):
    """The smallest effects that are worth a warning, however significant."""

    numeric: Share = 0.05
    """Kolmogorov-Smirnov distance: the largest difference of the shares below any value."""
    categorical: Share = 0.05
    """Total variation distance: the share of rows whose value would have to change."""
    missing: Positive = 0.05
    """Cohen's h of the shares of missing values."""
    unseen: Share = 0.005
    """Share of rows with a value that does not occur in the reference."""
    volume: Positive = 0.1
    """Rows more or fewer than expected, as a share: 0.1 is 10 %."""
    selection: Positive = 0.2
    """Distance of removed and kept rows (as above), or Cohen's h of the shares removed."""


class Quality(Spec):
    """What the quality report compares, and when it warns."""

    reference: Reference = Reference()
    block: Block | None = None
    """Rows that arrive together and are resampled together. By default a day if the dataset
    has a `time`, otherwise a row."""
    false_alarm_rate: float = Field(default=0.05, gt=0.0, le=0.5)
    """The share of batches like the reference in which a check warns by chance: for each check,
    and for the whole batch however many columns it has."""
    slices: Names = ()
    """Columns by whose values removal by filters and quarantine is compared."""
    ignore: Names = ()
    """Columns that are expected to change from batch to batch, and are not compared."""
    smallest: Smallest = Smallest()


class ReferenceSpec(Spec):
    """Everything that a reference's profile and thresholds depend on."""

    dataset: Name
    columns: dict[str, Column]
    skipped: dict[str, str]
    """Columns that are not compared, and why."""
    time: str | None
    block: Block
    false_alarm_rate: float


class ReportSpec(Spec):
    """Everything that the quality report of a batch depends on besides the reference."""

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
    """The reason of each filter."""
    read_by_filters: tuple[str, ...]
    slices: tuple[str, ...]
    smallest: Smallest
    false_alarm_rate: float
    reference: str
    """The reference in words, or why there is none."""
    in_reference: bool
    labels: tuple[str, ...] = ()
    """Columns that arrive with the labels, after the rows."""
