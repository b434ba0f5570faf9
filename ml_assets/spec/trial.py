"""The `trial` section of a gate: when the challenger has been shown to be better.

Belongs here: the section, and what a model must have for it. Does not belong here: statistics
(`stages/trial`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ml_assets.spec.base import Spec
from ml_assets.spec.metrics import plain

LOSSES = ("mae", "log_loss", "brier", "accuracy", "pinball", "rmse")
"""The metrics of which a trial can be: means of a loss by row that is bounded in advance."""


class TrialSpec(Spec):
    """How champion and challenger are compared on the batches that both predict."""

    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    """A challenger that is not better is promoted in at most this share of trials, however often
    one looks."""
    block: Literal["day", "week"] = "day"
    """Rows that depend on each other belong in one block, by event time (UTC)."""
    max_blocks: Annotated[int, Field(ge=2, le=10_000)] = 90
    """Blocks with labels after which a trial ends undecided."""
    equivalent: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Ends the trial where the difference is shown to be less than this share of the largest that
    the two models' predictions allow."""
    bound: tuple[float, float] | None = None
    """The least and the largest target, which `rmse` needs."""

    @model_validator(mode="after")
    def _ordered(self) -> TrialSpec:
        if self.bound is not None and not self.bound[0] < self.bound[1]:
            raise ValueError(f"bound: got {list(self.bound)}, wanted [least, largest]")
        return self


def wrong_trial(metric: str, trial: TrialSpec | None, mode: str) -> list[tuple[str, str]]:
    """Return what a gate's trial lacks: a field of the gate, and what to do."""
    if trial is None:
        return []
    wrong = []
    if mode != "trial":
        wrong.append(("trial", f"is for `mode: trial`; the mode is {mode}"))
    name = plain(metric)
    if name not in LOSSES:
        said = f"{metric} is no mean of bounded losses; wanted a metric of {', '.join(LOSSES)}"
        wrong.append(("mode", f"trial: {said}"))
    if name == "rmse" and trial.bound is None:
        wrong.append(("trial", "rmse needs `bound: [least, largest]` of the target"))
    return wrong
