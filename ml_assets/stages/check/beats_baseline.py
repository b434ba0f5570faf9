"""Check: is the candidate better on test than the best trivial baseline?

Belongs here: one verdict from the report's figures. Does not belong here: promotion (`gate`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.stages import metrics as standard
from ml_assets.stages.notes import explained
from ml_assets.stages.result import Check, Result

if TYPE_CHECKING:
    from ml_assets.spec.model import EvaluateSpec
    from ml_assets.stages.result import Handle


def check(spec: EvaluateSpec, *, metrics: Handle) -> Result:
    """Return the check `beats_baseline` on the report's metrics (JSON).

    Failed if the spec's metric is not better than the baseline's; a warning if it is but the
    interval of the paired difference contains 0; not applicable if the metric has no value.
    """
    measured = metrics.json()
    value, base = measured["test"][spec.metric], measured["baseline"][spec.metric]
    figures = {"metric": spec.metric, "value": value, "baseline": base}
    if value is None or base is None:
        why = f"{spec.metric} has no value on the test rows"
        return _result(Check("beats_baseline", None, why, metadata=figures))
    difference, notes = measured["difference"][spec.metric], measured.get("notes", ())
    figures |= {"difference": difference}
    said = f"{spec.metric} {value:.4g}, baseline {base:.4g}"
    if not standard.is_better(spec.metric, value, base):
        why = explained(f"not better: {said}", notes)
        return _result(Check("beats_baseline", False, why, metadata=figures))
    low, high = difference["low"], difference["high"]
    if low is None or low <= 0.0 <= high:
        why = explained(f"better, but not beyond chance: {said}", notes)
        return _result(Check("beats_baseline", False, why, "warn", figures))
    return _result(Check("beats_baseline", True, f"better: {said}", metadata=figures))


def _result(verdict: Check) -> Result:
    return Result({}, checks=(verdict,))
