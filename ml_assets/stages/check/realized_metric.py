"""Check: is a batch's metric worse than on test by more than both intervals?

Belongs here: the verdict as a check. Does not belong here: its figures (`monitor`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.stages.monitor.verdicts import realized_metric
from ml_assets.stages.quality.verdicts import warning

if TYPE_CHECKING:
    from ml_assets.spec.monitored import MonitorSpec
    from ml_assets.stages.result import Handle, Result

NAME = "realized_metric"


def check(spec: MonitorSpec, *, figures: Handle) -> Result:
    """Return the check `realized_metric`: it warns, or says why it cannot judge."""
    return warning(NAME, realized_metric(figures.json()), spec.false_alarm_rate)
