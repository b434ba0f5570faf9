"""A model's current candidate for MLflow, read from the store as plain data.

Belongs here: names and values of parameters, metrics, tags, inputs. Does not belong here: mlflow.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ml_assets.adapters.mlflow.families import NestedRun, curve, families, flat
from ml_assets.assets.cells import Cell
from ml_assets.engine.sensitive import seen, sensitive_inputs
from ml_assets.errors import NotMaterialized, UnknownName
from ml_assets.history.reported import newest_report, standing_of
from ml_assets.moved import moved
from ml_assets.spec.project import Project
from ml_assets.store.home import Home
from ml_assets.store.records import ActionRecord, Current, Version

CONTEXTS = {"train": "training", "validation": "validation", "test": "testing"}
"""MLflow's names of our folds."""


@dataclass(frozen=True)
class FeaturesBatch:
    """A features batch: the folds that use it, the digest of its content, the rows used."""

    name: str
    digest: str
    contexts: tuple[str, ...]
    rows: int

    def source(self) -> str:
        """Return its source, with the complete digest, as JSON."""
        asset, _, partition = self.name.partition("@")
        return json.dumps({"asset": asset, "partition": partition, "digest": self.digest})


@dataclass(frozen=True)
class Candidate:
    """A candidate with its evaluation report."""

    model: str
    env: str
    description: str
    digest: str
    report: str
    """The digest of the evaluation report."""
    at: int
    """When the report became current, milliseconds since 1970."""
    run_id: str | None
    """The run that produced it."""
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    curve: tuple[str, tuple[float, ...]]
    """A name, and the values on validation for each tree; empty if the family has none."""
    inputs: tuple[FeaturesBatch, ...]
    files: Mapping[str, bytes]
    document: Mapping[str, Any]
    document_digest: str
    family: str
    """The module that can predict with the document."""
    libraries: Mapping[str, str]
    """The distributions with which it was trained, and their versions."""
    families: tuple[NestedRun, ...] = ()
    """Every compared family with its trials, as runs nested in the candidate's."""
    example: Mapping[str, Any] = field(default_factory=dict)
    """One row of inputs, without missing or sensitive values."""
    summary: str = ""
    """The model's quality, for the model version's description."""

    @property
    def name(self) -> str:
        """The name of the experiment and of the registered model."""
        return f"{self.model}-{self.env}"


def current_candidate(home: Home, project: Project, model: str) -> Candidate:
    """Return a model's current candidate and its report.

    Raises UnknownName, and NotMaterialized if there is no candidate or no report of it.
    """
    if model not in project.models:
        raise UnknownName.of("model", model, project.models)
    standing = standing_of(home, model)
    held, report = standing.candidate, standing.report
    if held is None:
        raise NotMaterialized(f"{model}/candidate was never materialized in environment {home.env}")
    if report is None:
        raise NotMaterialized(
            f"{model}/candidate v{held.number} has no evaluation report in environment {home.env}; "
            f"materialize {model}/evaluation_report"
        )
    fitted = _action(home, held.actions[f"fit:{held.facts['chosen']}"])
    evaluated = _action(home, report.actions["evaluate"])
    return _told(home, project, held, report, fitted, evaluated)


def past_candidate(home: Home, project: Project, model: str, digest: str) -> Candidate:
    """Return a candidate by its digest, current or not, with its newest report.

    Raises NotMaterialized if the store has no such candidate or no report of it.
    """
    version = next(
        (v for v in home.records.versions(f"{model}/candidate") if v.digest == digest), None
    )
    if version is None:
        raise NotMaterialized(f"{model}/candidate has no version with digest {digest}")
    board = home.objects.json(version.outputs["leaderboard"].digest)
    report = newest_report(home, model, version.outputs)
    if report is None:
        raise NotMaterialized(f"{model}/candidate v{version.number} has no evaluation report")
    fitted = _action(home, version.actions[f"fit:{board['chosen']}"])
    evaluated = _action(home, report.actions["evaluate"])
    was = _was(home, f"{model}/candidate", version, {"chosen": board["chosen"]})
    shown = _was(home, f"{model}/evaluation_report", report, {})
    return _told(home, project, was, shown, fitted, evaluated)


def _was(home: Home, asset: str, version: Version, facts: Mapping[str, Any]) -> Current:
    """Return a version's record from when it was current."""
    return Current(
        asset=asset,
        partition="",
        number=version.number,
        digest=version.digest,
        outputs=version.outputs,
        actions=version.actions,
        checks=(),
        facts=facts,
        token="",
        published=None,
        updated=version.created,
        run_id=version.run_id,
    )


