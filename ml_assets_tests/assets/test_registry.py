"""Entries: what they name is there; a new asset is one function, one recipe and one entry."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ml_assets.assets.registry import ASSETS, BY_NAME, KINDS, function, made_by
from ml_assets_tests.cli.shell import Shell
from ml_assets_tests.processes import ROOT
from ml_assets_tests.projects import Toy, write_project

STAGE = '''\
"""The mean of a column by batch. Belongs here: one figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.stages.result import Result

if TYPE_CHECKING:
    from ml_assets.spec.dataset import CleanSpec
    from ml_assets.stages.result import Handle


def mean(spec: CleanSpec, *, cleaned: Handle) -> Result:
    """Return the number of rows of a batch and their mean units."""
    units = cleaned.table(["units"])["units"].to_pylist()
    return Result({"mean": {"rows": len(units), "units": sum(units) / len(units)}})
'''
CHECK = '''\
"""Check: has the batch rows?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.stages.result import Check, Result

if TYPE_CHECKING:
    from ml_assets.spec.dataset import CleanSpec
    from ml_assets.stages.result import Handle


def check(spec: CleanSpec, *, mean: Handle) -> Result:
    """Return the check `has_rows`."""
    rows = mean.json()["rows"]
    return Result({}, checks=(Check("has_rows", rows > 0, f"{rows} rows"),))
'''
RECIPE = '''\
"""A dataset's means."""

from __future__ import annotations

from collections.abc import Sequence

from ml_assets.assets.cells import Cell, Unit
from ml_assets.keys.action import Action
from ml_assets.engine.checks import checks_of
from ml_assets.engine.recipes.dataset import clean_spec
from ml_assets.engine.session import Made, Session
from ml_assets.engine.code_versions import Versioned
from ml_assets.workspace import Workspace
from ml_assets.spec.project import Project


def means_code(project: Project, _: Workspace, name: str) -> Versioned:
    return Versioned(["ml_assets.stages.mean"], [clean_spec(project, name)])


def means(session: Session, unit: Unit) -> Sequence[Made]:
    (cell,) = unit.cells()
    cleaned = session.upstream(Cell(f"{unit.group}/cleaned", unit.partition))
    if cleaned.waiting is not None:
        return [Made(cell, {}, {}, waiting=cleaned.waiting)]
    params = clean_spec(session.project, unit.group)
    inputs = {"cleaned": cleaned.outputs["cleaned"]}
    made = session.act(unit, Action("mean", "ml_assets.stages.mean:mean", params, inputs))
    checks = {
        entry.name: session.act(
            unit,
            Action(f"check:{entry.name}", entry.stage, params, {"mean": made.outputs["mean"]}),
        )
        for entry in checks_of(cell.name)
    }
    return [Made(cell, {"mean": made.outputs["mean"]}, {"mean": made}, checks)]
