"""Check: are there about as many landed rows as in the reference?

Belongs here: the verdict as a check. Does not belong here: its figures (`quality`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.stages.quality.verdicts import volume, warning

if TYPE_CHECKING:
    from ml_assets.spec.quality import ReportSpec
    from ml_assets.stages.result import Handle, Result

NAME = "volume"


def check(spec: ReportSpec, *, figures: Handle) -> Result:
    """Return the check `volume`: failed (warn) on more or fewer rows than chance explains.

    Not applicable if there is nothing to compare with; the description says why.
    """
    return warning(NAME, volume(figures.json()), spec.false_alarm_rate)
