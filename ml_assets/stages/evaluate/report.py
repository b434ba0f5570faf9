"""The evaluation report as one offline HTML page.

Belongs here: figures to words and table lines; everything is escaped by the template. Does not
belong here: computing figures, structure and style (`template`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from jinja2 import DictLoader, Environment, StrictUndefined

from ml_assets.stages import metrics as standard
from ml_assets.stages.evaluate import plots
from ml_assets.stages.evaluate.rows import Rows
from ml_assets.stages.evaluate.slices import FEW_ROWS
from ml_assets.stages.evaluate.template import PAGE, STYLE

if TYPE_CHECKING:
    from ml_assets.spec.model import EvaluateSpec

NONE = "\N{EN DASH}"
_MOST_FEATURES = 25
_SHOWN = 12
"""Lines of a slice that stand in the open; the rest is behind a click."""
_NAMES = {
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "r2": "R²",
    "median_ae": "median absolute error",
    "log_loss": "log loss",
    "brier": "Brier score",
    "auc": "area under the ROC curve",
    "accuracy": "accuracy",
}
_IN_UNIT = frozenset({"mae", "rmse", "median_ae"})


def page(
    spec: EvaluateSpec, figures: Mapping[str, Any], rows: Rows, data: Mapping[str, pa.Table]
) -> bytes:
    """Return the page; `data` is the table of row references of each fold."""
    environment = Environment(
        loader=DictLoader({"page": PAGE}), autoescape=True, undefined=StrictUndefined
    )
    shown = {
        "style": STYLE,
        "model": spec.model,
        "description": spec.description,
        "target": spec.target + (f", in {spec.target_unit}" if spec.target_unit else ""),
        "predict_at": spec.predict_at,
        "metric": _NAMES[spec.metric],
        "level": _level(figures),
        "rows": f"{figures['rows']:,}",
        "few_rows": FEW_ROWS,
        "bootstrap": figures["bootstrap"],
        "notes": figures["notes"],
        "verdict": _verdict(spec, figures, rows),
        "headline": _headline(spec, figures),
        "metrics": _metrics(spec, figures),
        "board_metrics": [_NAMES[name] for name in standard.BY_TASK[spec.task]],
        "board": [_board_line(spec, figures, entry) for entry in figures["leaderboard"]],
        "board_notes": [f"{e['family']}: {n}" for e in figures["leaderboard"] for n in e["notes"]],
        "slices": _slices(spec, figures),
        "plots": _plots(spec, rows),
        "plots_title": "Residuals" if spec.task == "regression" else "Calibration",
        "importance": _importance(spec, figures["importance"]),
        "folds": [_fold(name, table) for name, table in data.items()],
    }
    return environment.get_template("page").render(shown).encode("utf-8")


def number(value: float | None, unit: str = "") -> str:
    """Return a figure as people read it: four digits, a true minus, a dash for none.

    >>> number(13.1512, "min"), number(0.025141), number(123456.0)
    ('13.15 min', '0.02514', '123,456')
    """
    if value is None:
        return NONE
    text = f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:#.4g}".rstrip(".")
    return text.replace("-", "\N{MINUS SIGN}") + (f" {unit}" if unit else "")


def _range(pair: Sequence[float | None] | None) -> str:
    if pair is None or pair[0] is None:
        return NONE
    return f"{number(pair[0])} to {number(pair[1])}"


def _level(figures: Mapping[str, Any]) -> str:
    return f"{figures['level'] * 100:.4g}%"


def _unit(spec: EvaluateSpec, name: str) -> str:
    return (spec.target_unit or "") if name in _IN_UNIT else ""


def _verdict(spec: EvaluateSpec, figures: Mapping[str, Any], rows: Rows) -> dict[str, str]:
    """Return the headline and one plain sentence: the metric, its interval, the baseline."""
    name, unit = spec.metric, _unit(spec, spec.metric)
    value, base = figures["test"][name], figures["baseline"][name]
    where = f"On {figures['rows']:,} test rows{_span(rows)}"
    if value is None or base is None:
        title = "No figure for the chosen metric"
        sentence = f"{where} {_NAMES[name]} has no value; the reason is noted below."
        return {"mood": "unclear", "title": title, "sentence": sentence}
    mood, title, verdict = _compared(spec, figures)
    around = figures["intervals"][name]
    shown = f" ({_level(figures)} interval {_range(around)})" if around else ""
    sentence = (
        f"{where} the {_NAMES[name]} of {figures['chosen']} is {number(value, unit)}{shown}; "
        f"the trivial baseline ({figures['baseline_family']}) has {number(base, unit)}. {verdict}"
    )
    return {"mood": mood, "title": title, "sentence": sentence}


def _compared(spec: EvaluateSpec, figures: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return mood, title and sentence on the paired difference from the baseline."""
    name = spec.metric
    difference = figures["difference"][name]
    if figures["chosen"] == figures["baseline_family"]:
        said = "No family beat the baseline on validation: the candidate is the baseline."
        return "bad", "No better than the trivial baseline", said
    low, high = difference["low"], difference["high"]
    unit = _unit(spec, name)
    said = f"The difference is {number(difference['value'], unit)}"
    if low is None:
        return "unclear", "No interval for the difference", f"{said}; it has no interval."
    said += f" ({_range((low, high))})"
    if low <= 0.0 <= high:
        return "unclear", "Not clear of the trivial baseline", f"{said}, which chance can explain."
    if standard.is_better(name, figures["test"][name], figures["baseline"][name]):
        share = 1.0 - figures["test"][name] / figures["baseline"][name] if _is_error(name) else None
        less = f", {share:.0%} less" if share is not None else ""
        return "good", "Better than the trivial baseline", f"{said}{less}: more than chance."
    return "bad", "Worse than the trivial baseline", f"{said}: more than chance."


