"""A candidate's families and their trials for MLflow, read from the store.

Belongs here: their parameters, metrics and curves. Does not belong here: mlflow.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ml_assets.store.home import Home
from ml_assets.store.records import ActionRecord, Current


@dataclass(frozen=True)
class NestedRun:
    """A run nested in a candidate's: a family as fitted on train, or a trial of one."""

    part: str
    """Its name within the candidate: `lightgbm_tuned`, `lightgbm_tuned#3`."""
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str] = field(default_factory=dict)
    curve: tuple[str, tuple[float, ...]] = ("", ())
    children: tuple[NestedRun, ...] = ()


def families(home: Home, held: Current, board: Mapping[str, Any]) -> tuple[NestedRun, ...]:
    """Return every family of a candidate's leaderboard, best first, with the seconds of its fit."""
    nested = []
    for entry in board["families"]:
        fitted = home.records.action(held.actions[f"fit:{entry['family']}"])
        if fitted is not None:
            nested.append(_family(entry, fitted, board["chosen"]))
    return tuple(nested)


def _family(entry: Mapping[str, Any], fitted: ActionRecord, chosen: str) -> NestedRun:
    name = entry["family"]
    metrics = {f"validation_{key}": v for key, v in entry["metrics"].items() if v is not None}
    metrics |= {f"cost_{key}": value for key, value in entry.get("cost", {}).items()}
    if entry["trees"] is not None:
        metrics["cost_trees"] = entry["trees"]
    metrics["cost_seconds"] = fitted.seconds
    trials = tuple(_trial(name, trial) for trial in fitted.facts.get("trials") or ())
    settings = {key: v for key, v in entry["settings"].items() if key != "family"}
    params = dict(flat({"family": name, "settings": settings, "rows": entry["rows"]}))
    tags = {
        "ml_assets.chosen": str(name == chosen).lower(),
        "ml_assets.baseline": str(entry["baseline"]).lower(),
        "ml_assets.rank": str(entry["rank"]),
    }
    return NestedRun(name, params, metrics, tags, curve(fitted), trials)


def _trial(family: str, trial: Mapping[str, Any]) -> NestedRun:
    settings = {k: v for k, v in trial.items() if k not in ("trial", "value", "trees")}
    params = dict(flat({"family": family, "settings": settings}))
    metrics = {"validation": float(trial["value"]), "cost_trees": float(trial["trees"])}
    return NestedRun(f"{family}#{trial['trial']}", params, metrics)


def curve(fitted: ActionRecord) -> tuple[str, tuple[float, ...]]:
    """Return a name, and the values on validation for each tree."""
    learning_curve = fitted.facts.get("curve") or {}
    name = str(learning_curve.get("metric", "")).replace(" ", "_")
    return f"validation_{name}_curve", tuple(learning_curve.get("validation", ()))


def flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield `a.b` and a text for each leaf that is neither None nor empty."""
    if isinstance(value, Mapping):
        for key, item in sorted(value.items()):
            yield from flat(item, f"{name}.{key}" if name else key)
    elif isinstance(value, (list, tuple)) and value:
        yield name, json.dumps(value)
    elif value is not None and value not in ("", [], ()):
        yield name, str(value)
