"""Two projects on one home in one Dagster: what its pages, daemon and both sensors make of it."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ml_assets.graph.build import definitions
from ml_assets_tests.cli.served import Up, up
from ml_assets_tests.graph.events import versions
from ml_assets_tests.neighbours import Street, street
from ml_assets_tests.projects import FORECAST, MONTHS, prices, sales

pytestmark = pytest.mark.slow

PATIENCE = 240.0
"""Seconds within which what is waited for must happen, on a busy machine."""
SALES, FEATURES = dg.AssetKey(["sales", "cleaned"]), dg.AssetKey(["forecast", "features"])
LATER = "2020-07"
NODES = """{assetNodes {
  assetKey {path} dependencyKeys {path} dependedByKeys {path} isExecutable
  repository {location {name}}
}}"""
LOCATIONS = """{workspaceOrError {... on Workspace {locationEntries {
  name locationOrLoadError {__typename ... on PythonError {message}}
}}}}"""


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    """Give both projects, nothing made; six months have landed."""
    with street(tmp_path_factory.mktemp("street"), "sales") as made:
        for month in MONTHS:
            made.shop.land("sales", month)
        yield made


@dataclass
class Served:
    """Both projects, served by one `up` that started in the shop before anything was made."""

    projects: Street
    up: Up

    def ask(self, query: str) -> Any:
        """Ask Dagster's page."""
        request = urllib.request.Request(
            f"{self.up.dagster}/graphql",
            json.dumps({"query": query}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["data"]

    def until(self, what: Callable[[], Any]) -> Any:
        """Wait until something is true, and return it."""
        deadline = time.monotonic() + PATIENCE
        while not (found := what()):
            assert time.monotonic() < deadline, self.said()
            assert self.up.process.poll() is None, self.up.process.communicate()
            time.sleep(1.0)
        return found

    def said(self) -> str:
        """Return what a person would look at first."""
        with self.projects.shell.dagster() as instance:
            return str([(r.status, r.asset_selection) for r in instance.get_runs()])

    def idle(self) -> bool:
        """Return whether every run has ended."""
        with self.projects.shell.dagster() as instance:
            return all(run.is_finished for run in instance.get_runs())

    def champion(self) -> str | None:
        """Return the digest of the model's champion in the log."""
        with self.projects.shell.store() as home:
            entries = home.promotions.entries("dev", "forecast")
        return entries[-1].digest if entries else None

    def held(self, cell: str, batch: str = "") -> str | None:
        """Return the digest of a cell."""
        return self.projects.shell.digests().get(f"{cell}@{batch}" if batch else cell)


@pytest.fixture(scope="module")
def served(projects: Street) -> Iterator[Served]:
    with up(projects.shell, "--beside", str(projects.toy.root)) as found:
        yield Served(projects, found)


def put(projects: Street, dataset: str, month: str, content: bytes) -> None:
    """Put a file into the landing folder as `cp` does."""
    path = projects.shop.shared / "landing" / dataset / f"{dataset}-{month}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_the_reader_waits_for_the_shop_and_then_makes_its_model(served: Served) -> None:
    found = {
        entry["name"]: entry["locationOrLoadError"].get("message", "loaded")
        for entry in served.ask(LOCATIONS)["workspaceOrError"]["locationEntries"]
    }
    # A location whose dataset is not there yet loads with a sensor that waits for it.
    assert found == {"ml_assets": "loaded", "toy": "loaded"}
    for month in MONTHS:
        put(served.projects, "prices", month, prices(month))
    served.until(lambda: served.held("sales/cleaned", MONTHS[-1]))
    served.until(served.champion)
    served.until(served.idle)
    assert versions(served.projects.shell) == served.projects.shell.digests()


def test_the_lineage_crosses_the_locations(served: Served) -> None:
    nodes = served.ask(NODES)["assetNodes"]
    where: dict[str, list[str]] = {}
    by_key = {}
    for node in nodes:
        key = "/".join(node["assetKey"]["path"])
        by_key[key] = node
        where.setdefault(key, []).append(node["repository"]["location"]["name"])
    assert [key for key, places in where.items() if len(places) > 1] == []
    assert where["sales/cleaned"] == ["ml_assets"]
    assert where["forecast/features"] == ["toy"]
    assert by_key["sales/cleaned"]["isExecutable"]
    above = {"/".join(k["path"]) for k in by_key["forecast/features"]["dependencyKeys"]}
    assert above == {"sales/cleaned", "prices/cleaned"}
    below = {"/".join(k["path"]) for k in by_key["sales/cleaned"]["dependedByKeys"]}
    assert "forecast/features" in below


def test_what_lands_in_one_trains_the_model_of_the_other(served: Served) -> None:
    before = served.held("forecast/candidate")
    # Both sensors see their files at once: whichever run is first, the end is the same.
    put(served.projects, "sales", LATER, sales(LATER))
    put(served.projects, "prices", LATER, prices(LATER))
    served.until(lambda: served.held("forecast/features", LATER))
    served.until(lambda: served.held("forecast/candidate") != before)
    served.until(served.idle)
    with served.projects.shell.dagster() as instance:
        runs = instance.get_runs()
    assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}
    chosen = [{key.path[0] for key in run.asset_selection or ()} for run in runs]
    assert all(groups <= {"sales"} or groups <= {"prices", "forecast"} for groups in chosen)
    digests = served.projects.shell.digests()
    assert served.projects.site.json("run")["executed"] == []
    assert served.projects.shell.json("run")["executed"] == []
    assert served.projects.shell.digests() == digests
    assert versions(served.projects.shell) == digests


def test_one_project_alone_has_the_other_as_a_stub(tmp_path: Path) -> None:
    with street(tmp_path, "sales") as projects:
        for month in MONTHS[:1]:
            projects.shop.land("sales", month)
        projects.clean()
        graph = definitions(projects.toy.planner()).resolve_asset_graph()
        assert graph.get(FEATURES).parent_keys == {SALES, dg.AssetKey(["prices", "cleaned"])}
        assert not graph.get(SALES).is_executable
        assert SALES not in graph.executable_asset_keys
        theirs = definitions(projects.shop.planner()).resolve_asset_graph()
        assert theirs.executable_asset_keys & graph.executable_asset_keys == set()


def test_commands_say_whose_it_is(tmp_path: Path) -> None:
    with street(tmp_path, "sales") as projects:
        shop, site = projects.shell, projects.site
        answer = site("plan", code=2)
        assert "no project 'shop' on this home and environment" in answer.err
        for month in MONTHS[:2]:
            projects.shop.land("sales", month)
        assert shop.json("run")["success"]
        for month in MONTHS[:2]:
            projects.toy.land("prices", month)
        cell = f"forecast/features@{MONTHS[0]}"
        assert "never materialized" in site("why", cell).out
        assert site.json("run")["success"]
        for words in (
            ("land", "sales", "x.csv"),
            ("land", "shop:sales", "x.csv"),
            ("withdraw", "shop:sales", "--batch", MONTHS[0], "--reason", "x"),
            ("run", "sales/cleaned"),
            ("run", "shop:sales/cleaned"),
            ("forget", "shop:sales", "--key", "sale=1", "--reason", "x"),
        ):
            assert "sales is a dataset of project shop" in site(*words, code=2).err
        assert (
            "in the folder of shop: ml-assets new model"
            in site("new", "model", "m", "--dataset", "shop:sales", "--target", "units", code=2).err
        )
        (first, *_) = site.json("lineage", "forecast/features@2020-01")["nodes"]
        assert f"sales/cleaned@{MONTHS[0]}:v0" in first["inputs"]
        names = {node["name"] for node in site.json("lineage", cell)["nodes"]}
        assert f"sales/landing@{MONTHS[0]}:v0" in names
        assert site.json("versions", "sales/cleaned", "--partition", MONTHS[0])
        shop("withdraw", "sales", "--batch", MONTHS[0], "--reason", "wrong")
        assert shop.json("run")["success"]
        assert "run, input shop:sales " in site("why", cell).out
        assert "reads shop:sales" in site("status").out
        projects.toy.edit(FORECAST, "shop:sales", "shop:sold")
        assert "project shop has no dataset 'sold'" in site("plan", code=2).err
