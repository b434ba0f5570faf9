"""The floor: the same pure functions on the same files, one after the other, no platform.

    python -m benchmarks.plain DEFS FILES MODEL [LAST_BATCH]

Reads the specs in DEFS and the monthly files in FILES, makes the features, trains every
family, chooses, refits, evaluates, runs the same checks, and writes the report.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

from ml_assets.engine.checks import checks_of
from ml_assets.engine.recipes.candidate import fit_spec
from ml_assets.engine.recipes.change import change_spec
from ml_assets.engine.recipes.dataset import clean_spec, ingest_spec, period_spec
from ml_assets.engine.recipes.evaluation import evaluate_spec
from ml_assets.engine.recipes.features import features_spec
from ml_assets.engine.recipes.quality import ReferenceTables, reference_spec, report_spec
from ml_assets.engine.sensitive import sensitive_inputs
from ml_assets.keys.families import FAMILIES
from ml_assets.spec.families import BASELINES
from ml_assets.spec.model import ChooseSpec, ExplainSpec, OptimismSpec, ReportSpec
from ml_assets.spec.project import Project, read_project
from ml_assets.spec.split import SplitRule
from ml_assets.stages.memory import InMemory


def stage(reference: str) -> Any:
    """Import a function named `module:function`."""
    module, name = reference.split(":")
    return getattr(importlib.import_module(module), name)


def checked(
    asset: str,
    spec: Any,
    values: dict[str, Any],
    others: dict[str, Any] | None = None,
    **hooks: Any,
) -> None:
    """Run the checks of an asset; `others` have a spec of their own, or None for not at all."""
    for entry in checks_of(asset):
        about = (others or {}).get(entry.name, spec)
        if about is None:
            continue
        given = {name: values[name] for name in entry.inputs}
        stage(entry.stage)(about, **given, **(hooks if "main" in entry.inputs else {}))


def cleaned(project: Project, dataset: str, file: Path) -> dict[str, InMemory]:
    """Ingest and clean one file; return its tables."""
    parsed = stage("ml_assets.stages.ingest:ingest")(
        ingest_spec(project, dataset), landed=InMemory(file.read_bytes())
    )
    inputs = {name: InMemory(parsed.outputs[name]) for name in ("raw", "rejects", "summary")}
    rules = clean_spec(project, dataset)
    done = stage("ml_assets.stages.clean:clean")(rules, **inputs)
    values = {name: InMemory(content) for name, content in done.outputs.items()}
    batch = file.stem.removeprefix(dataset).removeprefix("-")
    period = period_spec(dataset, project.datasets[dataset], batch)
    checked("cleaned", rules, values, {"batch_period": period})
    return {**values, "raw": inputs["raw"]}


def reported(project: Project, dataset: str, batches: dict[str, dict[str, InMemory]]) -> None:
    """Make the quality report of every batch of a dataset."""
    spec = project.datasets[dataset]
    first = 1 if spec.calendar is None else spec.quality.reference.first
    raw, clean = (
        {batch: made[name] for batch, made in list(batches.items())[:first]}
        for name in ("raw", "cleaned")
    )
    asked = reference_spec(dataset, spec)
    known = stage("ml_assets.stages.quality.reference:reference")(asked, raw=raw, cleaned=clean)
    reference = InMemory(known.outputs["reference"])
    for batch, made in batches.items():
        told = report_spec(
            project, dataset, batch, ReferenceTables("the first batches", raw, clean), {}
        )
        tables = {name: made[name] for name in ("raw", "cleaned", "quarantine", "summary")}
        report = stage("ml_assets.stages.quality.report:report")(
            told, reference=reference, newest=made["summary"], **tables
        )
        checked("quality_report", told, {"figures": InMemory(report.outputs["figures"])})


def main(defs: Path, files: Path, name: str, last: str) -> None:
    """Do it all once, write the report, and print the metric and the seconds."""
    started = time.perf_counter()
    project = read_project(defs)
    features = prepared(project, defs, files, name, last)
    report = trained(project, name, features)
    Path("report.html").write_bytes(report["report"])
    seconds = time.perf_counter() - started
    sys.stdout.write(json.dumps({"test": report["metrics"]["test"], "seconds": seconds}) + "\n")


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
        reported(project, dataset, made[dataset])
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
    value = InMemory(made.outputs["features"], f"d1:{month}")
    # No join of the demo's has a limit of age.
    values = {**inputs, "features": value}
    checked("features", spec, values, {"join_age": None}, hook=hook)
    return value


def trained(project: Project, name: str, features: dict[str, InMemory]) -> dict[str, Any]:
    """Split, train every family, choose, refit, evaluate; return what came of it."""
    model = project.models[name]
    rule = SplitRule(model=name, split=model.split, on_duplicate_key=model.on_duplicate_key)
    split = stage(f"ml_assets.stages.split.{model.split.kind}:split")(rule, features=features)
    folds = {fold: InMemory(split.outputs[fold]) for fold in ("train", "validation", "test")}
    checked("test_split", rule, {**folds, "features": features})
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
    outputs = dict(
        stage("ml_assets.stages.evaluate.evaluate:evaluate")(
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
        ).outputs
    )
    asked = ExplainSpec(
        metric=model.training.metric,
        sensitive=sensitive_inputs(project, name),
        seed=model.training.seed,
    )
    explain = stage("ml_assets.stages.evaluate.explain:explain")
    outputs |= explain(asked, **chosen, test=folds["test"], features=features).outputs
    settings = OptimismSpec(fit=fit_spec(model, board["chosen"]))
    optimism = stage("ml_assets.stages.evaluate.optimism:optimism")
    outputs |= optimism(settings, **chosen, **folds, features=features).outputs
    change = stage("ml_assets.stages.paired.change:change")
    asked = change_spec(project, name)
    told = {**chosen, **folds, "predictions": InMemory(outputs["predictions"])}
    outputs |= change(asked, **told, features=features).outputs
    parts = ("metrics", "sections", "explained", "optimism", "change")
    said = {part: InMemory(outputs[part]) for part in parts}
    page = ReportSpec(**dict(spec), candidate=None)
    outputs |= stage("ml_assets.stages.evaluate.report:report")(page, **said, **folds).outputs
    checked("evaluation_report", spec, {"metrics": said["metrics"]})
    return outputs


if __name__ == "__main__":
    sys.path.insert(0, str(Path(sys.argv[1]).resolve().parent.parent))
    end = sys.argv[4] if len(sys.argv) > 4 else "2013-11"
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]), sys.argv[3], end)
