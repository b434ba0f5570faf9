"""A model's release: the bundle of its champion."""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Mapping, Sequence
from importlib import resources
from typing import Any

from ml_assets.assets.cells import Cell, Unit
from ml_assets.engine.code_versions import Versioned
from ml_assets.engine.recipes.candidate import family_modules
from ml_assets.engine.recipes.features import seen_of
from ml_assets.engine.recipes.raw_release import raw_release
from ml_assets.engine.sensitive import sensitive_inputs
from ml_assets.engine.session import Done, Made, Session, Undone
from ml_assets.errors import NotMaterialized, UnknownName
from ml_assets.history.decisions import candidate_named
from ml_assets.history.release_origin import ReleaseOrigin, told
from ml_assets.keys.action import Action, Input, Pending
from ml_assets.moved import moved
from ml_assets.spec.project import Project
from ml_assets.spec.release import RawRows, ReleaseSpec, Undecided
from ml_assets.stages.release.supply import pins
from ml_assets.store.records import Version
from ml_assets.workspace import Workspace

STAGE = "ml_assets.stages.release.release:release"
TREES = ("lightgbm", "lightgbm_tuned")
FIRST = (*TREES, "linear", "median", "group_median", "prior", "custom")
"""Families whose program is `score_base.py` alone."""


def release_code(project: Project, workspace: Workspace, name: str) -> Versioned:
    """Return the ingredients of the code version of a model's bundle."""
    return Versioned([STAGE.split(":", maxsplit=1)[0], *family_modules(project, workspace, name)])


def release(session: Session, unit: Unit) -> Sequence[Made]:
    """Make the bundle of the environment's champion, which a pending decision may change."""
    (cell,) = unit.cells()
    decided = session.upstream(Cell(f"{unit.group}/champion"))
    if any(isinstance(output, Pending) for output in decided.outputs.values()):
        return [_undecided(session, unit, decided.cell)]
    promotions, env = session.home.promotions, session.home.env
    champion = promotions.champion(env, unit.group)
    if champion is None:
        why = f"{unit.group}: no candidate has been promoted to champion in environment {env}"
        return [Made(cell, {}, {}, waiting=why)]
    entry = promotions.first_promotion(env, unit.group, champion.digest)
    assert entry is not None
    try:
        version = candidate_named(session.home, unit.group, champion.digest)
        action = release_action(session, unit.group, version, entry.to_json())
    except UnknownName as error:
        return [Made(cell, {}, {}, waiting=f"{unit.group}: {error}")]
    except NotMaterialized as error:
        why = f"{unit.group}: {_cure(session, unit.group, champion.digest) or error}"
        return [Made(cell, {}, {}, waiting=why)]
    done = session.act(unit, action)
    facts: dict[str, Any] = {"version": f"v{version.number}", "candidate": version.digest}
    if isinstance(done, Done):
        shown = ("bytes", "files", "onnx", "code")
        facts |= {n: done.record.facts[n] for n in shown if n in done.record.facts}
    outputs = {name: done.outputs[name] for name in ("bundle", "manifest")}
    return [Made(cell, outputs, {"release": done}, facts=facts)]


def _cure(session: Session, model: str, champion: str) -> str | None:
    """Return what to do if a champion's past is gone and another candidate exists."""
    # Read now, as this run may have just made it.
    held = session.home.records.current(session.home.env, f"{model}/candidate", "")
    if held is None or held.digest == champion:
        return None
    return (
        "the champion's inputs were forgotten or collected, so it has no bundle; "
        f"promote the current candidate: ml-assets promote {model} v{held.number} --reason …"
    )


def _undecided(session: Session, unit: Unit, champion: Cell) -> Made:
    """Return a release that depends on a pending decision."""
    later = Pending((champion,))
    action = Action("release", STAGE, Undecided(model=unit.group), {"champion": later})
    undone = Undone(session.keyed(action), later)
    (cell,) = unit.cells()
    return Made(cell, {"bundle": later, "manifest": later}, {"release": undone})


def release_action(
    session: Session, model: str, version: Version, promotion: Mapping[str, Any]
) -> Action:
    """Return the action that makes the bundle of a promoted candidate."""
    held = session.current.get((f"{model}/release", ""))
    made = None if held is None else held.actions.get("release")
    past = told(session.home, model, version, made)
    raw = raw_release(session, model, version, past.family, made)
    params = release_spec(
        session, model, version, past, promotion, None if raw is None else raw.spec
    )
    inputs: dict[str, Input] = {
        **past.inputs,
        **({} if raw is None else {"rows": raw.inputs}),
        "accounts": {
            dataset: {b: batches[b] for b in session.project.ordered(dataset, batches)}
            for dataset, batches in sorted(past.accounts.items())
        },
    }
    return Action("release", STAGE, params, inputs, {"family": moved.now(past.family)})


