"""Follows one prediction to all that it came from: its row, its model, the lines that trained that.

Belongs here: putting together what the home has recorded; nothing is computed anew, and nothing is
asked of a network. Does not belong here: finding the row (`traced_rows`), printing (`cli/trace`).

That a line is among a model's training rows is membership: it says nothing of how much the line
moved this prediction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa

from ml_assets.errors import DamagedObject, MlAssetsError, NotMaterialized, UnknownName
from ml_assets.history.decisions import candidate_named
from ml_assets.history.origin import Origin, fitted_of, origin
from ml_assets.history.past import features_action
from ml_assets.operations.traced_rows import find
from ml_assets.spec.project import Project
from ml_assets.store.home import Home
from ml_assets.store.objects import Ref
from ml_assets.store.promotions import LogEntry, challenger_of, champion_of, held_in, until
from ml_assets.store.records import ActionRecord, Version

FOLDS = ("train", "validation")


def trace(home: Home, project: Project, prediction: str) -> dict[str, Any]:
    """Return all that a prediction came from, as JSON; raises UnknownName for one not found.

    What was forgotten or collected is named with its tombstone in place of what it was.
    """
    found = find(home, project, prediction)
    document: dict[str, Any] = {
        "id": prediction,
        "environment": home.env,
        "model": found.model,
        "row": found.document(),
    }
    tombstones = _tombstones(home, project, found.model)
    try:
        version = candidate_named(home, found.model, found.version)
    except UnknownName:
        return {**document, "version": found.version, "forgotten": tombstones}
    return {
        **document,
        "version": _version(home, found.model, version, found.at),
        **_origin(home, project, found.model, version),
        "forgotten": tombstones,
    }


def _tombstones(home: Home, project: Project, model: str) -> list[dict[str, Any]]:
    """Return what was forgotten of the datasets that a model reads."""
    spec = project.models[model]
    names = {spec.dataset, *(join.dataset for join in spec.joins), f"{model}_requests"}
    return [asdict(one) for one in home.removals.forgettings() if one.dataset in names]


def _version(home: Home, model: str, version: Version, at: str | None) -> dict[str, Any]:
    """Return a version, every decision on it, and what it is now."""
    entries = home.promotions.entries(home.env, model)
    mine = [entry for entry in entries if entry.digest == version.digest]
    then = None if at is None else champion_of(until(entries, at))
    return {
        "version": f"v{version.number}",
        "digest": version.digest,
        "made": version.created,
        "run": version.run_id,
        "decisions": [_decision(entry) for entry in mine],
        "champion_then": None if then is None else f"v{then.version}",
        "now": _standing(entries, version),
        "verdicts": [
            {"at": entry.at, "reason": entry.verdict.said, "by": entry.verdict.by or None}
            for entry in home.verdicts.entries(home.env, model)
            if entry.verdict.train and entry.at <= version.created
        ][-1:],
    }


def _decision(entry: LogEntry) -> dict[str, Any]:
    names = ("number", "at", "action", "actor", "reason")
    return {name: getattr(entry, name) for name in names} | {"evidence": dict(entry.evidence)}


def _standing(entries: Sequence[LogEntry], version: Version) -> str:
    """Return what became of a version."""
    champion, challenger = champion_of(entries), challenger_of(entries)
    if champion is not None and champion.digest == version.digest:
        return "champion"
    if version.digest in held_in(entries):
        return "held: it was rolled back from"
    if challenger is not None and challenger.digest == version.digest:
        return "challenger"
    mine = [entry for entry in entries if entry.digest == version.digest]
    if not mine:
        return "not decided on"
    later = (
        entry
        for entry in entries[mine[-1].number :]
        if entry.previous is not None and entry.previous["digest"] == version.digest
    )
    after = next(later, None)
    if after is not None:
        return f"replaced by v{after.version} at {after.at} by {after.actor}"
    return mine[-1].action


def _origin(home: Home, project: Project, model: str, version: Version) -> dict[str, Any]:
    """Return what a version was made from, or why that is not known (any more)."""
    try:
        whole = origin(home, model, version)
    except (NotMaterialized, DamagedObject) as error:
        return {"lost": str(error), **_fitted(home, model, version)}
    files = {(one["dataset"], one["batch"], one["digest"]): one["file"] for one in whole.landed}
    own = project.models[model].dataset
    return {
        "trained_on": list(_training(home, own, whole)),
        "files": [
            {"dataset": dataset, "batch": batch, "digest": digest, "file": file}
            for (dataset, batch, digest), file in files.items()
        ],
        "quarantine": _quarantine(home, whole),
        "metrics": _metrics(home, whole),
        **_fitted(home, model, version),
    }


def _training(home: Home, dataset: str, whole: Origin) -> Iterator[dict[str, Any]]:
    """Yield the training rows by batch and fold: lines of the landed file."""
    landed = {one["batch"]: one for one in whole.landed if one["dataset"] == dataset}
    for fold in FOLDS:
        references = _table(home, whole.folds[fold])
        if isinstance(references, str):
            yield {"fold": fold, "batch": None, "lost": references}
            continue
        for batch in dict.fromkeys(references["batch"].to_pylist()):
            mine = references.filter(pa.compute.equal(references["batch"], batch))
            file = landed.get(batch, {})
            said = {"fold": fold, "batch": batch, "file": file.get("file")}
            said |= {"digest": file.get("digest")}
            features = _table(home, mine["features"][0].as_py(), ["_line"])
            if isinstance(features, str):
                yield {**said, "lost": features}
                continue
            spans = zip(mine["start"].to_pylist(), mine["stop"].to_pylist(), strict=True)
            rows = np.concatenate([np.arange(start, stop) for start, stop in spans])
            lines = ranges(features["_line"].to_numpy()[rows])
            yield {**said, "rows": len(rows), "lines": lines}


def ranges(lines: Any) -> list[list[int]]:
    """Return lines as ranges of first and last.

    >>> ranges(np.array([2, 3, 4, 9]))
    [[2, 4], [9, 9]]
    """
    ordered = np.unique(lines)
    cuts = np.flatnonzero(np.diff(ordered) != 1) + 1
    parts = np.split(ordered, cuts) if len(ordered) else []
    return [[int(part[0]), int(part[-1])] for part in parts]


def _table(home: Home, digest: str, columns: list[str] | None = None) -> pa.Table | str:
    """Return a stored table, or how it was removed."""
    if home.objects.missing([digest]):
        return home.removals.why(digest) or f"{digest} is not in the store"
    return home.objects.table(digest, columns)


def _quarantine(home: Home, whole: Origin) -> list[dict[str, Any]]:
    """Return of each batch how many records did not become rows, and by which rules."""
    found = []
    for dataset, batches in whole.accounts.items():
        for batch, ref in batches.items():
            if home.objects.missing([ref.digest]):
                continue
            counts = home.objects.json(ref.digest)
            names = ("landed", "cleaned", "filtered", "quarantined")
            found.append(
                {"dataset": dataset, "batch": batch, **{name: counts.get(name) for name in names}}
            )
    return found


def _metrics(home: Home, whole: Origin) -> dict[str, Any]:
    digest = whole.report["metrics"].digest
    if home.objects.missing([digest]):
        return {"lost": home.removals.why(digest)}
    metrics = home.objects.json(digest)
    return {name: metrics[name] for name in ("metric", "test", "baseline", "intervals", "rows")}


def _fitted(home: Home, model: str, version: Version) -> dict[str, Any]:
    """Return by which code, specs and parameters a version was fitted."""
    try:
        fitted = fitted_of(home, version)
    except MlAssetsError as error:
        return {"code": {"lost": str(error)}}
    given = fitted.ingredients
    params = given["params"]
    tables = {batch: Ref(digest, "table") for batch, digest in given["inputs"]["features"]}
    made = features_action(home, model, tables)
    return {
        "parameters": {name: params.get(name) for name in ("family", "metric", "seed", "task")},
        "code": {
            "fit": _code(fitted),
            "features": None if made is None else _code(made),
            "libraries": dict(given["environment"]),
        },
        "specs": given.get("specs"),
        "target": None if made is None else made.ingredients["params"].get("target"),
    }


def _code(made: ActionRecord) -> dict[str, Any]:
    given: Mapping[str, Any] = made.ingredients
    return {
        "stage": given["stage"],
        "functions": given["hooks"],
        "sources": made.sources,
        "modules": dict(given["code"]),
        "at": made.created,
    }
