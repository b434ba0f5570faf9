"""The monitoring report of a batch: all figures as one document, and the page that shows them.

Belongs here: putting together what other stages found. Does not belong here: single measures,
markup (`page`), judging (`verdicts`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ml_assets.stages.metrics import greater_is_better
from ml_assets.stages.monitor.headline import headline
from ml_assets.stages.monitor.page import page
from ml_assets.stages.result import Result

if TYPE_CHECKING:
    from ml_assets.spec.monitored import MonitorSpec, PageSpec
    from ml_assets.stages.result import Handle

Known = Mapping[str, Any]


def report(
    spec: MonitorSpec,
    *,
    shift: Handle,
    realized: Handle | None,
    expected: Handle | None,
    tested: Handle | None,
    rival: Handle | None,
    asked: Handle | None,
) -> Result:
    """Return `figures` (JSON); what was not computed is listed with the reason.

    `tested` are the metrics of the model's evaluation, with which realized ones are compared;
    `rival` is how far the challenger's predictions are from these; `asked` how the rows were asked,
    if they are requests.
    """
    moved = shift.json()
    true = {} if realized is None else realized.json()
    before = {} if tested is None else tested.json()
    estimated = {} if expected is None else expected.json()
    lacking = [{"what": what, "why": why} for what, why in spec.lacking.items()]
    lacking += moved["not_computed"] + true.get("not_computed", [])
    lacking += [
        {"what": f"estimate of {name}", "why": one["why"]}
        for name, one in estimated.items()
        if one["value"] is None
    ]
    figures = {
        "batch": spec.batch,
        "rows": moved["rows"],
        "gaps": moved["gaps"],
        "model": spec.version,
        "reference": spec.reference,
        "drift": by_column(moved["tests"]),
        "tests": moved["tests"],
        "prediction_drift": by_column(moved["predictions"]),
        "joint": moved["joint"],
        "before": moved["before"],
        "missing": moved["missing"],
        "unseen": moved["unseen"],
        "service": None if asked is None else asked.json(),
        "challenger": _challenger(spec, rival, asked),
        "labels": _labels(spec, true.get("labels", {"rows": moved["rows"], "share": None})),
        "metric": spec.metric,
        "unit": spec.unit,
        "realized": {
            name: {**entry, "test": at_test(name, before), "worse": worse(name, entry, before)}
            for name, entry in true.get("metrics", {}).items()
        },
        "slices": true.get("slices", []),
        "calibration": true.get("calibration"),
        "protected": true.get("protected"),
        "estimated": estimated,
        "not_computed": lacking,
    }
    return Result({"figures": figures}, headline(figures))


def shown(spec: PageSpec, *, figures: Handle, before: Mapping[str, Handle]) -> Result:
    """Return `report` (HTML) of a batch's figures, with those of the batches before it."""
    now = figures.json()
    return Result({"report": page(spec, now, [one.json() for one in before.values()])})


def _challenger(spec: MonitorSpec, rival: Handle | None, asked: Handle | None) -> Known | None:
    """Return how far the challenger is from the model: of a batch, or of a day of requests."""
    if rival is not None:
        return {"model": spec.challenger, **rival.json()}
    beside: Known | None = None if asked is None else asked.json().get("beside")
    return beside


def _labels(spec: MonitorSpec, labels: Known) -> dict[str, Any]:
    """Return how many rows have a label, and how many days after the rows labels came."""
    return {**labels, "late_days": spec.late_days if labels["share"] else None}


def by_column(tests: Sequence[Known]) -> dict[str, Any]:
    """Return of each column the test that is largest relative to its threshold."""
    worst: dict[str, Any] = {}
    for test in tests:
        entry = {
            "statistic": test["kind"],
            "value": test["effect"],
            "threshold": test["threshold"],
            "over": test["alarm"],
            "said": test["said"],
        }
        # They are sorted.
        worst.setdefault(test["column"], entry)
    return worst


def at_test(name: str, tested: Known) -> dict[str, Any] | None:
    """Return a metric's value on test with its interval; None if it is not known."""
    value = tested.get("test", {}).get(name)
    if value is None:
        return None
    low, high = tested["intervals"].get(name) or (None, None)
    return {"value": value, "low": low, "high": high}


def worse(name: str, entry: Known, tested: Known) -> bool | None:
    """Return whether a metric is worse than on test by more than both intervals.

    None if one of them has no interval.
    """
    then = at_test(name, tested)
    if then is None or entry["low"] is None or then["low"] is None:
        return None
    if greater_is_better(name):
        return bool(entry["high"] < then["low"])
    return bool(entry["low"] > then["high"])
