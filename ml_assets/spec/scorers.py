"""The `predictions` section of a model: which models score, and which answers requests.

Belongs here: the section, and what splitting requests needs. Does not belong here: a trial's
own rules (`trial`), routing (`serve/service`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator

from ml_assets.spec.base import Spec
from ml_assets.spec.metrics import METRICS, plain
from ml_assets.spec.mistakes import Place

if TYPE_CHECKING:
    from ml_assets.spec.model import ModelSpec

WITHIN_ONE = ("accuracy", "brier")
"""Metrics whose loss of a row is at most 1, whatever is predicted."""
WITHIN_BOUND = ("mae", "pinball", "rmse")
"""Those whose loss is bounded where the target's least and largest are declared."""


def _share(value: str) -> str:
    if not re.fullmatch(r"\d{1,2}(\.\d{1,4})?%", value) or float(value[:-1]) == 0.0:
        raise ValueError(f"got {value!r}, wanted a percentage above 0 and below 100 such as '10%'")
    return value


class Traffic(Spec):
    """Which requests the challenger answers while a trial is on."""

    challenger: Annotated[str, AfterValidator(_share)]
    """The share of requests, such as `10%`. A request with the header `X-Request-Key` is drawn by
    that, so that a client has the same version answer it during a trial; otherwise by its body."""

    @property
    def share(self) -> float:
        """The challenger's share of requests."""
        return float(self.challenger[:-1]) / 100.0


class Predictions(Spec):
    """Which models score a batch, and which of them answers requests."""

    challenger: bool = False
    """Whether the challenger scores each batch too, beside the champion: the newest candidate that
    the gate did not refuse and that waits ([more](../how-to/predictions.md))."""
    traffic: Traffic | None = None
    """Have the challenger of a trial answer some requests; by default the champion answers all
    ([more](../how-to/trials.md#in-the-service))."""


def traffic_mismatches(model: ModelSpec) -> Iterator[tuple[Place, str]]:
    """Yield what a model whose requests are split lacks."""
    if model.predictions.traffic is None:
        return
    at: Place = ("predictions", "traffic")
    if model.gate.trial is None:
        said = f"requests are split during a trial, but gate.mode is {model.gate.mode}"
        yield at, f"{said}; set `gate: {{mode: trial}}`"
        return
    name = plain(model.training.metric)
    said = "a worse challenger's answers may cost no more than is declared"
    if name in WITHIN_ONE or name not in METRICS[model.task]:
        return
    if name in WITHIN_BOUND:
        if model.gate.trial.bound is None:
            yield at, f"{said}; {name} needs `gate.trial.bound: [least, largest]`, of the target"
        return
    usable = [n for n in (*WITHIN_ONE, *WITHIN_BOUND) if n in METRICS[model.task]]
    yield at, f"{said}, and {name} has no bound; wanted `training.metric` of {', '.join(usable)}"
