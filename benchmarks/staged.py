"""The stages of a model's training, called one after the other without the platform.

Belongs here: what other benchmarks measure single stages on. Does not belong here: checks, and the
floor of `make bench` (`plain`).
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from ml_assets.engine.recipes.candidate import fit_spec
from ml_assets.engine.recipes.dataset import clean_spec, ingest_spec
from ml_assets.engine.recipes.evaluation import evaluate_spec
from ml_assets.engine.recipes.features import features_spec
from ml_assets.keys.families import FAMILIES
from ml_assets.spec.families import BASELINES
from ml_assets.spec.model import ChooseSpec
from ml_assets.spec.project import Project
from ml_assets.spec.split import SplitRule
from ml_assets.stages.memory import InMemory


def stage(reference: str) -> Any:
    """Import a function named `module:function`."""
    module, name = reference.split(":")
    return getattr(importlib.import_module(module), name)


def cleaned(project: Project, dataset: str, file: Path) -> dict[str, InMemory]:
    """Ingest and clean one file; return its tables."""
    parsed = stage("ml_assets.stages.ingest:ingest")(
        ingest_spec(project, dataset), landed=InMemory(file.read_bytes())
    )
    inputs = {name: InMemory(parsed.outputs[name]) for name in ("raw", "rejects", "summary")}
    rules = clean_spec(project, dataset)
    done = stage("ml_assets.stages.clean:clean")(rules, **inputs)
    values = {name: InMemory(content) for name, content in done.outputs.items()}
    return {**values, "raw": inputs["raw"]}


def prepared(
    project: Project, defs: Path, files: Path, name: str, last: str
) -> dict[str, InMemory]:
    """Return the features of every month up to the last."""
    model = project.models[name]
    module = f"{defs.parent.name}.defs.{name}.{model.features.function.split('.')[0]}"
    hook = getattr(importlib.import_module(module), model.features.function.split(":")[1])
    months = [f"2013-{month:02d}" for month in range(1, 13)]
    months = [month for month in months if month <= last]
    made: dict[str, dict[str, dict[str, InMemory]]] = {}
    for dataset in [model.dataset, *(join.dataset for join in model.joins)]:
        snapshot = project.datasets[dataset].calendar is None
        for month in [""] if snapshot else months:
            file = files / f"{dataset}{'-' if month else ''}{month}.csv"
            made.setdefault(dataset, {})[month] = cleaned(project, dataset, file)
    batches = {
        (dataset, month): tables["cleaned"]
        for dataset, months_of in made.items()
        for month, tables in months_of.items()
    }
    return {
        month: featured(project, name, hook, batches, months, number)
        for number, month in enumerate(months)
    }


def featured(
    project: Project,
    name: str,
    hook: Any,
    batches: dict[tuple[str, str], InMemory],
    months: list[str],
    number: int,
) -> InMemory:
    """Make the features of one month."""
    model, month = project.models[name], months[number]
    previous = {
        join.dataset: [batches[join.dataset, m] for m in months[:number][-join.previous :]]
        for join in model.joins
        if join.previous
    }
    joins = {
        join.dataset: batches[
            join.dataset, month if project.datasets[join.dataset].calendar else ""
        ]
        for join in model.joins
    }
    spec = features_spec(project, name)
    inputs = {"main": batches[model.dataset, month], "joins": joins, "previous": previous}
    made = stage("ml_assets.stages.features:features")(spec, hook=hook, **inputs)
    return InMemory(made.outputs["features"], f"d1:{month}")


def trained(project: Project, name: str, features: dict[str, InMemory]) -> dict[str, Any]:
    """Split, train every family, choose, refit, evaluate; return the metrics."""
    model = project.models[name]
    rule = SplitRule(model=name, split=model.split, on_duplicate_key=model.on_duplicate_key)
    split = stage(f"ml_assets.stages.split.{model.split.kind}:split")(rule, features=features)
    folds = {fold: InMemory(split.outputs[fold]) for fold in ("train", "validation", "test")}
    learning = {"train": folds["train"], "validation": folds["validation"], "features": features}
    fitted, scores, modules = {}, {}, {}
    for family, spec in model.training.families.items():
        modules[family] = importlib.import_module(FAMILIES[spec.family])
        done = stage("ml_assets.stages.train.fit:fit")(
            fit_spec(model, family), family=modules[family], **learning
        )
        fitted[family], scores[family] = (InMemory(done.outputs[n]) for n in ("model", "scores"))
    baselines = tuple(n for n, f in model.training.families.items() if f.family in BASELINES)
    choice = ChooseSpec(metric=model.training.metric, baselines=baselines)
    board = stage("ml_assets.stages.train.choose:choose")(choice, scores=scores)
    board = board.outputs["leaderboard"]
    models = {
        role: stage("ml_assets.stages.train.refit:refit")(
            fit_spec(model, board[role]),
            family=modules[board[role]],
            fitted=fitted[board[role]],
            **learning,
        ).outputs["model"]
        for role in ("chosen", "baseline")
    }
    spec = evaluate_spec(project, name)
    chosen = {"family": modules[board["chosen"]], "model": InMemory(models["chosen"])}
    others = [name for name in baselines if name != board["baseline"]]
    done = stage("ml_assets.stages.evaluate.evaluate:evaluate")(
        spec,
        **chosen,
        baseline_family=modules[board["baseline"]],
        baseline=InMemory(models["baseline"]),
        others={other: fitted[other] for other in others},
        other_families={other: modules[other] for other in others},
        leaderboard=InMemory(board),
        test=folds["test"],
        features=features,
        metrics={},
    )
    metrics: dict[str, Any] = done.outputs["metrics"]
    return metrics