def _is_error(name: str) -> bool:
    return name not in standard.GREATER_IS_BETTER


def _span(rows: Rows) -> str:
    """Return the first and last day of the test rows in words, empty where none is known."""
    known = rows.time[~np.isnat(rows.time)]
    if not len(known):
        return ","
    first, last = (str(day.astype("datetime64[D]")) for day in (known.min(), known.max()))
    return f" of {first}," if first == last else f" from {first} to {last},"


def _headline(spec: EvaluateSpec, figures: Mapping[str, Any]) -> list[dict[str, str]]:
    name, unit = spec.metric, _unit(spec, spec.metric)
    difference = figures["difference"][name]
    around = figures["intervals"][name]
    return [
        {
            "name": f"Model: {figures['chosen']}",
            "value": number(figures["test"][name], unit),
            "below": f"{_NAMES[name]}, {_range(around)}" if around else _NAMES[name],
        },
        {
            "name": f"Baseline: {figures['baseline_family']}",
            "value": number(figures["baseline"][name], unit),
            "below": f"{_NAMES[name]} on the same rows",
        },
        {
            "name": "Difference",
            "value": number(difference["value"], unit),
            "below": f"paired, {_range((difference['low'], difference['high']))}",
        },
    ]


def _metrics(spec: EvaluateSpec, figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    lines = []
    for name, value in figures["test"].items():
        difference = figures["difference"][name]
        better = "more" if name in standard.GREATER_IS_BETTER else "less"
        line = {
            "name": _NAMES.get(name, name),
            "better": better if name in _NAMES else "",
            "headline": name == spec.metric,
            "value": number(value, _unit(spec, name)),
            "interval": _range(figures["intervals"][name]),
            "baseline": number(figures["baseline"][name]),
            "difference": number(difference["value"]),
            "around": _range((difference["low"], difference["high"])),
        }
        lines.append(line)
    return sorted(lines, key=lambda line: not line["headline"])


def _board_line(
    spec: EvaluateSpec, figures: Mapping[str, Any], entry: Mapping[str, Any]
) -> dict[str, Any]:
    settings = [(key, value) for key, value in entry["settings"].items() if key != "family"]
    return {
        "family": entry["family"],
        "chosen": entry["family"] == figures["chosen"],
        "baseline": entry["baseline"],
        "metrics": [number(entry["metrics"][name]) for name in standard.BY_TASK[spec.task]],
        "trees": NONE if entry["trees"] is None else f"{entry['trees']:,}",
        "settings": sorted(settings),
    }


def _slices(spec: EvaluateSpec, figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    parts = []
    for name, group in groupby(figures["slices"], key=lambda entry: entry["slice"]):
        entries = list(group)
        largest = max((abs(e["metrics"][spec.metric] or 0.0) for e in entries), default=0.0) or 1.0
        lines = [_slice_line(spec.metric, entry, largest) for entry in entries]
        parts.append({"name": name, "lines": lines[:_SHOWN], "more": lines[_SHOWN:]})
    return parts


def _slice_line(metric: str, entry: Mapping[str, Any], largest: float) -> dict[str, Any]:
    value, base = entry["metrics"][metric], entry["baseline"]
    comparable = value is not None and base is not None and not entry["few"]
    return {
        "value": entry["value"],
        "few": entry["few"],
        "worse": comparable and not standard.is_better(metric, value, base),
        "rows": f"{entry['rows']:,}",
        "metric": number(value),
        "interval": _range(entry["interval"]),
        "baseline": number(base),
        "width": round(max(value or 0.0, 0.0) / largest * 100, 1),
    }


def _plots(spec: EvaluateSpec, rows: Rows) -> list[plots.Plot]:
    if len(rows.target) < 2:
        return []
    if spec.task == "regression":
        residual, unit = rows.target - rows.prediction, spec.target_unit or ""
        return [
            plots.residual_histogram(residual, unit),
            plots.residual_by_prediction(rows.prediction, residual, unit),
        ]
    if spec.task == "binary":
        return [
            plots.calibration(rows.target, rows.prediction, "of class 1"),
            plots.probabilities(rows.target, rows.prediction),
        ]
    hits = standard.hits(rows.target, rows.prediction)
    return [plots.calibration(hits, rows.prediction.max(axis=1), "where the likeliest was right")]


def _importance(spec: EvaluateSpec, found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    total = sum(entry["gain"] for entry in found)
    if not total > 0:
        return []
    most = found[0]["gain"]
    return [
        {
            "feature": entry["feature"],
            "description": spec.columns[entry["feature"]].description,
            "share": f"{entry['gain'] / total:.1%}",
            "width": round(entry["gain"] / most * 100, 1),
        }
        for entry in found[:_MOST_FEATURES]
    ]


def _fold(name: str, references: pa.Table) -> dict[str, Any]:
    """Return a fold's batches, rows and digests, ranges of one batch put together."""
    lines: dict[str, dict[str, Any]] = {}
    for row in references.to_pylist():
        line = lines.setdefault(row["batch"], {"count": 0, "digest": row["features"]})
        line["count"] += row["stop"] - row["start"]
    batches = list(lines)
    span = f"{batches[0]} to {batches[-1]}" if len(batches) > 1 else "".join(batches)
    return {
        "name": name,
        "span": span,
        "rows": f"{sum(line['count'] for line in lines.values()):,}",
        "lines": [
            {"batch": batch, "rows": f"{line['count']:,}", "digest": line["digest"]}
            for batch, line in lines.items()
        ],
    }
