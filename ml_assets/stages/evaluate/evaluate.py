"""Evaluate a candidate on the test fold, beside its trivial baseline.

Belongs here: the report's figures, the predictions, the page. Does not belong here: any choice
made by test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ml_assets.errors import HookError
from ml_assets.stages import metrics as standard
from ml_assets.stages.evaluate import bootstrap, report, slices
from ml_assets.stages.evaluate.rows import Fitted, Rows, read
from ml_assets.stages.result import Result

if TYPE_CHECKING:
    from ml_assets.spec.model import EvaluateSpec
    from ml_assets.stages.result import Handle

Hook = Callable[[Any, Any], Any]


def evaluate(
    spec: EvaluateSpec,
    *,
    family: Any,
    model: Handle,
    leaderboard: Handle,
    train: Handle,
    validation: Handle,
    test: Handle,
    features: Mapping[str, Handle],
    baseline: Handle,
    baseline_family: Any,
    metrics: Mapping[str, Hook],
) -> Result:
    """Return `metrics` (JSON), `predictions` (table) and `report` (HTML bytes).

    `family` and `baseline_family` are the modules of the two models; `metrics` are the user's
    own, called with (target, prediction) as in `stages/metrics.py`. HookError if one of them
    raises or returns no finite number.
    """
    chosen, trivial = Fitted(model.json(), family), Fitted(baseline.json(), baseline_family)
    rows = read(test.table(), features, chosen, trivial, spec.evaluation.slices)
    figures = _figures(spec, rows, metrics)
    board = leaderboard.json()
    figures |= {
        "chosen": board["chosen"],
        "baseline_family": board["baseline"],
        "leaderboard": board["families"],
        "importance": _importance(chosen.model),
    }
    if "constant" in chosen.model["state"]:
        figures["notes"].append("the target is constant in training: the model holds that value")
    data = {"train": train.table(), "validation": validation.table(), "test": test.table()}
    page = report.page(spec, figures, rows, data)
    outputs = {"metrics": figures, "predictions": rows.table, "report": page}
    return Result(outputs, {"rows": figures["rows"], "bytes": len(page)})


def _figures(spec: EvaluateSpec, rows: Rows, own: Mapping[str, Hook]) -> dict[str, Any]:
    asked = spec.evaluation.intervals
    draws = bootstrap.draw(rows.time, asked.block, asked.resamples, spec.seed)
    values, notes = standard.measure(spec.task, rows.target, rows.prediction)
    base, _ = standard.measure(spec.task, rows.target, rows.baseline)
    intervals: dict[str, list[float] | None] = dict.fromkeys(values)
    difference: dict[str, dict[str, float | None]] = {}
    for name, value in values.items():
        spread = None
        if value is not None and len(rows.target) > 1:
            intervals[name], spread = _intervals(name, rows, draws, asked.level)
        difference[name] = _difference(value, base[name], spread)
    for name, hook in own.items():
        source = spec.evaluation.metrics[name]
        values[name] = call(hook, source, rows.target, rows.prediction)
        base[name] = call(hook, source, rows.target, rows.baseline)
        intervals[name] = None
        difference[name] = _difference(values[name], base[name], None)
    parts = [
        entry
        for name in spec.evaluation.slices
        for entry in slices.measure(name, rows, spec.task, spec.metric, draws, asked.level)
    ]
    return {
        "metric": spec.metric,
        "unit": spec.target_unit,
        "rows": len(rows.target),
        "level": asked.level,
        "bootstrap": draws.note,
        "test": values,
        "intervals": intervals,
        "baseline": base,
        "difference": difference,
        "slices": parts,
        "notes": notes,
    }


def call(hook: Hook, source: str, target: Any, prediction: Any) -> float:
    """Return what a user's metric returns for copies of the arrays, or raise HookError."""
    try:
        value = hook(target.copy(), prediction.copy())
    except Exception as error:
        raise HookError(f"{source} raised {type(error).__name__}: {error}") from error
    number = isinstance(value, int | float | np.integer | np.floating)
    if not number or isinstance(value, bool) or not np.isfinite(value):
        raise HookError(f"{source} returned {value!r:.80}, wanted one finite number")
    return float(value)


def _intervals(
    name: str, rows: Rows, draws: bootstrap.Draws, level: float
) -> tuple[list[float] | None, list[float] | None]:
    """Return the intervals of the model's metric and of its difference from the baseline's."""
    whole = np.zeros(len(rows.target), dtype=np.int64)
    model, base = (
        bootstrap.distribution(name, rows.target, prediction, draws, whole, 1)[:, 0]
        for prediction in (rows.prediction, rows.baseline)
    )
    return bootstrap.interval(model, level), bootstrap.interval(model - base, level)


def _difference(
    value: float | None, base: float | None, spread: list[float] | None
) -> dict[str, float | None]:
    low, high = spread or (None, None)
    both = value is not None and base is not None
    return {"value": value - base if both else None, "low": low, "high": high}  # type: ignore[operator]


def _importance(model: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return features by gain, largest first; empty where the family has no such number."""
    gains = model["state"].get("importance", [])
    pairs = zip(sorted(model["columns"]), gains, strict=True) if gains else []
    found = [{"feature": name, "gain": float(gain)} for name, gain in pairs]
    return sorted(found, key=lambda entry: (-entry["gain"], entry["feature"]))
