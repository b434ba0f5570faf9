"""From finished rounds to a model of this project, and into a home.

Belongs here: trees and coefficients as the arrays that this project predicts with. Does not belong
here: fitting, choosing, judging it (an ordinary run does).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ml_assets.engine.plan import Planner
from ml_assets.engine.recipes.from_rounds import pin_name
from ml_assets.errors import RequestError
from ml_assets.faults import StageError
from ml_assets.federated.app.ml_assets_rounds import privacy
from ml_assets.federated.app.ml_assets_rounds.log import FORMAT
from ml_assets.federated.app.ml_assets_rounds.rows import inputs
from ml_assets.federated.site import contract, federation
from ml_assets.spec.model import ModelSpec
from ml_assets.stages.train.preorder import Arrays
from ml_assets.stages.train.trees import GREATEST, Trees
from ml_assets.walk import shown

NOTHING = {"left": [-1], "right": [-1], "feature": [-1], "cut": [-1], "missing": [0], "leaf": [0.0]}
"""A tree of one leaf that adds nothing."""


def document(planner: Planner, model: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of finished rounds: a model, its curve, and how it came about."""
    spec, plan = planner.project.models[model], result["plan"]
    state = _trees(result) if plan["learner"] == "trees" else coefficients_state(result)
    notes = [f"{e['site']}: {e['said']} (round {e['round']})" for e in result["events"]]
    if plan["left_out"]:
        notes.append(f"not read, as no site may speak of it: {', '.join(plan['left_out'])}")
    if plan["secure_aggregation"]:
        notes.append("the coordinator saw the mean of the sites' coefficients, and no site's own")
    if plan["privacy"] is not None:
        told, rounds = plan["privacy"], plan["rounds"]
        notes.append(
            f"differentially private for a row in all {rounds} rounds: epsilon "
            f"{told['epsilon']:g}, delta {told['delta']:g}; statements before them are not"
        )
    return {
        "format": FORMAT,
        "model": model_document(spec, plan, state, result["rounds"]),
        "curve": {"metric": plan["metric"], "validation": result["curve"]},
        "notes": notes,
        "sites": result["sites"],
        "events": result["events"],
        "plan": plan,
        "privacy": _privacy(plan),
        "secure_aggregation": plan["secure_aggregation"],
        "contract": contract(planner, model),
    }


def _privacy(plan: Mapping[str, Any]) -> dict[str, float] | None:
    """Return epsilon and delta of all rounds, and the noise in sensitivities that gave them."""
    asked = plan["privacy"]
    if asked is None:
        return None
    noise = privacy.noise_for(asked["epsilon"], plan["rounds"], asked["delta"])
    epsilon = privacy.epsilon(noise, plan["rounds"], asked["delta"])
    return {**asked, "epsilon": epsilon, "noise": noise}


def model_document(
    spec: ModelSpec, plan: Mapping[str, Any], state: Mapping[str, Any], rounds: int
) -> dict[str, Any]:
    """Return a model of the rounds as a family's document."""
    kinds = {name: spec.features.columns[name].kind for name in sorted(spec.features.columns)}
    known = {column["column"]: column.get("values", []) for column in plan["columns"]}
    settings = ("learner", "trees", "learning_rate", "num_leaves", "lambda_l2", "least_rows")
    return {
        "format": 1,
        # The family whose arithmetic predicts: a bundle's programs know it.
        "family": "hist_gradient_boosting" if plan["learner"] == "trees" else "linear",
        "source": None,
        "baseline": False,
        "task": spec.task,
        "columns": kinds,
        "categories": {n: known.get(n, []) for n, kind in kinds.items() if kind == "category"},
        "classes": [],
        "settings": {
            "family": "federated",
            "sites": sorted(plan["rows"]),
            "rounds": rounds,
            **{name: plan[name] for name in settings},
        },
        "state": dict(state),
    }


