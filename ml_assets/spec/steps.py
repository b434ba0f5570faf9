"""The cleaning steps of a dataset, before filters and rules."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ml_assets.spec.base import Names, Spec
from ml_assets.spec.columns import ColumnType


class Strip(Spec):
    """Remove leading and trailing whitespace."""

    op: Literal["strip"]
    columns: Names


class Case(Spec):
    """Convert texts to upper or lower case."""

    op: Literal["upper", "lower"]
    columns: Names


class Replace(Spec):
    """Replace whole values; null makes a value missing."""

    op: Literal["replace"]
    columns: Names
    values: dict[str, str | None]


class Fill(Spec):
    """Fill missing values with a constant."""

    op: Literal["fill"]
    columns: Names
    value: str | int | float | bool


FILLS: dict[ColumnType, type | tuple[type, ...]] = {
    "text": str,
    "category": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}
"""Types that may fill a column; timestamps and dates cannot be filled."""
Step = Annotated[Strip | Case | Replace | Fill, Field(discriminator="op")]
