"""What `new model` writes, against other defaults and AutoGluon, on paired splits.

    python -m benchmarks.portfolio FOLDER [--repeats 10] [--autogluon PYTHON] [--only NAME …]

FOLDER holds a `tables.csv` (file, target, task) and the tables that it names; tables of
scikit-learn are added. Of each a project is made by the commands, and nothing is edited. Then, in
each repeat, all learn from the same rows and are measured on the same others: by a hash with
another salt, with the shares and the groups of the model's split. PYTHON is the interpreter of an
environment with AutoGluon; without it the comparison is with LightGBM and HistGradientBoosting.
AutoGluon has its preset `medium_quality` and stops after LIMIT seconds of the clock.

Losses are scaled for each table: the trivial baseline is 1, the best of all is 0 (both means over
the repeats). CPU seconds are those of training alone, in one thread.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import chdir
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import sklearn.datasets
from scipy import stats

from benchmarks.tables import MODEL, Stopped, by_hand, command
from ml_assets.engine.address import versions_of
from ml_assets.engine.plan import planner_here
from ml_assets.engine.recipes.candidate import BLENDING, family_module, fit_action, fit_spec
from ml_assets.spec.families import BASELINES, Blend
from ml_assets.spec.model import ChooseSpec, ModelSpec
from ml_assets.spec.split import HashSplit, SplitRule
from ml_assets.stages import metrics
from ml_assets.stages.frames import to_frame
from ml_assets.stages.memory import InMemory
from ml_assets.stages.split.hash import split
from ml_assets.stages.train import folds
from ml_assets.stages.train.choose import choose
from ml_assets.stages.train.predict import predict
from ml_assets.stages.train.refit import refit

MOST_ROWS = 10_000
LIMIT = 900
OURS, THEIRS = "ml-assets", "AutoGluon"
CONTENDERS = (OURS, "LightGBM", "HistGB", THEIRS)
SCIKIT_LEARN = {
    "diabetes": sklearn.datasets.load_diabetes,
    "breast_cancer": sklearn.datasets.load_breast_cancer,
    "wine": sklearn.datasets.load_wine,
    "iris": sklearn.datasets.load_iris,
}
Inputs = Mapping[str, Any]


@dataclass
class Table:
    """The losses and CPU seconds of one table, by contender, one for each repeat."""

    name: str
    rows: int
    metric: str
    losses: dict[str, list[float]] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def add(self, who: str, loss: float, seconds: float | None = None) -> None:
        """Note one result."""
        self.losses.setdefault(who, []).append(loss)
        if seconds is not None:
            self.seconds.setdefault(who, []).append(seconds)

    def mean(self, who: str) -> float:
        """Return the mean loss over the repeats."""
        return float(np.mean(self.losses[who]))

    def scaled(self, who: str) -> float:
        """Return the mean loss with the trivial baseline's as 1 and the best one's as 0."""
        best = min(self.mean(name) for name in self.losses)
        return (self.mean(who) - best) / (self.mean("trivial") - best)

    def line(self) -> str:
        """Return its row of the report."""
        cells = [self.name, f"{self.rows:,}", self.metric, f"{self.mean('trivial'):.4g}"]
        for who in CONTENDERS:
            cells.append(f"{self.mean(who):.4g}" if who in self.losses else "")
        if THEIRS in self.losses:
            gap = np.subtract(self.losses[OURS], self.losses[THEIRS])
            cells.append(f"{int((gap < 0).sum())} of {len(gap)}")
            cells += [f"{np.mean(self.seconds[who]):.1f}" for who in (OURS, THEIRS)]
        return f"| {' | '.join(cells)} |\n"


def tables(folder: Path, scratch: Path) -> Iterator[tuple[Path, str]]:
    """Yield each table's file and target."""
    with (folder / "tables.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if int(row["rows"]) <= MOST_ROWS:
                yield folder.absolute() / row["file"], row["target"]
    for name, load in SCIKIT_LEARN.items():
        found = load(as_frame=True)
        frame = found.frame.rename(columns=lambda column: str(column).replace(" ", "_"))
        if name != "diabetes":
            frame["target"] = found.target_names[found.target]
        path = scratch / f"{name}.csv"
        frame.to_csv(path, index=False)
        yield path, "target"


def chosen(given: Iterable[tuple[Path, str]], only: list[str]) -> list[tuple[Path, str]]:
    """Return the tables of these names in their order; all if none is named."""
    found = list(given)
    by_name = {file.stem: (file, target) for file, target in found}
    return [by_name[name] for name in only] if only else found


def prepared(folder: Path, file: Path, target: str) -> Path:
    """Return a new project that has the features of a table."""
    name = f"t_{file.stem}"
    command("init", "shop", cwd=folder)
    shop = folder / "shop"
    command("new", "dataset", name, str(file), cwd=shop)
    command("new", "model", MODEL, "--dataset", name, "--target", target, cwd=shop)
    command("land", name, str(file), cwd=shop)
    command("run", f"+{MODEL}/features", cwd=shop)
    return shop


def compared(shop: Path, name: str, repeats: int, autogluon: Path | None) -> Table:
    """Return the results of all contenders on one table."""
    with chdir(shop):
        planner = planner_here()
        model = planner.project.models[MODEL]
        dataset = planner.project.datasets[model.dataset]
        batches = planner.session().batches(model.dataset) if dataset.calendar else [""]
        features = {}
        for batch in batches:
            ref = versions_of(planner, f"{MODEL}/features", batch or None)[-1].outputs["features"]
            features[batch] = InMemory(planner.home.objects.table(ref.digest), ref.digest)
        planner.home.close()
    rows = sum(len(handle.content) for handle in features.values())
    found = Table(name, rows, model.training.metric)
    for repeat in range(repeats):
        one_split(found, model, features, str(repeat), autogluon)
    return found


def one_split(
    found: Table, model: ModelSpec, features: Inputs, salt: str, autogluon: Path | None
) -> None:
    """Add the results of all contenders on one split."""
    own = model.split if isinstance(model.split, HashSplit) else None
    grouped = own is not None and bool(own.group)
    rule = HashSplit(
        kind="hash",
        test=own.test if own else 0.2,
        validation=own.validation if own else 0.1,
        group=own.group if own else (),
        salt=salt,
        stratify=model.task != "regression" and not grouped,
    )
    spec = SplitRule(model=MODEL, split=rule, on_duplicate_key="keep_latest")
    model = model.model_copy(update={"split": rule})
    parts = {n: InMemory(c) for n, c in split(spec, features=features).outputs.items()}
    inputs = {"train": parts["train"], "validation": parts["validation"], "features": features}
    began = time.process_time()
    ours, trivial = trained(model, inputs)
    seconds = time.process_time() - began
    columns = [*sorted(model.features.columns), "_target"]
    learn, test = (
        pa.concat_tables(
            table
            for name in names
            for _, table in folds.read(parts[name].table(), features, columns)
        ).unify_dictionaries()
        for names in (("train", "validation"), ("test",))
    )
    for who, (document, module) in (("trivial", trivial), (OURS, ours)):
        target = folds.labels(test, document["classes"])
        loss = measured(model, target, predict(document, module, test))
        found.add(who, loss, seconds if who == OURS else None)
    frames = [frame(table) for table in (learn, test)]
    losses = by_hand(model.task, model.training.metric, *frames)
    for who, value in zip(("LightGBM", "HistGB"), losses, strict=True):
        found.add(who, float(value or 0.0))
    if autogluon is not None:
        found.add(THEIRS, *theirs(model, autogluon, *frames))


def trained(model: ModelSpec, inputs: Inputs) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Return the chosen model and the best baseline, each with its module, as a run makes them."""
    nowhere = cast(Any, None)
    families = model.training.families
    modules = {n: import_module(family_module(nowhere, "", f)) for n, f in families.items()}
    done: dict[str, Mapping[str, Any]] = {}
    for name, family in families.items():
        if not isinstance(family, Blend):
            action = fit_action(nowhere, "", model, name, inputs)
            done[name] = stage(action.stage)(action.params, family=modules[name], **inputs).outputs
    for name, family in families.items():
        if isinstance(family, Blend):
            kinds = {"models": "model"}
            if model.training.selection == "cross_validation":
                kinds["held"] = "held"
            members = {k: {n: InMemory(done[n][o]) for n in family.of} for k, o in kinds.items()}
            params = fit_spec(model, name)
            made = stage(BLENDING)(params, family=modules[name], **members, **inputs)
            done[name] = made.outputs
    baselines = tuple(n for n, f in families.items() if f.family in BASELINES)
    ask = ChooseSpec(metric=model.training.metric, baselines=baselines)
    scores = {name: InMemory(outputs["scores"]) for name, outputs in done.items()}
    board = cast(dict[str, Any], choose(ask, scores=scores).outputs["leaderboard"])
    found = []
    for name in (board["chosen"], board["baseline"]):
        fitted = InMemory(done[name]["model"])
        spec = fit_spec(model, name)
        made = refit(spec, family=modules[name], fitted=fitted, **inputs)
        found.append((made.outputs["model"], modules[name]))
    return found[0], found[1]


def stage(path: str) -> Any:
    """Return a stage's function."""
    module, _, function = path.partition(":")
    return getattr(import_module(module), function)


def measured(model: ModelSpec, target: Any, prediction: Any) -> float:
    """Return the model's metric as a loss."""
    metric = model.training.metric
    value = metrics.function(model.task, metric)(target, prediction)
    return -value if metrics.greater_is_better(metric) else value


def frame(table: pa.Table) -> pd.DataFrame:
    """Return features and target as a frame."""
    return to_frame(table.rename_columns([f"c{n}" for n in table.column_names])).rename(
        columns=lambda name: name[1:]
    )


def theirs(
    model: ModelSpec, python: Path, learn: pd.DataFrame, test: pd.DataFrame
) -> tuple[float, float]:
    """Return AutoGluon's loss and CPU seconds."""
    classes = sorted({str(value) for value in learn["_target"]})
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name, rows in (("learn", learn), ("test", test)):
            plain = rows.astype({n: "object" for n in rows if hasattr(rows[n], "cat")})
            if model.task != "regression":
                plain["_target"] = plain["_target"].map(str)
            plain.drop(columns=["_target"] if name == "test" else []).to_parquet(
                folder / f"{name}.parquet"
            )
        asked = {"task": model.task, "metric": model.training.metric, "preset": "medium_quality"}
        asked["limit"] = LIMIT
        (folder / "asked.json").write_text(json.dumps(asked))
        script = Path(__file__).with_name("autogluon_side.py")
        subprocess.run(
            [str(python), "-W", "ignore", str(script), scratch], check=True, capture_output=True
        )
        answer = json.loads((folder / "answer.json").read_text())
    said = np.array(answer["predictions"], dtype=float)
    if model.task == "regression":
        return measured(model, test["_target"].to_numpy(dtype=float), said), answer["seconds"]
    place = {name: number for number, name in enumerate(classes)}
    target = np.array([place.get(str(value), -1) for value in test["_target"]], dtype=float)
    said = np.column_stack([said[:, answer["classes"].index(name)] for name in classes])
    return measured(model, target, said if model.task == "multiclass" else said[:, 1]), answer[
        "seconds"
    ]


def summary(found: list[Table]) -> str:
    """Return the scaled losses: means over tables, and the paired differences from ours."""
    lines = ["\n| contender | mean scaled loss | ours is better on | ours minus it (95 %) |\n"]
    lines.append("| --- | ---: | ---: | ---: |\n")
    for who in CONTENDERS:
        if not all(who in table.losses for table in found):
            continue
        scaled = [table.scaled(who) for table in found]
        gaps = np.array([table.scaled(OURS) for table in found]) - scaled
        told = ["", ""]
        if who != OURS:
            told[0] = f"{int((gaps < 0).sum())} of {len(gaps)}"
            if len(gaps) > 1:
                reach = stats.t.ppf(0.975, len(gaps) - 1) * gaps.std(ddof=1) / np.sqrt(len(gaps))
                told[1] = (
                    f"{gaps.mean():+.3f} ({gaps.mean() - reach:+.3f} to {gaps.mean() + reach:+.3f})"
                )
        lines.append(f"| {who} | {np.mean(scaled):.3f} | {' | '.join(told)} |\n")
    return "".join(lines)


def main() -> None:
    """Print a row for each table, then the summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--autogluon", type=Path)
    parser.add_argument("--only", nargs="*", default=[])
    options = parser.parse_args()
    names = ["table", "rows", "metric", "trivial", *CONTENDERS]
    names += ["ours better in", "CPU s ours", "CPU s theirs"] if options.autogluon else []
    sys.stdout.write(f"| {' | '.join(names)} |\n|{' --- |' * len(names)}\n")
    found: list[Table] = []
    try:
        report(options, found)
    finally:
        # Also of the tables so far, where it was interrupted.
        sys.stdout.write(summary(found))


def report(options: argparse.Namespace, found: list[Table]) -> None:
    """Print a row for each table as soon as it is known, and add it to `found`."""
    with tempfile.TemporaryDirectory() as scratch:
        for file, target in chosen(tables(options.folder, Path(scratch)), options.only):
            with tempfile.TemporaryDirectory() as folder:
                try:
                    shop = prepared(Path(folder), file, target)
                    table = compared(shop, file.stem, options.repeats, options.autogluon)
                except Stopped as error:
                    sys.stdout.write(f"| {file.stem} | stopped: {error} |\n")
                    continue
            found.append(table)
            sys.stdout.write(table.line())
            sys.stdout.flush()


if __name__ == "__main__":
    main()
