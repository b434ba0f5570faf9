"""Evaluate a candidate on the test fold against its trivial baselines.

Belongs here: the report's figures, the predictions. Does not belong here: any choice based on
test, words and pages (`report`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ml_assets.faults import HookError, raised
from ml_assets.stages import metrics as standard
from ml_assets.stages.evaluate import bootstrap, slices
from ml_assets.stages.evaluate.losses import row_losses
from ml_assets.stages.evaluate.registry import SECTIONS
from ml_assets.stages.evaluate.rows import Fitted, PredictedRows, read
from ml_assets.stages.evaluate.section import Study
from ml_assets.stages.notes import CONSTANT_TARGET, ONE_VALUE, UNDECLARED, unranked
from ml_assets.stages.result import Result
from ml_assets.stages.train.prepare import owners, taken

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
    test: Handle,
    features: Mapping[str, Handle],
    baseline: Handle,
    baseline_family: Any,
    others: Mapping[str, Handle],
    other_families: Mapping[str, Any],
    metrics: Mapping[str, Hook],
) -> Result:
    """Return `metrics` and `sections` (JSON) and `predictions` (table).

    `family` and `baseline_family` are the modules of the two models; `others` are the other
    trivial baselines, fitted on train alone; `metrics` are the user's own, called with (target,
    prediction) as in `stages/metrics.py`. HookError if one of them raises or returns no finite
    number.
    """
    board = leaderboard.json()
    chosen = Fitted(model.json(), family)
    trivial = {str(board["baseline"]): Fitted(baseline.json(), baseline_family)}
    for name, handle in others.items():
        trivial.setdefault(name, Fitted(handle.json(), other_families[name]))
    hidden = [name for name in spec.evaluation.slices if name in spec.sensitive]
    shown = [name for name in spec.evaluation.slices if name not in hidden]
    rows = read(test.table(), features, chosen, trivial, shown, spec.sensitive)
    asked = spec.evaluation.intervals
    draws = bootstrap.draw(rows.time, asked.block, asked.resamples, spec.seed)
    figures = _figures(spec, rows, draws, metrics, shown)
    importance = _importance(chosen.model)
    figures |= {
        "chosen": board["chosen"],
        "baseline_family": board["baseline"],
        "leaderboard": board["families"],
        "importance": importance,
        "test_references": test.digest,
    }
    figures["notes"] += _notes(spec, rows, chosen, hidden) + _chosen(board, rows)
    loss = row_losses(spec.metric, rows.target, rows.prediction, rows.at)
    gains = {entry["feature"]: entry["gain"] for entry in importance}
    study = Study(spec, rows, draws, loss, gains)
    sections = {name: part.measure(study) for name, part in SECTIONS.items() if part.measure}
    worst = sections["worst"]
    figures["worst_slices"] = {
        "searched": worst["searched"],
        "found": worst["found"],
        "worst": worst["worst"][0] if worst["worst"] else None,
    }
    outputs = {"metrics": figures, "sections": sections, "predictions": rows.table}
    return Result(outputs, {"rows": figures["rows"]})


def _notes(spec: EvaluateSpec, rows: PredictedRows, chosen: Fitted, hidden: list[str]) -> list[str]:
    notes = []
    if "constant" in chosen.model["state"]:
        notes.append(CONSTANT_TARGET)
    if rows.left_out:
        notes.append(f"{rows.left_out:,} rows left out: target or prediction not finite")
    if hidden:
        notes.append(f"not sliced by {', '.join(hidden)}: sensitive, no value may be shown")
    if spec.undeclared:
        notes.append(f"no value of {', '.join(spec.undeclared)} is shown: {UNDECLARED}")
    return notes


def _chosen(board: Mapping[str, Any], rows: PredictedRows) -> list[str]:
    """Return notes on an odd choice: one without a metric, or of a constant model."""
    first = next(entry for entry in board["families"] if entry["family"] == board["chosen"])
    if first["value"] is None:
        metric = board["metric"]
        told = f"{metric} has no value: "
        why = [note.removeprefix(told) for note in first["notes"] if note.startswith(told)]
        return [unranked(metric, ", ".join(why) or "for an unknown reason")]
    alike = len(rows.prediction) > 1 and not np.ptp(rows.prediction, axis=0).any()
    return [ONE_VALUE] if alike and not first["baseline"] else []


def _figures(
    spec: EvaluateSpec,
    rows: PredictedRows,
    draws: bootstrap.Draws,
    own: Mapping[str, Hook],
    sliced: list[str],
) -> dict[str, Any]:
    level = spec.evaluation.intervals.level
    values, notes = standard.measure(spec.task, rows.target, rows.prediction, _asked(spec), rows.at)
    for name, hook in own.items():
        values[name] = call(hook, str(spec.evaluation.metrics[name]), rows.target, rows.prediction)
    drawn = _drawn(spec, rows, rows.prediction, draws, values, rows.at)
    intervals = {
        name: bootstrap.interval(drawn[name], level) if name in drawn else None for name in values
    }
    baselines = {
        name: _baseline(spec, rows, name, draws, own, values, drawn) for name in rows.baselines
    }
    best = next(iter(baselines.values()))
    for place, entry in enumerate(baselines.values()):
        entry["refitted"] = place == 0
    known = rows.time[~np.isnat(rows.time)].astype("datetime64[D]")
    parts = [
        entry
        for name in sliced
        for entry in slices.measure(name, rows, spec.task, spec.metric, draws, level)
    ]
    return {
        "metric": spec.metric,
        "unit": spec.target_unit,
        "rows": len(rows.target),
        "span": [str(known.min()), str(known.max())] if len(known) else None,
        "level": level,
        "bootstrap": draws.note,
        "test": values,
        "intervals": intervals,
        "baseline": best["metrics"],
        "difference": best["difference"],
        "baselines": baselines,
        "slices": parts,
        "notes": notes,
    }


def _asked(spec: EvaluateSpec) -> tuple[str, ...]:
    """Return the metrics that the spec names."""
    named = (name for name, hook in spec.evaluation.metrics.items() if hook is None)
    return (spec.metric, *named)


def _drawn(
    spec: EvaluateSpec,
    rows: PredictedRows,
    prediction: Any,
    draws: bootstrap.Draws,
    values: Mapping[str, float | None],
    at: float,
) -> dict[str, Any]:
    """Return the draws (resamples,) of each standard metric that has a value."""
    if len(rows.target) < 2:
        return {}
    whole = np.zeros(len(rows.target), dtype=np.int64)
    return {
        name: bootstrap.distribution(name, rows.target, prediction, draws, whole, 1, at)[:, 0]
        for name in standard.named(spec.task, _asked(spec))
        if values[name] is not None
    }


def _baseline(
    spec: EvaluateSpec,
    rows: PredictedRows,
    baseline: str,
    draws: bootstrap.Draws,
    own: Mapping[str, Hook],
    model: Mapping[str, float | None],
    drawn: Mapping[str, Any],
) -> dict[str, Any]:
    """Return a baseline's metrics, their intervals, and the model's paired difference from it."""
    level = spec.evaluation.intervals.level
    prediction, at = rows.baselines[baseline], rows.baselines_at.get(baseline, standard.HALF)
    values, _ = standard.measure(spec.task, rows.target, prediction, _asked(spec), at)
    for name, hook in own.items():
        values[name] = call(hook, str(spec.evaluation.metrics[name]), rows.target, prediction)
    base = _drawn(spec, rows, prediction, draws, values, at)
    difference = {}
    for name, value in values.items():
        both = name in drawn and name in base
        spread = bootstrap.interval(drawn[name] - base[name], level) if both else None
        difference[name] = _difference(model[name], value, spread)
    intervals = {
        name: bootstrap.interval(base[name], level) if name in base else None for name in values
    }
    return {"metrics": values, "intervals": intervals, "difference": difference}


def call(hook: Hook, source: str, target: Any, prediction: Any) -> float:
    """Return what a user's metric returns for copies of the arrays, or raise HookError."""
    try:
        value = hook(target.copy(), prediction.copy())
    except Exception as error:
        raise HookError(raised(source, hook, error)) from error
    number = isinstance(value, int | float | np.integer | np.floating)
    if not number or isinstance(value, bool) or not np.isfinite(value):
        raise HookError(f"{source} returned {value!r:.80}, wanted one finite number")
    return float(value)


def _difference(
    value: float | None, base: float | None, spread: list[float] | None
) -> dict[str, float | None]:
    low, high = spread or (None, None)
    both = value is not None and base is not None
    return {"value": value - base if both else None, "low": low, "high": high}  # type: ignore[operator]


def _importance(model: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return features by gain, largest first; empty if the family reports none."""
    gains = model["state"].get("importance", [])
    prepare = model.get("prepare", {})
    columns = taken(model["columns"], prepare)
    # A feature's gain is that of all its parts.
    total: dict[str, float] = {}
    for feature, gain in (
        zip(owners(columns, prepare).values(), gains, strict=True) if gains else ()
    ):
        total[feature] = total.get(feature, 0.0) + float(gain)
    entries = [{"feature": name, "gain": gain} for name, gain in total.items()]
    return sorted(entries, key=lambda entry: (-entry["gain"], entry["feature"]))
