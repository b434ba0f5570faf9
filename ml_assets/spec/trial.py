"""The `trial` section of a gate: when the challenger has been shown to be better.

Belongs here: the section, what a model must have for it, and what the stage depends on. Does not
belong here: statistics (`stages/trial`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from ml_assets.spec.base import Name, Spec
from ml_assets.spec.metrics import METRICS, plain
from ml_assets.spec.mistakes import Place
from ml_assets.spec.scorers import traffic_mismatches

if TYPE_CHECKING:
    from ml_assets.spec.dataset import DatasetSpec
    from ml_assets.spec.model import ModelSpec

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
    bound: Annotated[tuple[float, ...], Field(min_length=2, max_length=2)] | None = None
    """The least and the largest target, which `rmse` needs, and `predictions.traffic`."""
    on_new: Literal["queue", "replace"] = "queue"
    """What a candidate that passes during a trial does: it waits until the trial has ended (the
    newest takes its turn if the challenger is dropped), or it takes the challenger's place."""

    @model_validator(mode="after")
    def _ordered(self) -> TrialSpec:
        if self.bound is not None and not self.bound[0] < self.bound[1]:
            raise ValueError(f"bound: got {list(self.bound)}, wanted [least, largest]")
        return self


def trial_mismatches(model: ModelSpec, dataset: DatasetSpec) -> Iterator[tuple[Place, str]]:
    """Yield what a model with a trial, or whose requests are split, lacks."""
    yield from traffic_mismatches(model)
    trial = model.gate.trial
    if trial is None:
        return
    mode, name = ("gate", "mode"), plain(model.training.metric)
    if not model.predictions.challenger:
        said = "a trial compares predictions of champion and challenger"
        yield mode, f"{said}; set `predictions: {{challenger: true}}`"
    if dataset.time is None:
        yield mode, f"a trial is by {trial.block}; set `time` of {model.dataset}"
    if dataset.calendar is None:
        said = f"{model.dataset} is a snapshot, and a trial is of batches that come during it"
        yield mode, f"{said}; wanted automatic or manual"
    usable = [loss for loss in LOSSES if loss in METRICS[model.task]]
    if name in METRICS[model.task] and name not in usable:
        said = f"a trial is of a mean of bounded losses, and {name} is none"
        yield mode, f"{said}; wanted `training.metric` of {', '.join(usable)}"
    if name == "rmse" and trial.bound is None:
        yield ("gate", "trial"), "rmse needs `bound: [least, largest]`, of the target"
    if name != "rmse" and trial.bound is not None and model.predictions.traffic is None:
        said = f"is for rmse; what {name} can differ by follows from the predictions"
        yield ("gate", "trial", "bound"), said


class Contender(Spec):
    """A version in a trial."""

    version: str
    digest: str
    """Of the candidate."""


class TrialRun(Spec):
    """Everything that a trial depends on besides predictions and labels."""

    model: Name
    task: Literal["regression", "binary", "multiclass"]
    metric: str
    target_unit: str | None = None
    trial: TrialSpec
    champion: Contender
    challenger: Contender
