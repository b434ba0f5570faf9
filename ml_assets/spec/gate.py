"""What a candidate must pass to become champion, and what the gate is told."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ml_assets.spec.base import Name, Names, Resamples, Seed, Spec


def _margin(value: float | str) -> float | str:
    if isinstance(value, str) and not re.fullmatch(r"\d{1,9}(\.\d{1,9})?%", value):
        raise ValueError(f"got {value!r}, wanted a share of the metric ('2%') or a number (0.5)")
    if not isinstance(value, str) and value < 0:
        raise ValueError(f"got {value}, wanted 0 or more")
    return value


Margin = Annotated[float | str, AfterValidator(_margin)]
"""`2%`: a share of the champion's metric. A number: in the metric's own unit."""


class NotWorse(Spec):
    """The candidate must not be worse than the champion, shown on rows that neither has seen."""

    margin: Margin = "2%"
    """How much worse still passes."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """One-sided: a candidate that is worse by the margin passes in at most 1 - this of cases."""
    resamples: Resamples = 2000
    block: Literal["day", "row", "batch", "group"] = "day"
    """What is drawn with replacement: rows that depend on each other belong together."""
    min_blocks: Annotated[int, Field(ge=2)] = 5
    """Fewer days (batches, groups) than this say nothing about the next ones."""


class Slices(Spec):
    """No declared slice may be shown to have become worse."""

    names: Names | None = None
    """Some of `evaluation.slices`; all of them by default."""
    margin: Margin = "10%"
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """For all slices together (Holm): a good candidate is refused in at most 1 - this of cases."""
    min_rows: Annotated[int, Field(ge=2)] = 100
    """Values with fewer unseen rows are listed, not judged."""


class Parity(Spec):
    """The served model must say what the trained one says."""

    rows: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    """Rows of the test fold, evenly taken, that are predicted in a fresh process."""
    onnx_tolerance: Annotated[float, Field(ge=0)] = 1e-6
    """Largest difference of ONNX; relative to the prediction where that is above 1."""


class GateSpec(Spec):
    """The rules of promotion."""

    mode: Literal["automatic", "manual"] = "automatic"
    """Whether a candidate that passes becomes champion, or waits as challenger."""
    beats_baseline: Literal["clear", "better", "off"] = "clear"
    """Better than the best trivial baseline on test: beyond chance, at all, or not asked."""
    not_worse: NotWorse = NotWorse()
    slices: Slices | None = Slices()
    min_rows: Annotated[int, Field(ge=2)] = 100
    """Rows that neither model has seen; with fewer the gate refuses rather than guesses."""
    parity: Parity = Parity()
    max_bytes: Annotated[int, Field(ge=1)] | None = None
    """Size of the model document."""
    max_latency_ms: Annotated[float, Field(gt=0)] | None = None
    """CPU time of one prediction of one row, the least of several."""
    quality: Literal["error", "warn", "off"] = "error"
    """Red checks of the training data that refuse: errors, warnings too, or none."""
    incomplete: Literal["allow", "refuse"] = "allow"
    """Whether training data without a refused batch may become champion; it is said either way."""
    max_age_days: Annotated[float, Field(gt=0)] | None = None
    """From the newest row that was trained on to the newest row there is, by event time."""
    seed: Seed = 1


class RedCheck(Spec):
    """A check of the training data that did not pass."""

    asset: str
    batch: str = ""
    name: str
    severity: Literal["error", "warn"]
    text: str = ""


class TrainingData(Spec):
    """What is known of the data that a candidate was trained on, besides its rows."""

    refused: tuple[str, ...] = ()
    """Batches left out because they were refused."""
    red: tuple[RedCheck, ...] = ()
    dummy: bool = False
    """Trained on made-up data (a smoke test): never promoted."""


class Described(Spec):
    """What a champion's own spec said when it was trained."""

    target: str
    key: tuple[str, ...]


class DecideSpec(Spec):
    """All that a decision depends on, besides models and data."""

    model: Name
    task: Literal["regression", "binary", "multiclass"]
    metric: str
    target: str
    target_unit: str | None = None
    key: tuple[str, ...]
    """The dataset's key; empty where rows cannot be told apart, and then there is no gate."""
    slices: tuple[str, ...] = ()
    """`gate.slices.names`, or all of `evaluation.slices`."""
    gate: GateSpec
    data: TrainingData = TrainingData()
    champion: Described | None = None
    """None where there is no champion, or where its spec is not known any more."""
    sensitive: tuple[str, ...] = ()
    """Slices whose values may not be shown."""
    undeclared: tuple[str, ...] = ()
    """Those among them of which nobody knows what they are made of."""


class ParitySpec(Spec):
    """All that the parity of a model depends on, besides model and rows."""

    model: Name
    parity: Parity
    max_latency_ms: float | None = None