def _told(
    home: Home,
    project: Project,
    held: Current,
    report: Current,
    fitted: ActionRecord,
    evaluated: ActionRecord,
) -> Candidate:
    model, chosen = held.asset.split("/")[0], str(held.facts["chosen"])
    document = home.objects.json(held.outputs["model"].digest)
    board = home.objects.json(held.outputs["leaderboard"].digest)
    figures = home.objects.json(report.outputs["metrics"].digest)
    entry = next(entry for entry in board["families"] if entry["family"] == chosen)
    folds = _folds(home, fitted, evaluated)
    params = {
        "family": chosen,
        "refit": f"refit:{chosen}" in held.actions,
        "trees": document["state"].get("trees"),
        "settings": document["settings"],
        "split": _split(home, model, fitted.ingredients["inputs"]["train"]),
        "rows": {fold: sum(batches.values()) for fold, batches in folds.items()},
    }
    libraries = dict(fitted.ingredients["environment"])
    libraries.pop("python")
    return Candidate(
        model=model,
        env=home.env,
        description=project.models[model].description,
        digest=held.digest,
        report=report.digest,
        at=int(datetime.fromisoformat(report.updated).timestamp() * 1000),
        run_id=held.run_id,
        tags={
            "ml_assets.asset": held.asset,
            "ml_assets.digest": held.digest,
            "ml_assets.version": f"v{held.number}",
            "ml_assets.environment": home.env,
            "ml_assets.family": chosen,
            **({"ml_assets.dummy": "true"} if held.facts.get("dummy") else {}),
        },
        params=dict(flat(params)),
        metrics=dict(_metrics(figures, entry)),
        curve=curve(fitted),
        inputs=tuple(_inputs(project, model, folds, fitted, evaluated)),
        files={
            "report.html": home.objects.read(report.outputs["report"].digest),
            "leaderboard.json": _readable(board),
            "metrics.json": _readable(figures),
            **dict(_plots(home, report)),
        },
        document=document,
        document_digest=held.outputs["model"].digest,
        family=moved.now(fitted.ingredients["hooks"]["family"]),
        libraries={name: version for name, version in libraries.items() if version},
        families=families(home, held, board),
        example=_example(home, project, model, evaluated),
        summary=_summary(figures),
    )


def _action(home: Home, key: str) -> ActionRecord:
    action = home.records.action(key)
    if action is None:
        raise NotMaterialized(f"action {key} is not in the store; rematerialize it with --force")
    return action


def _readable(document: Any) -> bytes:
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False).encode()


def _metrics(figures: Mapping[str, Any], entry: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield metrics; their names sort test first, each next to its baseline."""
    parts = (
        ("test_{}", figures["test"]),
        ("test_{}_baseline", figures["baseline"]),
        ("validation_{}", entry["metrics"]),
    )
    for name, values in parts:
        for metric, value in values.items():
            if value is not None:
                yield name.format(metric), float(value)


def _folds(home: Home, fitted: ActionRecord, evaluated: ActionRecord) -> dict[str, dict[str, int]]:
    """Return the rows of each fold by batch, as read by the actions of the content."""
    digests = {fold: fitted.ingredients["inputs"][fold] for fold in ("train", "validation")}
    digests["test"] = evaluated.ingredients["inputs"]["test"]
    return {fold: _by_batch(home, digest) for fold, digest in digests.items()}


def _by_batch(home: Home, digest: str) -> dict[str, int]:
    table = home.objects.table(digest, ["batch", "start", "stop"]).to_pandas()
    sizes = (table["stop"] - table["start"]).groupby(table["batch"], sort=False).sum()
    return {str(batch): int(rows) for batch, rows in sizes.items()}


def _inputs(
    project: Project,
    model: str,
    folds: Mapping[str, Mapping[str, int]],
    fitted: ActionRecord,
    evaluated: ActionRecord,
) -> Iterator[FeaturesBatch]:
    """Yield each features batch once, in calendar order."""
    digests = dict(fitted.ingredients["inputs"]["features"])
    digests |= dict(evaluated.ingredients["inputs"]["features"])
    for batch in project.ordered(model, digests):
        used = {fold: batches[batch] for fold, batches in folds.items() if batch in batches}
        if used:
            contexts = tuple(CONTEXTS[fold] for fold in used)
            name = str(Cell(f"{model}/features", batch))
            yield FeaturesBatch(name, digests[batch], contexts, sum(used.values()))


def _plots(home: Home, report: Current) -> Iterator[tuple[str, bytes]]:
    """Yield each plot of the report as an image."""
    if "plots" in report.outputs:
        for plot in home.objects.json(report.outputs["plots"].digest):
            yield f"plots/{plot['name']}.svg", plot["svg"].encode()


def _example(
    home: Home, project: Project, model: str, evaluated: ActionRecord
) -> Mapping[str, Any]:
    """Return the first test row's features that are neither missing nor sensitive."""
    row = home.objects.table(evaluated.ingredients["inputs"]["test"]).slice(0, 1).to_pylist()
    digests = dict(evaluated.ingredients["inputs"]["features"])
    hidden = sensitive_inputs(project, model, seen(home, project, model))
    names = [name for name in sorted(project.models[model].features.columns) if name not in hidden]
    if not row or not names or row[0]["batch"] not in digests:
        return {}
    table = home.objects.table(digests[row[0]["batch"]], names).slice(row[0]["start"], 1)
    return {name: value for name, value in table.to_pylist()[0].items() if value is not None}


def _summary(figures: Mapping[str, Any]) -> str:
    name = figures["metric"]
    value, base = figures["test"][name], figures["baseline"][name]
    around = figures["intervals"][name]
    said = f"{figures['chosen']}: {name} on {figures['rows']:,} test rows "
    said += "has no value" if value is None else f"{value:.4g}"
    said += f" ({around[0]:.4g} to {around[1]:.4g})" if around else ""
    return said + ("" if base is None else f"; trivial baseline {base:.4g}") + "."


def _split(home: Home, model: str, train: str) -> Any:
    """Return the split rule of the candidate's folds; nothing if it is unknown."""
    held = home.records.current(home.env, f"{model}/train_split")
    if held is None or held.outputs["train"].digest != train:
        return None
    return _action(home, held.actions["split"]).ingredients["params"]["split"]
