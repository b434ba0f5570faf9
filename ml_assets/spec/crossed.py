"""What the gate's comparison by cross-validation depends on."""

from __future__ import annotations

from ml_assets.spec.base import Spec
from ml_assets.spec.gate import NotWorse
from ml_assets.spec.model import CrossSpec, FitSpec


class CrossedSpec(Spec):
    """Everything that comparing two models by cross-validation depends on."""

    fit: FitSpec
    """How the candidate was fitted."""
    champion: FitSpec
    min_rows: int
    not_worse: NotWorse
    grouped: bool
    seed: int

    def dividing(self, parts: int, repeat: int) -> CrossSpec:
        """Return how the rows are divided in one repeat."""
        return CrossSpec(
            **dict(self.fit),
            folds=parts,
            forward=False,
            grouped=self.grouped,
            salt=f"gate/{self.seed}/{repeat}",
        )
