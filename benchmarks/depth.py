"""What a long past costs: batches landed one after the other, each followed by a new candidate.

    python -m benchmarks.depth [--batches 1000 5000] [--each origin plan ...]

The state is written through the store alone, as so many runs of a model with a stratified split
would leave it: each split is handed the one before, so a candidate rests on a chain as long as the
past. Actions have ingredients of the usual size; a split names its newest batch only, or the state
of 5,000 would fill the disk. Then each question is asked in a cold process of its own.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from ml_assets.assets.cells import Unit
from ml_assets.engine.plan import Planner
from ml_assets.history.ancestry import ancestry_of
from ml_assets.history.decisions import candidates
from ml_assets.history.origin import origin
from ml_assets.history.release_origin import told
from ml_assets.operations.gc import garbage
from ml_assets.operations.lineage import steps
from ml_assets.operations.recreate.prepare import prepare
from ml_assets.store.home import Home
from ml_assets.store.objects import Ref
from ml_assets.store.records import ActionRecord, Product
from ml_assets.store.state import objects
from ml_assets.workspace import locate

MODEL, DATASET = "forecast", "sales"
CODE = {f"ml_assets.stages.module{n}": hashlib.sha256(b"%d" % n).hexdigest() for n in range(40)}
LIBRARIES = {"python": "3.11", "numpy": "2.4", "pandas": "2.3", "pyarrow": "22.0"}
PARAMS = {f"column{n}": {"type": "number", "description": "made up " * 8} for n in range(40)}
"""6 kB, as the params of a dataset with forty columns."""
FILES = {
    "pyproject.toml": '[tool.dg]\ndirectory_type = "project"\n\n'
    '[tool.dg.project]\nroot_module = "shop"\n',
    "shop/__init__.py": "",
    "shop/defs/sales/defs.yaml": """\
type: ml_assets.TabularDataset
attributes:
  description: Sales.
  calendar: day
  landing: {pattern: 'sales-(?P<batch>\\d+)\\.csv'}
  key: [sale]
  columns: {sale: {type: integer, nullable: false}, units: {type: number}}
""",
    "shop/defs/forecast/defs.yaml": """\
type: ml_assets.TabularModel
attributes:
  description: Units sold.
  dataset: sales
  task: regression
  target: units
  features: {function: 'features.py:build', columns: {sale: {type: number}}}
  split: {kind: hash}
  training: {metric: mae, families: {median: {family: median}}}
""",
    "shop/defs/forecast/features.py": "def build(sales):\n    return sales[['sale']]\n",
}


def digest(*parts: object) -> str:
    """Return a made-up content digest."""
    return f"d1:{hashlib.sha256(repr(parts).encode()).hexdigest()}"


class Past:
    """Writes what runs would have recorded."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._sources = home.objects.put({"module": "x = 1\n"}).digest

    def act(
        self,
        unit: str,
        part: str,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, Ref],
        **hooks: str,
    ) -> str:
        """Record an action; return its key."""
        stage = f"ml_assets.stages.{part.partition(':')[0]}:stage"
        call = {"stage": stage, "params": PARAMS, "inputs": inputs, "hooks": hooks}
        ingredients = {
            "stage": stage,
            "hooks": hooks,
            "code": CODE,
            "environment": LIBRARIES,
            "params": PARAMS,
            "inputs": {name: _pairs(tree) for name, tree in inputs.items()},
            "call": json.dumps(call),
        }
        key = digest(unit, part, sorted(inputs.items()))
        record = ActionRecord(
            key=key,
            recipe=digest(part),
            name=f"{unit}#{part}",
            ingredients=ingredients,
            outputs=outputs,
            sources=self._sources,
            machine={"architecture": "x86_64", "system": "Linux", "python": "3.11.7"},
        )
        self._home.records.record_action(record)
        return key

    def hold(self, asset: str, partition: str, outputs: Mapping[str, Ref], **actions: str) -> None:
        """Make a product current; its objects count as kept, without content."""
        rows = [
            {"digest": ref.digest, "kind": ref.kind, "size": 100, "sha256": "0" * 64}
            for ref in outputs.values()
        ]
        with self._home.state.write() as db:
            known = insert(objects).prefix_with("OR IGNORE")
            db.execute(known, rows)
        product = Product(asset, partition, outputs, actions, [], {})
        self._home.records.record("dev", [product], None)


