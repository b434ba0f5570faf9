"""The `requests` section of a model: what the service keeps of what it was asked.

Belongs here: the section. Does not belong here: the dataset that follows from it
(`spec/requests_dataset`), the log (`store/segments`, `serve/recording`), sealing it
(`engine/sealing`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ml_assets.spec.base import Spec
from ml_assets.spec.expressions.constants import duration


def _days(value: str) -> str:
    if duration(value) < timedelta(days=1):
        raise ValueError(f"got {value!r}, wanted at least one day, such as '190 days'")
    return value


class Requests(Spec):
    """What the service keeps of each row that it predicts."""

    retention: Annotated[str, AfterValidator(_days)] = "190 days"
    """How long a day is kept; after that its rows are removed, and a tombstone stays."""
    sample: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The share of requests that is kept, drawn at random; `request_weight` is 1 by this."""
    max_bytes: Annotated[int, Field(ge=1 << 16)] = 512 << 20
    """How large the days that are not sealed yet may be together."""
    on_full: Literal["refuse", "unlogged"] = "unlogged"
    """If the disk or `max_bytes` is full: answer with status 503, or answer without a record. The
    metrics and `/readyz` say so."""
    sensitive: Literal["leave_out", "hmac"] = "leave_out"
    """What is kept of sensitive columns: nothing, or an HMAC-SHA256 of the value by the secret of
    the home's [pseudonyms](../how-to/pseudonyms.md#the-secret)."""

    @property
    def kept_for(self) -> timedelta:
        """How long a day is kept."""
        return duration(self.retention)
