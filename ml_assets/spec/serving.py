"""What the prediction service does with rows for a model."""

from __future__ import annotations

from typing import Literal

from ml_assets.spec.base import Spec


class Serving(Spec):
    """What the service does with rows that are unlike those that the model learned from."""

    unseen: Literal["score", "refuse"] = "score"
    """Predict a row with a category that the model never saw, or refuse it with status 422."""
    out_of_range: Literal["score", "refuse"] = "score"
    """The same of a number below the least or above the greatest that the model learned from."""
