"""From which probability on a row is said to be of class 1."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ml_assets.spec.base import Spec


class Costs(Spec):
    """What wrong classes cost, in any unit; right ones cost nothing."""

    false_positive: Annotated[float, Field(gt=0)]
    """Of a row of class 0 that is said to be of class 1."""
    false_negative: Annotated[float, Field(gt=0)]
    """Of a row of class 1 that is said to be of class 0."""


class ByCosts(Spec):
    """The threshold with the least total cost."""

    costs: Costs


Threshold = Literal["f1"] | ByCosts | Annotated[float, Field(gt=0, lt=1)]