def release_spec(
    session: Session,
    name: str,
    version: Version,
    past: ReleaseOrigin,
    promotion: Mapping[str, Any],
    rows: RawRows | None = None,
) -> ReleaseSpec:
    """Return the params of a release: all that it depends on besides inputs."""
    model = session.project.models[name]
    hidden = sensitive_inputs(session.project, name, seen_of(session, name))
    return ReleaseSpec(
        model=name,
        version=f"v{version.number}",
        candidate=version.digest,
        description=model.description,
        owners=model.owners,
        acknowledged=model.features.leakage.acknowledged,
        # The settings as trained, not as in the YAML today.
        task=past.fitted["task"],
        columns=past.fitted["columns"],
        target=past.evaluated["target"],
        target_unit=past.evaluated["target_unit"],
        predict_at=past.evaluated["predict_at"],
        sensitive=tuple(
            column
            for column in past.fitted["columns"]
            # The sources of a feature that is no longer in the YAML are unknown.
            if column in hidden or (hidden and column not in model.features.columns)
        ),
        dataset=model.dataset,
        joins=tuple(join.dataset for join in model.joins),
        promotion=dict(promotion),
        lineage=dict(past.lineage),
        files=programs(
            past.fitted["family"]["family"],
            [column["type"] for column in past.fitted["columns"].values()],
            [member["family"] for member in past.fitted["family"].get("members", {}).values()],
            intervals="limits" in past.inputs,
            threshold=past.fitted.get("threshold") is not None,
            rows=rows is not None,
        ),
        licences=licences(past.fitted["family"]["family"]),
        rows=rows,
    )


def programs(
    family: str,
    kinds: Collection[str] = (),
    members: Collection[str] = (),
    *,
    intervals: bool = False,
    threshold: bool = False,
    rows: bool = False,
) -> dict[str, str]:
    """Return the programs and locks of a bundle by file name.

    `kinds` are types of features, `members` the families of a blend; with `intervals`, predictions
    have them; with a `threshold` a class; with `rows`, raw rows are scored too.
    """
    lock = "lightgbm.txt" if {family, *members} & set(TREES) else "numpy.txt"
    if family == "sklearn":
        lock = "sklearn.txt"
    # Families of the first format have a program of one file, the bytes of which are kept.
    base = _shipped("score_base.py")
    files = {
        "score.py": base,
        "requirements.txt": _shipped(lock),
        "score_edge.py": _shipped("score_edge.py"),
        "requirements-edge.txt": _shipped("onnxruntime.txt"),
    }
    if family not in FIRST:
        files |= {"score.py": _shipped("score.py"), "score_base.py": base}
    if family == "sklearn":
        files["estimator.py"] = _shipped("estimator.py", "ml_assets.stages.train")
    if {"date", "timestamp", "text"} & set(kinds):
        # What a person runs has the same name; it prepares such columns for the older program.
        files |= {
            "score_model.py": files["score.py"],
            "score.py": _shipped("score_prepared.py"),
            "score_edge_model.py": files["score_edge.py"],
            "score_edge.py": _shipped("score_edge_prepared.py"),
            "elements.py": _shipped("elements.py", "ml_assets.stages.train"),
        }
    if intervals:
        files |= {
            "score_point.py": files["score.py"],
            "score.py": _shipped("score_intervals.py"),
            "score_edge_point.py": files["score_edge.py"],
            "score_edge.py": _shipped("score_intervals.py"),
            "intervals.py": _shipped("apply.py", "ml_assets.stages.intervals"),
        }
    if threshold:
        files |= {
            "score_probability.py": files["score.py"],
            "score.py": _shipped("score_classes.py"),
            "score_edge_probability.py": files["score_edge.py"],
            "score_edge.py": _shipped("score_classes.py"),
        }
    if rows:
        files |= {
            "score_features.py": files["score.py"],
            "score.py": _shipped("score_rows.py"),
            "requirements-rows.txt": _shipped("rows.txt"),
        }
    return files


def licences(family: str = "") -> dict[str, str]:
    """Return the licence of each package that a lock of a bundle names.

    Those of scikit-learn's lock alone are named for a model of that family only.
    """
    texts: dict[str, str] = json.loads(_shipped("licences.json"))
    if family == "sklearn":
        return texts
    locks = ("lightgbm.txt", "numpy.txt", "onnxruntime.txt", "rows.txt")
    named = {name for lock in locks for name, _, _ in pins(_shipped(lock))}
    return {name: licence for name, licence in texts.items() if name in named}


@functools.cache
def _shipped(name: str, package: str = "ml_assets.stages.release.scoring") -> str:
    folder = resources.files(package)
    return folder.joinpath(name).read_text(encoding="utf-8")
