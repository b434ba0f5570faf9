"""Tables of one's own, from file to decision by the five commands: a table for the docs.

    python -m benchmarks.tables FOLDER [--only NAME …]

FOLDER holds a `tables.csv` (file, target, task) and the tables that it names. Each becomes a new
project in a temporary folder: init, new dataset, new model, land, run, and nothing is edited. On
the same rows LightGBM and HistGradientBoosting are then fitted with their default settings, on
train and validation together, and measured on test by the same function.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

import ml_assets
from ml_assets.stages.metrics import BY_TASK

MODEL = "guessed"
HEAD = """\
| table | rows | minutes | decision | why | metric | test | trivial | LightGBM | HistGB |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""
MOST_CATEGORIES = 200
"""HistGradientBoosting takes no more; a column with more goes without."""


@dataclass
class Run:
    """What came of one table."""

    name: str
    rows: int = 0
    minutes: float = 0.0
    decision: str = ""
    why: str = ""
    metric: str = ""
    figures: list[float | None] = field(default_factory=list)
    """Of the candidate, the trivial baseline, and the two by hand."""

    def line(self) -> str:
        """Return its row of the table."""
        shown = ["" if f is None else f"{f:.4g}" for f in self.figures]
        cells = [self.name, f"{self.rows:,}", f"{self.minutes:.1f}", self.decision, self.why]
        return f"| {' | '.join([*cells, self.metric, *shown])} |\n"


class Stopped(Exception):
    """A command did not end well."""


def command(*words: str, cwd: Path) -> str:
    """Run one command; Stopped with what it said if it fails."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DAGSTER", "ML_ASSETS"))}
    done = subprocess.run(
        [sys.executable, "-m", "ml_assets", *words],
        cwd=cwd,
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no word"]
        raise Stopped(f"`{words[0]}`: {said[-1][:200]}")
    return done.stdout


def tried(folder: Path, file: Path, target: str) -> Run:
    """Take one table through the five commands in a new project, and by hand."""
    found, began = Run(file.stem), time.perf_counter()
    name = f"t_{file.stem}"
    try:
        command("init", "shop", cwd=folder)
        shop = folder / "shop"
        command("new", "dataset", name, str(file), cwd=shop)
        command("new", "model", MODEL, "--dataset", name, "--target", target, cwd=shop)
        command("land", name, str(file), cwd=shop)
        command("run", cwd=shop)
        found.minutes = (time.perf_counter() - began) / 60
        status = json.loads(command("status", MODEL, "--json", cwd=shop))
    except Stopped as error:
        found.minutes = (time.perf_counter() - began) / 60
        found.decision, found.why = "stopped", str(error)
        return found
    candidate = status["candidate"]
    if candidate is None:
        found.decision, found.why = "waiting", "; ".join(status["waiting"])
        return found
    with chdir(shop):
        judge(found, candidate)
    return found


def judge(found: Run, candidate: dict[str, Any]) -> None:
    """Read the decision, and fit the two by hand on the same rows."""
    decision = ml_assets.load(f"{MODEL}/champion")["decision"]
    found.decision, found.metric = decision["verdict"], decision["metric"]
    failed = [rule["text"] for rule in decision["rules"] if rule["passed"] is False]
    found.why = "; ".join(failed)
    metrics = candidate["metrics"]
    figures = [metrics["test"][found.metric], metrics["baseline"][found.metric]]
    learn, test = rows("train", "validation"), rows("test")
    found.rows = len(learn) + len(test)
    task = json.loads(json.dumps(ml_assets.load(f"{MODEL}/candidate").document))["task"]
    found.figures = [*figures, *by_hand(task, found.metric, learn, test)]


def rows(*folds: str) -> pd.DataFrame:
    """Return the rows of some folds: features, and `_target`."""
    parts = []
    read: dict[str, pd.DataFrame] = {}
    for fold in folds:
        for span in ml_assets.load(f"{MODEL}/{fold}_split").itertuples():
            batch = span.batch if isinstance(span.batch, str) and span.batch else None
            key = batch or ""
            if key not in read:
                read[key] = ml_assets.load(f"{MODEL}/features", batch)
            parts.append(read[key].iloc[span.start : span.stop])
    return pd.concat(parts, ignore_index=True)


def by_hand(
    task: str, metric: str, learn: pd.DataFrame, test: pd.DataFrame
) -> tuple[float | None, float | None]:
    """Return the metric of LightGBM's and HistGradientBoosting's default settings."""
    inputs = pd.concat([learn, test], keys=["learn", "test"])
    columns = {name: plain(inputs[name]) for name in inputs if not str(name).startswith("_")}
    table = pd.DataFrame({n: c for n, c in columns.items() if c is not None})
    few = [n for n in table if not hasattr(table[n], "cat") or wide(table[n])]
    first, second = learn["_target"], test["_target"]
    known = np.sort(first.unique()) if task != "regression" else np.array([])
    truth = second.to_numpy(dtype=object)
    if task == "multiclass":
        places = {value: place for place, value in enumerate(known)}
        truth = np.array([places.get(value, -1) for value in truth])
    models: list[Any] = [
        lightgbm.LGBMRegressor(n_jobs=1, verbose=-1, random_state=1)
        if task == "regression"
        else lightgbm.LGBMClassifier(n_jobs=1, verbose=-1, random_state=1),
        HistGradientBoostingRegressor(categorical_features="from_dtype", random_state=1)
        if task == "regression"
        else HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=1),
    ]
    found = []
    for model, names in zip(models, (list(table), few), strict=True):
        here = table[names].rename(columns={n: f"f{i}" for i, n in enumerate(names)})
        model.fit(here.loc["learn"], first.to_numpy())
        if task == "regression":
            guess = model.predict(here.loc["test"])
        else:
            guess = model.predict_proba(here.loc["test"])
            guess = guess[:, 1] if task == "binary" else guess
        found.append(BY_TASK[task][metric](truth.astype(float), np.asarray(guess, dtype=float)))
    return found[0], found[1]


def plain(column: pd.Series) -> pd.Series | None:
    """Return a column as both take it; None for free text with few repeats."""
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column):
        return column.astype("float64")
    if pd.api.types.is_datetime64_any_dtype(column):
        return column.astype("int64").astype("float64")
    texts = column.map(str, na_action="ignore").astype(object)
    category = texts.where(column.notna(), np.nan).astype("category")
    return category if len(category.cat.categories) * 2 < len(column) else None


def wide(column: pd.Series) -> bool:
    """Tell whether a category has few enough values for HistGradientBoosting."""
    return len(column.cat.categories) <= MOST_CATEGORIES


def main() -> None:
    """Print the table, a row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="*", default=[])
    options = parser.parse_args()
    with (options.folder / "tables.csv").open(encoding="utf-8") as file:
        tables = list(csv.DictReader(file))
    sys.stdout.write(HEAD)
    for row in tables:
        path = options.folder.absolute() / row["file"]
        if options.only and path.stem not in options.only:
            continue
        with tempfile.TemporaryDirectory() as folder:
            sys.stdout.write(tried(Path(folder), path, row["target"]).line())
            sys.stdout.flush()


if __name__ == "__main__":
    main()