def _pairs(tree: Any) -> Any:
    return [[name, _pairs(item)] for name, item in tree.items()] if isinstance(tree, dict) else tree


def write(home: Home, batches: int) -> None:
    """Let so many batches land one after the other, each with a candidate and its report."""
    past, kept = Past(home), None
    for number in range(batches):
        batch = f"{number:06d}"
        landed = digest("landed", batch)
        home.batches.land(DATASET, batch, landed, f"sales-{batch}.csv")
        raw, cleaned = _table("raw", batch), _table("cleaned", batch)
        taken = past.act(f"{DATASET}/batch@{batch}", "ingest", {"source": landed}, {"raw": raw})
        outputs = {"cleaned": cleaned, "summary": Ref(digest("summary", batch), "json")}
        made = past.act(f"{DATASET}/batch@{batch}", "clean", {"raw": raw.digest}, outputs)
        past.hold(f"{DATASET}/raw", batch, {"raw": raw}, ingest=taken)
        past.hold(f"{DATASET}/cleaned", batch, {"cleaned": cleaned}, ingest=taken, clean=made)
        features = _table("features", batch)
        given = {"main": cleaned.digest}
        made = past.act(f"{MODEL}/features@{batch}", "features", given, {"features": features})
        past.hold(f"{MODEL}/features", batch, {"features": features}, features=made)
        kept = candidate(past, batch, features, kept)


def candidate(past: Past, batch: str, features: Ref, kept: Ref | None) -> Ref:
    """Record folds, candidate and report after a batch; return the assignment of its rows."""
    names = ("train", "validation", "test", "assignment")
    folds = {name: _table(name, batch) for name in names}
    read: dict[str, Any] = {"features": {batch: features.digest}}
    given = read if kept is None else {**read, "kept": kept.digest}
    split = past.act(f"{MODEL}/splits", "split", given, folds)
    for name in names[:3]:
        past.hold(f"{MODEL}/{name}_split", "", {name: folds[name]}, split=split)
    unit, hook = f"{MODEL}/candidate", {"family": "ml_assets.stages.train.median"}
    train = {**read, **{name: folds[name].digest for name in names[:2]}}
    fitted = Ref(digest("fitted", batch), "json")
    fit = past.act(unit, "fit:median", train, {"model": fitted}, **hook)
    outputs = {name: Ref(digest(name, batch), "json") for name in ("leaderboard", "baseline")}
    choose = past.act(unit, "choose", {"models": {"median": fitted.digest}}, outputs)
    model = Ref(digest("model", batch), "json")
    refit = past.act(unit, "refit:median", {**train, "model": fitted.digest}, {"model": model})
    made = {"model": model, **outputs}
    keys = {"fit:median": fit, "choose": choose, "refit:median": refit}
    past.hold(f"{MODEL}/candidate", "", made, **keys)
    asked = {**read, "test": folds["test"].digest, **{n: ref.digest for n, ref in made.items()}}
    report = {"metrics": Ref(digest("metrics", batch), "json")}
    evaluated = past.act(f"{MODEL}/evaluation_report", "evaluate", asked, report, **hook)
    past.hold(f"{MODEL}/evaluation_report", "", report, evaluate=evaluated)
    return folds["assignment"]


def release(home: Home) -> None:
    """Record the release of the newest candidate, as the run that promoted it did."""
    _choose_median(home)
    version = candidates(home, MODEL)[-1]
    found = origin(home, MODEL, version)
    params = {"target": "units", "target_unit": None, "predict_at": None}
    params |= {"candidate": version.digest, "lineage": found.document()}
    inputs = {
        "metrics": digest("metrics"),
        "report": digest("report"),
        "folds": found.folds,
        "features": found.features,
        "accounts": {
            dataset: {batch: ref.digest for batch, ref in batches.items()}
            for dataset, batches in found.accounts.items()
        },
    }
    record = ActionRecord(
        key=digest("release"),
        recipe=digest("release"),
        name=f"{MODEL}/release#release",
        ingredients={
            "stage": "m:release",
            "params": params,
            "call": json.dumps({"params": params, "inputs": inputs}),
        },
    )
    home.records.record_action(record)


