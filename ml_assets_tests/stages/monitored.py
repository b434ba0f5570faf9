"""Figures of a monitoring report, for the tests of its checks and page."""

from __future__ import annotations

from typing import Any

from ml_assets.spec.monitored import MonitorSpec
from ml_assets.stages.result import Check, Result

SPEC = MonitorSpec(
    model="forecast",
    batch="2020-05",
    description="",
    version="v0",
    metric="mae",
    unit="",
    false_alarm_rate=0.05,
    reference="compared with the rows on which v0 was trained",
)
METRIC = {"value": 2.0, "low": 1.5, "high": 2.5, "rows": 30}


def entry(value: float, threshold: float | None, said: str = "it is so") -> dict[str, Any]:
    """Return what is said of the drift of a column."""
    over = threshold is not None and value > threshold
    return {
        "statistic": "numeric",
        "value": value,
        "threshold": threshold,
        "over": over,
        "said": said,
    }


def figures(**changed: Any) -> dict[str, Any]:
    """Return the figures of a batch of which nothing could be computed, but for what is given."""
    return {
        "batch": "2020-05",
        "rows": 30,
        "gaps": 0,
        "model": "v0",
        "reference": SPEC.reference,
        "drift": {},
        "tests": [],
        "prediction_drift": {},
        "joint": None,
        "before": None,
        "missing": {},
        "unseen": {},
        "labels": {"rows": 30, "share": 1.0, "late_days": 0.0},
        "service": None,
        "challenger": None,
        "metric": "mae",
        "unit": "",
        "realized": {},
        "slices": [],
        "calibration": None,
        "protected": None,
        "estimated": {},
        "not_computed": [],
        **changed,
    }


def only(result: Result) -> Check:
    """Return the check of a result that has one."""
    (found,) = result.checks
    return found
