"""Check: does a classifier tell a batch from the model's training rows?

Belongs here: the verdict as a check. Does not belong here: its figures (`monitor`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.stages.monitor.verdicts import joint_drift
from ml_assets.stages.quality.verdicts import warning

if TYPE_CHECKING:
    from ml_assets.spec.monitored import MonitorSpec
    from ml_assets.stages.result import Handle, Result

NAME = "joint_drift"


def check(spec: MonitorSpec, *, figures: Handle) -> Result:
    """Return the check `joint_drift`: it warns, or says why it cannot judge."""
    return warning(NAME, joint_drift(figures.json()), spec.false_alarm_rate)