'''
ENTRY = """\
    Asset(
        "means",
        "dataset",
        UnitKind("means", f"{RECIPES}.means:means", f"{RECIPES}.means:means_code"),
        ("cleaned",),
        "The mean of units.",
        frozenset({"json"}),
        batched=True,
    ),
"""
CHECK_ENTRY = """\
    CheckEntry(
        "has_rows", "means", "ml_assets.stages.check.has_rows:check", ("mean",), "There are rows."
    ),
"""
DAGSTER = """
import json
import dagster as dg
from ml_assets.graph.build import definitions_here
graph = definitions_here().resolve_asset_graph()
node = graph.get(dg.AssetKey(["sales", "means"]))
print(json.dumps({
    "deps": sorted(key.to_user_string() for key in node.parent_keys),
    "partitions": node.partitions_def.name,
    "description": node.description,
    "checks": [check.name for check in node.check_keys],
    "version": bool(node.code_version),
}))
"""
MATERIALIZED = """
import json
import dagster as dg
from ml_assets.graph.instance import open_instance
from ml_assets.workspace import locate
with open_instance(locate()) as instance:
    key = dg.AssetKey(["sales", "means"])
    print(json.dumps(sorted(instance.get_materialized_partitions(key))))
"""
DOCUMENTED = "from docs.generate.assets_page import page; print(page())"


def _insert(path: Path, before: str, text: str) -> None:
    source = path.read_text(encoding="utf-8")
    assert source.count(before) == 1, (path, before)
    path.write_text(source.replace(before, text + before), encoding="utf-8")


class Extended(Shell):
    """A toy project beside a copy of the package that has one asset more."""

    def python(self, script: str) -> str:
        """Run a script with the copy of the package; return what it prints."""
        return subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script],
            cwd=self.root,
            env={**self.environ(), "DAGSTER_HOME": str(self.home)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def answer(self, *words: object) -> Any:
        """Run a command with the copy of the package; return its JSON document."""
        return self.process(*words, "--json", more=self.more).document


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Extended:
    """Give a project in which sales of two months have landed."""
    root = tmp_path_factory.mktemp("extended")
    package = root / "code" / "ml_assets"
    shutil.copytree(ROOT / "ml_assets", package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "docs" / "generate", root / "code" / "docs" / "generate")
    (package / "stages" / "mean.py").write_text(STAGE)
    (package / "stages" / "check" / "has_rows.py").write_text(CHECK)
    (package / "engine" / "recipes" / "means.py").write_text(RECIPE)
    _insert(package / "assets" / "registry.py", ')\n"""In data-flow order', ENTRY)
    _insert(package / "engine" / "checks.py", ")\nALSO = {", CHECK_ENTRY)
    write_project(root / "project")
    shell = Extended(root / "project")
    shell.more = {"PYTHONPATH": str(root / "code")}
    with shell.inside():
        toy = Toy(root / "project")
        toy.land_all(["2020-01", "2020-02"])
        toy.close()
    return shell


def test_what_an_entry_names_is_there() -> None:
    for kind in KINDS.values():
        for reference in (kind.recipe, kind.code, *filter(None, [kind.effect])):
            assert callable(function(reference)), reference
        assert len({asset.owner for asset in made_by(kind.name)}) == 1
        assert len({asset.batched for asset in made_by(kind.name)}) == 1
    for asset in ASSETS:
        for reference in filter(None, (asset.definition, asset.record)):
            assert callable(function(reference)), reference


def test_an_asset_is_made_from_those_before_it() -> None:
    before: set[str] = set()
    for asset in ASSETS:
        for sources in filter(None, (asset.sources, asset.of_requests)):
            assert {source.rpartition("/")[2] for source in sources} <= before
            assert set(sources) - set(asset.implied)
        assert set(asset.implied) <= {*asset.sources, *asset.of_requests}
        before.add(asset.name)
    assert len(BY_NAME) == len(ASSETS)


@pytest.mark.slow
def test_a_new_asset_is_planned_run_cached_checked_shown_and_documented(
    extended: Extended,
) -> None:
    cells = ["sales/means@2020-01", "sales/means@2020-02"]
    plan = extended.answer("plan", "sales/means")
    assert [row["asset"] for row in plan["run"]] == cells
    ran = extended.answer("run", "+sales/means")
    assert ran["success"], ran
    assert extended.answer("plan", "sales/means")["run"] == []
    value = extended.python(
        "import ml_assets; print(ml_assets.load('sales/means', partition='2020-01'))"
    )
    assert value.startswith("{'mean': {'rows': 27, 'units': 25.48")
    again = extended.answer("run", "sales/means", "--force")
    assert set(again["executed"]) == set(cells)
    lineage = extended.answer("lineage", "sales/means@2020-01")
    assert "sales-2020-01.csv" in json.dumps(lineage)
    assert json.loads(extended.python(DAGSTER)) == {
        "deps": ["sales/cleaned"],
        "partitions": "month",
        "description": "The mean of units.",
        "checks": ["has_rows"],
        "version": True,
    }
    assert json.loads(extended.python(MATERIALIZED)) == ["2020-01", "2020-02"]
    row = "| `means` | The mean of units. | `cleaned` | yes | [`has_rows`](checks.md) |"
    assert row in extended.python(DOCUMENTED).splitlines()
