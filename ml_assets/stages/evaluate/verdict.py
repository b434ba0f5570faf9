"""The report's summary: is the candidate better than a trivial baseline?

Belongs here: one sentence and three figures. Does not belong here: decisions (`gate`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ml_assets.stages import metrics as standard
from ml_assets.stages.counted import counted
from ml_assets.stages.evaluate import words
from ml_assets.stages.notes import reasons

if TYPE_CHECKING:
    from ml_assets.spec.model import EvaluateSpec


def verdict(spec: EvaluateSpec, figures: Mapping[str, Any]) -> dict[str, str]:
    """Return the headline and one sentence: the metric, its interval, the baseline."""
    name, unit = spec.metric, words.unit_of(spec.metric, spec.target_unit)
    value, base = figures["test"][name], figures["baseline"][name]
    where = f"On {counted(figures['rows'], 'test row')}{_span(figures)}"
    if value is None or base is None:
        title = "No value for the chosen metric"
        sentence = f"{where} {words.name(name)} has no value; the reason is noted below."
        return {"mood": "unclear", "title": title, "sentence": sentence}
    mood, title, compared = _compared(spec, figures)
    around = figures["intervals"][name]
    shown = f" ({words.level(figures['level'])} interval {words.span(around)})" if around else ""
    sentence = (
        f"{where} the {words.name(name)} of {figures['chosen']} is "
        f"{words.number(value, unit)}{shown}; the trivial baseline "
        f"({figures['baseline_family']}) reaches {words.number(base, unit)}. {compared}"
    )
    sentence += "".join(f" {why[0].upper()}{why[1:]}." for why in reasons(figures["notes"]))
    return {"mood": mood, "title": title, "sentence": sentence}


def _compared(spec: EvaluateSpec, figures: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return mood, title and sentence on the paired difference from the baseline."""
    name = spec.metric
    difference = figures["difference"][name]
    if figures["chosen"] == figures["baseline_family"]:
        said = "No family beat the baseline on validation: the candidate is the baseline."
        return "bad", "No better than the trivial baseline", said
    low, high = difference["low"], difference["high"]
    unit = words.unit_of(name, spec.target_unit)
    said = f"The difference is {words.number(difference['value'], unit)}"
    if low is None:
        return "unclear", "No interval for the difference", f"{said}; it has no interval."
    said += f" ({words.span((low, high))})"
    if low <= 0.0 <= high:
        return (
            "unclear",
            "Not clearly better than the trivial baseline",
            f"{said}, which chance can explain.",
        )
    if standard.is_better(name, figures["test"][name], figures["baseline"][name]):
        share = 1.0 - figures["test"][name] / figures["baseline"][name] if _is_error(name) else None
        less = f", {share:.0%} less" if share is not None else ""
        return "good", "Better than the trivial baseline", f"{said}{less}, by more than chance."
    return "bad", "Worse than the trivial baseline", f"{said}, by more than chance."


def _is_error(name: str) -> bool:
    return not standard.greater_is_better(name)


def _span(figures: Mapping[str, Any]) -> str:
    """Return the first and last day of the test rows in words, empty where none is known."""
    if figures["span"] is None:
        return ","
    first, last = figures["span"]
    return f" of {first}," if first == last else f" from {first} to {last},"


def headline(spec: EvaluateSpec, figures: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the metric of the model, of the baseline, and their difference."""
    name, unit = spec.metric, words.unit_of(spec.metric, spec.target_unit)
    difference = figures["difference"][name]
    around = figures["intervals"][name]
    return [
        {
            "name": f"Model: {figures['chosen']}",
            "value": words.number(figures["test"][name], unit),
            "below": f"{words.name(name)}, {words.span(around)}" if around else words.name(name),
        },
        {
            "name": f"Baseline: {figures['baseline_family']}",
            "value": words.number(figures["baseline"][name], unit),
            "below": f"{words.name(name)} on the same rows",
        },
        {
            "name": "Difference",
            "value": words.number(difference["value"], unit),
            "below": f"paired, {words.span((difference['low'], difference['high']))}",
        },
    ]
