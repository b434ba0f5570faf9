"""A tiny project in a folder: two datasets on one calendar, one model, six months.

`sales` (30 rows a month) is predicted from `prices` (a price for each store, with those of the
month before). Everything is computed by hand-sized arithmetic, nothing is drawn.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from ml_assets.engine.landing import land
from ml_assets.engine.make import Maker, Progress
from ml_assets.engine.plan import Plan, Planner, units
from ml_assets.engine.selection import select
from ml_assets.history.decisions import log_decision
from ml_assets.history.trials import log_verdict
from ml_assets.keys import load
from ml_assets.spec.project import Project, read_project
from ml_assets.store.home import Home
from ml_assets.workspace import Workspace, locate
from ml_assets_tests import processes, warm

PACKAGE = "toy"
MONTHS = tuple(f"2020-0{number}" for number in range(1, 7))
STORES = ("north", "south", "west")
HELPERS = "toy/defs/forecast/helpers.py"
FEATURES = "toy/defs/forecast/features.py"
FORECAST = "toy/defs/forecast/defs.yaml"
SALES = "toy/defs/sales/defs.yaml"
AFTER_FEATURES = {
    "forecast/train_split",
    "forecast/validation_split",
    "forecast/test_split",
    "forecast/candidate",
    "forecast/evaluation_report",
    "forecast/champion",
    "forecast/release",
}

FILES = {
    "pyproject.toml": """\
