"""The `monitoring` section of a model: what its batches are compared with, and when to warn."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ml_assets.spec.base import Names, Spec
from ml_assets.spec.quality import Block, Smallest


class Monitoring(Spec):
    """A report on each batch that was predicted; `{}` will do."""

    false_alarm_rate: float = Field(default=0.05, gt=0.0, le=0.5)
    """The share of batches like the champion's training rows in which a check warns by chance,
    however many inputs there are."""
    block: Block | None = None
    """Rows that arrive together and are resampled together. By default a day if the dataset has a
    `time`, otherwise a row."""
    smallest: Smallest = Smallest()
    """The smallest effects that are worth a warning, however significant."""
    ignore: Names = ()
    """Inputs that are expected to change from batch to batch, and are not compared."""
    history: Annotated[int, Field(ge=0, le=400)] = 24
    """How many earlier batches a report shows beside its own."""