def _choose_median(home: Home) -> None:
    # Made up as the rest is, so that the leaderboard can be read.
    home.objects.json = lambda _: {"chosen": "median"}  # type: ignore[method-assign]


def _table(name: str, batch: str) -> Ref:
    return Ref(digest(name, batch), "table", 100)


def ask_origin(planner: Planner) -> None:
    """What the release of the newest candidate is made from."""
    _choose_median(planner.home)
    origin(planner.home, MODEL, candidates(planner.home, MODEL)[-1])


def ask_plan(planner: Planner) -> None:
    """The same for a plan that finds the release made."""
    _choose_median(planner.home)
    told(planner.home, MODEL, candidates(planner.home, MODEL)[-1], digest("release"))


def ask_recreate(planner: Planner) -> None:
    """What making the newest candidate again needs."""
    prepare(planner.home, MODEL, f"v{candidates(planner.home, MODEL)[-1].number}")


def ask_gc(planner: Planner) -> None:
    """What nothing reaches."""
    garbage(planner.home, keep=3)


def ask_lineage(planner: Planner) -> None:
    """What the newest candidate was made from."""
    from ml_assets.engine.address import find
    from ml_assets.operations.lineage import lineage

    lineage(planner, find(planner, f"{MODEL}/candidate"))


def ask_steps(planner: Planner) -> None:
    """What one batch was made from, as an event to OpenLineage tells it."""
    (cell,) = Unit(MODEL, "features", "000000").cells()
    steps(planner, [cell])


def ask_walk(planner: Planner) -> None:
    """Every recorded action, loaded alone: what any of these costs at least."""
    ancestry_of(planner.home)


def ask_fingerprint(planner: Planner) -> None:
    """A tick of the sensor with nothing to do, without Dagster's part."""
    from ml_assets.engine.fingerprint import fingerprint

    fingerprint(planner.workspace, planner.home)


ASK: dict[str, Callable[[Planner], None]] = {
    "nothing": lambda planner: None,
    "fingerprint": ask_fingerprint,
    "walk": ask_walk,
    "origin": ask_origin,
    "plan": ask_plan,
    "recreate": ask_recreate,
    "lineage": ask_lineage,
    "steps": ask_steps,
    "gc": ask_gc,
}


def ask(name: str) -> None:
    """Answer one question in this process, and print what it took alone."""
    workspace = locate()
    planner = Planner(workspace, workspace.open_home())
    begun = time.process_time()
    said = ""
    try:
        ASK[name](planner)
    except RecursionError:
        said = "RecursionError"
    sys.stdout.write(json.dumps([time.process_time() - begun, said]))


def measured(root: Path, name: str) -> tuple[float, float, str]:
    """Return the CPU seconds, the largest memory in MB, and the error of a question."""
    command = [sys.executable, "-m", "benchmarks.depth", "--ask", name]
    here = str(Path(__file__).parent.parent)
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(
            command, cwd=root, stdout=out, env={**os.environ, "PYTHONPATH": here}
        )
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        seconds, said = json.loads(out.read() or '[0, "it failed"]')
    return seconds, usage.ru_maxrss / 1024, said


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--batches", type=int, nargs="+", default=[1000, 5000])
    parser.add_argument("--each", nargs="+", default=list(ASK), choices=list(ASK))
    parser.add_argument("--in", dest="folder", type=Path, help="where to keep what was written")
    parser.add_argument("--ask", choices=list(ASK))
    given = parser.parse_args()
    if given.ask:
        ask(given.ask)
        return
    with tempfile.TemporaryDirectory(prefix="ml-assets-depth-") as temporary:
        for count in given.batches:
            root = (given.folder or Path(temporary)) / str(count)
            if not root.exists():
                for name, text in FILES.items():
                    path = root / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(text)
                home = Home(root / "data", "dev")
                write(home, count)
                release(home)
                home.close()
            for name in given.each:
                seconds, memory, said = measured(root, name)
                shown = said or f"{seconds:.2f}"
                sys.stdout.write(f"| {count} | {name} | {shown} | {memory:.0f} |\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