[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "toy"
registry_modules = ["ml_assets"]
""",
    "toy/__init__.py": "",
    "toy/definitions.py": '''\
"""Entry point of the code location; no logic."""

import dagster as dg

from ml_assets.graph.build import definitions_here

defs: dg.Definitions = definitions_here()
''',
    "toy/defs/__init__.py": "",
    "toy/defs/sales/defs.yaml": """\
type: ml_assets.TabularDataset

attributes:
  description: Sales of three stores.
  calendar: month
  landing:
    pattern: 'sales-(?P<batch>\\d{4}-\\d{2})\\.csv(\\.gz)?'
  moments: [opening, closing]
  key: [sale]
  time: day
  columns:
    sale: {type: integer, nullable: false, known_at: opening}
    day: {type: date, nullable: false, known_at: opening}
    store: {type: category, nullable: false, known_at: opening}
    promo: {type: boolean, known_at: opening}
    units: {type: number, range: [-100, 1000], known_at: closing}
  filters:
    - {id: returned, expression: units < 0, reason: A return is no sale.}
  quarantine_budget: 0.1
""",
    "toy/defs/prices/defs.yaml": """\
type: ml_assets.TabularDataset

attributes:
  description: The price in each store in a month.
  calendar: month
  landing:
    pattern: 'prices-(?P<batch>\\d{4}-\\d{2})\\.csv'
  key: [store]
  columns:
    store: {type: category, nullable: false}
    price: {type: number, nullable: false, range: [0, null]}
""",
    "toy/defs/forecast/defs.yaml": """\
type: ml_assets.TabularModel

attributes:
  description: Units sold, known at opening.
  dataset: sales
  joins:
    - {dataset: prices, previous: 1}
  task: regression
  target: units
  predict_at: opening
  features:
    function: features.py:build
    columns:
      promo: {type: boolean}
      store: {type: category}
      price: {type: number}
      rise: {type: number, description: Since the month before}
  split: {kind: time, test: 2, validation: 1}
  training:
    metric: mae
    families:
      median: {family: median}
      linear: {family: linear}
  evaluation:
    slices: [store]
    intervals: {resamples: 100}
  gate: {min_rows: 30, parity: {rows: 6}, not_worse: {margin: 50%, resamples: 100}, slices: null}
""",
    "toy/defs/forecast/features.py": '''\
"""Features of a sale."""

import pandas as pd

from toy.defs.forecast.helpers import price_of


def build(sales, prices, prices_previous):
    """Return one row for each sale."""
    price = price_of(sales, prices)
    before = price_of(sales, prices_previous[-1]) if prices_previous else price
    return pd.DataFrame(
        {"promo": sales["promo"], "store": sales["store"], "price": price, "rise": price - before}
    )
''',
    "toy/defs/forecast/helpers.py": '''\
"""What several features share."""


def price_of(sales, prices):
    """Return the price in the store of each sale."""
    known = dict(zip(prices["store"].astype(str), prices["price"], strict=True))
    return sales["store"].astype(str).map(known).astype(float)
''',
}


def sales(month: str, rows: int = 30, extra: float = 0.0) -> bytes:
    """Return a month of sales; each tenth is a return, which the filter leaves out."""
    number = int(month[-2:])
    lines = ["sale,day,store,promo,units"]
    for row in range(rows):
        store = row % 3
        promo = row % 4 == 0
        units = 20 + 5 * promo + 4 * store - number + (row * 7 + number) % 3 + extra
        units = -1 if row % 10 == 9 else units
        day = f"{month}-{1 + row % 28:02}"
        lines.append(f"{number * 1000 + row},{day},{STORES[store]},{str(promo).lower()},{units}")
    return ("\n".join(lines) + "\n").encode()


def prices(month: str, extra: float = 0.0) -> bytes:
    """Return the prices of a month."""
    rows = [f"{name},{int(month[-2:]) + n + extra}" for n, name in enumerate(STORES)]
    return ("\n".join(["store,price", *rows]) + "\n").encode()


REFUSED = b"day,store\n2020-01-01,north\n"
"""Sales without most columns: the batch is refused."""


@dataclass
class Ran:
    """What became of each cell that was asked for."""

    states: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    details: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def having(self, state: str) -> set[str]:
        """Return the cells in a state."""
        return {cell for cell, found in self.states.items() if found == state}


@dataclass
class Toy:
    """The project in `root`; its home is `root/data`."""

    root: Path
    homes: list[Home] = field(default_factory=list)

    def workspace(self, env: str = "dev") -> Workspace:
        """Return where things are, as a process started in the project finds them."""
        return locate(self.root, {"ML_ASSETS_ENV": env})

    def planner(self, env: str = "dev") -> Planner:
        """Return a planner on a home that the fixture closes."""
        workspace = self.workspace(env)
        self.homes.append(Home(workspace.home, env))
        return Planner(workspace, self.homes[-1])

    def land(self, dataset: str, month: str, content: bytes | None = None) -> None:
        """Land a month's file of a dataset as the command does."""
        if content is None:
            content = {"sales": sales, "prices": prices}[dataset](month)
        source = self.root / "incoming" / f"{dataset}-{month}.csv"
        source.parent.mkdir(exist_ok=True)
        source.write_bytes(content)
        planner = self.planner()
        land(planner.home, planner.project, dataset, source, None)
        planner.home.close()

    def land_all(self, months: Sequence[str] = MONTHS) -> None:
        """Land both datasets for some months."""
        for month in months:
            self.land("sales", month)
            self.land("prices", month)

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text that stands once in a file of the project, then be a new process."""
        path = self.root / file
        text = path.read_text()
        assert text.count(old) == 1
        path.write_text(text.replace(old, new))
        self.forget()

    def forget(self) -> None:
        """Drop the project's modules, so that they are imported as in a new process."""
        drop_modules(PACKAGE, self.root)

    def plan(self, selection: str | None = None, env: str = "dev", **options: Any) -> Plan:
        """Return the plan for what has landed."""
        return self.planner(env).plan(selection, look=False, **options)

    def make(
        self,
        selection: str | None = None,
        env: str = "dev",
        only: str | None = None,
        **options: Any,
    ) -> Ran:
        """Make all that is selected (of one batch with `only`), step by step as a run does."""
        planner = self.planner(env)
        assets = set(select(planner.project, selection))
        ran = Ran()

        def listen(progress: Progress) -> None:
            ran.states[str(progress.cell)] = progress.state
            ran.details[str(progress.cell)] = progress.detail
            ran.seconds[str(progress.cell)] = progress.seconds

        maker = Maker(planner, "run", listener=listen, **options)
        wanted = [
            unit
            for unit in units(planner.session())
            if {cell.asset for cell in unit.cells()} & assets
            and (only is None or unit.partition == only)
        ]
        for _, step in groupby(wanted, key=lambda unit: (unit.group, unit.kind)):
            with warm.python():
                outcomes = maker.make(list(step), assets)
            for outcome in outcomes:
                ran.faults += [outcome.fault] if outcome.fault is not None else []
                if outcome.unit.kind == "champion" and outcome.current:
                    # The release after it is of whom the log names.
                    log_decision(planner.home, outcome.unit.group, outcome.current[0])
                if outcome.unit.kind == "trial" and outcome.current:
                    log_verdict(planner.home, outcome.unit.group, outcome.current[0])
        return ran

    def digests(self, env: str = "dev") -> dict[str, str]:
        """Return cell -> digest of all that an environment holds."""
        held = self.planner(env).home.records.all_current(env)
        return {f"{a}@{p}" if p else a: current.digest for (a, p), current in held.items()}

    def publish(self, env: str = "dev") -> None:
        """Note that all which an environment holds is shown by Dagster."""
        records = self.planner(env).home.records
        for (asset, partition), current in records.all_current(env).items():
            records.mark_published(env, asset, partition, current.token)

    def close(self) -> None:
        """Close every home and drop the project's modules."""
        for home in self.homes:
            home.close()
        self.homes.clear()
        self.forget()


def drop_modules(package: str, root: Path) -> None:
    """Drop the modules of a project, so that they are imported as in a new process."""
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        del sys.modules[name]
        load._imported.pop(name, None)
    sys.path[:] = [folder for folder in sys.path if folder != str(root)]
    importlib.invalidate_caches()


def write_project(root: Path, files: Mapping[str, str] = FILES) -> None:
    """Write the project's files into a folder."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@contextmanager
def toy_project(root: Path) -> Iterator[Toy]:
    """Make the project in a new folder; nothing has landed."""
    write_project(root)
    project = Toy(root.resolve())
    try:
        yield project
    finally:
        project.close()


@contextmanager
def copied(project: Toy, root: Path) -> Iterator[Toy]:
    """Copy a project with its home, as `cp -a` does."""
    # Its code, if it is imported, has the names of the copy's.
    drop_modules(PACKAGE, project.root)
    processes.copy(project.root, root)
    found = Toy(root.resolve())
    try:
        yield found
    finally:
        found.close()


@pytest.fixture
def toy(tmp_path: Path) -> Iterator[Toy]:
    """Give a project in a temporary folder; nothing has landed."""
    with toy_project(tmp_path / "project") as project:
        yield project


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Give the toy project's specs."""
    root = tmp_path_factory.mktemp("specs")
    write_project(root)
    return read_project(root / "toy" / "defs")
