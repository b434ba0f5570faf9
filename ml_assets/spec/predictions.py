"""What the stages of a batch's predictions depend on, besides model, rows and code.

Belongs here: their parts of the specs. Does not belong here: which model scores a batch
(`engine/recipes/scorer`).
"""

from __future__ import annotations

from ml_assets.spec.base import Name, Spec
from ml_assets.spec.metrics import Metric
from ml_assets.spec.model import FeaturesSpec, Task


class InputsSpec(Spec):
    """Everything that choosing a model's inputs from a batch of features depends on."""

    columns: tuple[str, ...]


class AgainSpec(Spec):
    """Everything that computing features with the function of an earlier model depends on."""

    features: FeaturesSpec
    function: str | None
    """`module:function` in the stored sources."""


class SeenSpec(Spec):
    """Everything that naming the rows of a model's training depends on."""

    model: Name


class PredictionsSpec(Spec):
    """Everything that predicting a batch depends on."""

    model: Name
    batch: str
    family: str | None = None
    """The module of a family of the project's own, in the stored sources."""
    joins: dict[Name, tuple[str, ...]] = {}
    """Joined dataset -> the features that are derived from it, as far as the spec says."""


class RealizedSpec(Spec):
    """Everything that measuring predictions depends on, once labels are there."""

    task: Task


class LossesSpec(Spec):
    """Everything that adding up a model's losses on a batch depends on, once labels are there."""

    metric: Metric
