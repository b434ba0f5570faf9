"""Check: do a batch's predictions differ from those on test by more than chance?

Belongs here: the verdict as a check. Does not belong here: its figures (`monitor`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.stages.monitor.verdicts import prediction_drift
from ml_assets.stages.quality.verdicts import warning

if TYPE_CHECKING:
    from ml_assets.spec.monitored import MonitorSpec
    from ml_assets.stages.result import Handle, Result

NAME = "prediction_drift"


def check(spec: MonitorSpec, *, figures: Handle) -> Result:
    """Return the check `prediction_drift`: it warns, or says why it cannot judge."""
    return warning(NAME, prediction_drift(figures.json()), spec.false_alarm_rate)