def _trees(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state of `tree_model`: agreed cuts by number become the numbers themselves."""
    plan = result["plan"]
    abouts = inputs(plan)
    # One more on either side: no number goes left, or every number does.
    cuts = [np.array([-GREATEST, *about.get("cuts", [0.5]), GREATEST]) for about in abouts]
    forest, counts = Arrays(), dict.fromkeys((about["column"] for about in abouts), 0)
    # If no round was better than none, the start alone predicts.
    for tree in result["trees"] or [NOTHING]:
        feature, cut = np.array(tree["feature"]), np.array(tree["cut"])
        for column in feature[feature >= 0]:
            counts[abouts[column]["column"]] += 1
        forest.add(
            left=np.array(tree["left"]),
            right=np.array(tree["right"]),
            feature=feature,
            threshold=np.array(
                [cuts[f][c + 1] if f >= 0 else 0.0 for f, c in zip(feature, cut, strict=True)]
            ),
            missing=np.array(tree["missing"]),
            leaf=tree["leaf"],
        )
    read = [{"column": a["column"], **_table(a, plan)} for a in abouts]
    state = {
        "task": plan["task"],
        "inputs": read,
        "kind": "trees",
        "mean": False,
        "arrays": forest.state(),
        "start": [plan["start"]],
        "trees": max(len(result["trees"]), 1),
    }
    # Raises StageError for arrays that are no trees.
    Trees(state["arrays"], len(read))
    names = sorted({*counts, *plan["left_out"]})
    return {**state, "importance": [float(counts.get(name, 0)) for name in names]}


def _table(about: Mapping[str, Any], plan: Mapping[str, Any]) -> dict[str, list[float]]:
    """Return the number of a category's missing value, then of each of its values."""
    if "means" in about:
        return {"table": [about["other"], *about["means"]]}
    if "value" in about:
        return {"table": [0.0, *(float(v == about["value"]) for v in _values(about, plan))]}
    return {}


def _values(about: Mapping[str, Any], plan: Mapping[str, Any]) -> list[str]:
    found = next(c for c in plan["columns"] if c["column"] == about["column"])
    return list(found["values"])


def coefficients_state(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state of `linear`: coefficients on the scale of the target or of log-odds."""
    plan = result["plan"]
    *weights, intercept = (plan["pull"] * np.array(result["coefficients"])).tolist()
    numbers: list[dict[str, Any]] = []
    tables: dict[str, Any] = {}
    for about, weight in zip(inputs(plan), weights, strict=True):
        name = about["column"]
        if "value" in about or "means" in about:
            table = np.array(_table(about, plan)["table"])
            if "means" in about:
                table = (table - about["mean"]) / about["scale"]
            tables[name] = tables.get(name, 0.0) + weight * table
            continue
        said = {"column": name, "median": about["mean"], "coefficients": [weight]}
        numbers.append({**said, "mean": about["mean"], "scale": about["scale"]})
    return {
        "task": plan["task"],
        "intercept": [plan["start"] + intercept],
        "numbers": numbers,
        "tables": [{"column": n, "coefficients": [t.tolist()]} for n, t in sorted(tables.items())],
    }


def take(planner: Planner, model: str, found: Mapping[str, Any]) -> str:
    """Make finished rounds an input of the model's next candidate; return their digest.

    Raises RequestError if they are of another model or contract, or no model at all.
    """
    federation(planner, model)
    wrong = []
    if found.get("format") != FORMAT:
        wrong.append(f"version {found.get('format')} of the rounds, wanted {FORMAT}")
    else:
        own = contract(planner, model)
        if found["plan"]["model"] != model:
            wrong.append(f"rounds of {found['plan']['model']}, wanted {model}")
        wrong += [f"another version of {n}" for n in own if found["contract"].get(n) != own[n]]
        wrong += _damaged(found["model"])
    if wrong:
        raise RequestError("\n".join(["the rounds cannot be taken", *(f"  {w}" for w in wrong)]))
    home = planner.home
    ref = home.objects.put(dict(found))
    home.pins.replace(home.env, {pin_name(model): {"digest": ref.digest}})
    return ref.digest


def _damaged(model: Mapping[str, Any]) -> list[str]:
    try:
        state = model["state"]
        if "arrays" in state:
            Trees(state["arrays"], len(state["inputs"]))
        elif not np.isfinite(state["intercept"]).all():
            return ["its coefficients are not numbers"]
    except (KeyError, TypeError, ValueError, StageError) as error:
        return [f"its model is damaged: {error}"]
    return []


def read(path: Path) -> dict[str, Any]:
    """Return the rounds in a file; RequestError if it holds none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RequestError(f"{shown(path)}: {error.strerror}") from error
    except ValueError as error:
        raise RequestError(f"{shown(path)} is not JSON ({error})") from error
    if not isinstance(found, dict) or not {"plan", "model", "contract"} <= set(found):
        raise RequestError(f"{shown(path)} holds no rounds that `ml-assets federated` wrote")
    return found
