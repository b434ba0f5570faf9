"""Check: does an input of a batch differ from the model's training rows by more than chance?

Belongs here: the verdict as a check. Does not belong here: its figures (`monitor`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.stages.monitor.verdicts import input_drift
from ml_assets.stages.quality.verdicts import warning

if TYPE_CHECKING:
    from ml_assets.spec.monitored import MonitorSpec
    from ml_assets.stages.result import Handle, Result

NAME = "input_drift"


def check(spec: MonitorSpec, *, figures: Handle) -> Result:
    """Return the check `input_drift`: it warns, or says why it cannot judge."""
    return warning(NAME, input_drift(figures.json()), spec.false_alarm_rate)
