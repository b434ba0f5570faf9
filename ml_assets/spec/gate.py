"""What a candidate must pass to become champion, and the gate's inputs."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from ml_assets.spec.base import Name, Names, Resamples, Seed, Spec
from ml_assets.spec.protected import ProtectedGate
from ml_assets.spec.trial import TrialSpec


def _margin(value: float | str) -> float | str:
    if isinstance(value, str) and not re.fullmatch(r"\d{1,9}(\.\d{1,9})?%", value):
        raise ValueError(
            f"got {value!r}, wanted a percentage of the metric ('2%') or a number (0.5)"
        )
    if not isinstance(value, str) and value < 0:
        raise ValueError(f"got {value}, wanted 0 or more")
    return value


Margin = Annotated[float | str, AfterValidator(_margin)]
"""`2%`: a share of the champion's metric. A number: in the metric's own unit."""


class NotWorse(Spec):
    """The candidate must be shown not to be worse than the champion on rows unseen by both."""

    margin: Margin = "2%"
    """How much worse the candidate may be and still pass."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """One-sided: a candidate that is worse by the margin passes in at most 1 - this of cases."""
    resamples: Resamples = 2000
    block: Literal["day", "row", "batch", "group"] = "day"
    """What is drawn with replacement: rows that depend on each other belong in one block."""
    min_blocks: Annotated[int, Field(ge=2)] = 5
    """With fewer days (batches, groups) the gate does not compare: they say too little."""


class Slices(Spec):
    """No declared slice may be shown to be worse."""

    names: Names | None = None
    """A subset of `evaluation.slices`; all of them by default."""
    margin: Margin = "10%"
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """For all slices together (Holm): a good candidate is refused in at most 1 - this of cases."""
    min_rows: Annotated[int, Field(ge=2)] = 100
    """Values with fewer unseen rows are listed but not judged."""


class Parity(Spec):
    """The served model must predict the same as the trained one."""

    rows: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    """Evenly spaced rows of the test fold that are predicted in a fresh process."""
    onnx_tolerance: Annotated[float, Field(ge=0)] = 1e-6
    """Largest allowed difference of ONNX; relative to predictions above 1 in magnitude."""


class GateSpec(Spec):
    """The rules of promotion."""

    mode: Literal["automatic", "manual", "trial"] = "automatic"
    """Whether a candidate that passes becomes champion, or waits as challenger: until a person
    decides, or a trial beside the champion does ([more](../how-to/trials.md))."""
    beats_baseline: Literal["clear", "better", "off"] = "clear"
    """Must beat the best trivial baseline on test: beyond chance, at all, or not required."""
    not_worse: NotWorse = NotWorse()
    slices: Slices | None = Slices()
    min_rows: Annotated[int, Field(ge=2)] = 100
    """Rows that neither model has seen, for a comparison on them."""
    few_rows: Literal["refuse", "cross_validation"] = "refuse"
    """With fewer: refuse, or compare how both models are made by repeated cross-validation on all
    rows (for a split by hash). A candidate that is not shown to be within the margin then waits as
    challenger."""
    protected: ProtectedGate | None = None
    """How far groups of `evaluation.protected` may be apart; by default as far as they are."""
    parity: Parity = Parity()
    max_bytes: Annotated[int, Field(ge=1)] | None = None
    """Largest size of the model document."""
    max_latency_ms: Annotated[float, Field(gt=0)] | None = None
    """Largest CPU time to predict one row, the minimum of several runs."""
    quality: Literal["error", "warn", "off"] = "error"
    """Failed checks of the training data that lead to refusal: errors, warnings too, or none."""
    incomplete: Literal["allow", "refuse"] = "allow"
    """Whether a model trained without a refused batch may become champion; always reported."""
    max_age_days: Annotated[float, Field(gt=0)] | None = None
    """Largest age: from the newest row trained on to the newest row available, by event time."""
    seed: Seed = 1
    trial: TrialSpec | None = None
    """With `mode: trial`: how the trial is judged."""

    @model_validator(mode="before")
    @classmethod
    def _with_trial(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("mode") == "trial" and not data.get("trial"):
            return {**data, "trial": {}}
        return data

    @model_validator(mode="after")
    def _only_a_trial(self) -> GateSpec:
        if self.trial is not None and self.mode != "trial":
            raise ValueError(f"trial: needs `mode: trial`, but mode is {self.mode}")
        return self


class RedCheck(Spec):
    """A check of the training data that did not pass."""

    asset: str
    batch: str = ""
    name: str
    severity: Literal["error", "warn"]
    text: str = ""


class TrainingData(Spec):
    """What is known of a candidate's training data besides its rows."""

    refused: tuple[str, ...] = ()
    """Batches left out because they were refused."""
    red: tuple[RedCheck, ...] = ()
    dummy: bool = False
    """Trained on made-up data (a smoke test): never promoted."""


class Described(Spec):
    """The parts of a champion's own spec at the time it was trained."""

    target: str
    key: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    """Without a key: the columns by whose values a row was known."""


class DecideSpec(Spec):
    """Everything that a decision depends on besides models and data."""

    model: Name
    task: Literal["regression", "binary", "multiclass"]
    metric: str
    target: str
    target_unit: str | None = None
    key: tuple[str, ...]
    """The dataset's key; empty where rows are known by their `inputs`."""
    slices: tuple[str, ...] = ()
    """`gate.slices.names`, or all of `evaluation.slices`."""
    gate: GateSpec
    data: TrainingData = TrainingData()
    champion: Described | None = None
    """None if there is no champion, or its spec is no longer known."""
    sensitive: tuple[str, ...] = ()
    """Slices whose values may not be shown."""
    undeclared: tuple[str, ...] = ()
    """Those of `sensitive` whose sources are unknown."""
    inputs: tuple[str, ...] = ()
    """Without a key: the columns by whose values a row is known. If there are none, rows cannot be
    told apart and there is no gate."""


class ParitySpec(Spec):
    """Everything that the parity of a model depends on besides model and rows."""

    model: Name
    parity: Parity
    max_latency_ms: float | None = None
