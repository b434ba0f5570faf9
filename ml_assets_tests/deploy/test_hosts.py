"""compose.yaml on hosts of its own for each service: what is lost, killed or cut off there.

The processes are compose.yaml's, with its commands, environment, order, users, volumes and
networks; `hosts` says how. Only the read-only webserver is left out, which `test_login` starts.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from ml_assets.graph.workers import FILLING
from ml_assets_tests import processes
from ml_assets_tests.cli.shell import Site, toy_site
from ml_assets_tests.deploy.hosts import Hosts, until, why_not
from ml_assets_tests.deploy.pages import PASSWORDS, Pages
from ml_assets_tests.projects import MONTHS, prices, sales, write_project

WHY_NOT = why_not()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(WHY_NOT), reason=str(WHY_NOT))]

ORDER = ("postgres", "s3", "scheduler", "mlflow", "code", "daemon", "webserver", "predictions")
SERVICES = {name: name for name in (*ORDER, "proxy")} | {"near": "worker", "far": "worker"}
"""Host -> service: Dask has a worker on each of two."""
DELIVERIES = (MONTHS, ("2020-07",))
"""The months that land together; each is a new candidate."""
CONTENT = {"sales": sales, "prices": prices}
ASKED = """
import json
from ml_assets.workspace import locate

home = locate().open_home()
held = [cell for cell in home.records.all_current(home.env) if "/release" not in cell[0]]
print(json.dumps({
    "versions": {"@".join(c): [v.digest for v in home.records.versions(*c)] for c in held},
    "champion": home.promotions.champion(home.env, "forecast").version,
    "log": [[e.action, e.version, e.digest] for e in home.promotions.entries(home.env, "forecast")],
}))
home.close()
"""
"""What a home holds; a release holds its home's entries of the promotion log."""
OPEN = {"QUEUED", "NOT_STARTED", "STARTING", "STARTED"}
SOME = 3
"""Actions after which a run is well under way."""
RUNS = json.dumps({"query": "{runsOrError{... on Runs{results{runId status}}}}"})


class Deployed:
    """What a person sees of the hosts, and brings to them."""

    def __init__(self, hosts: Hosts) -> None:
        self.hosts = hosts
        address = hosts.address("proxy", "outside")
        root = hosts.folder / "volumes/proxy/caddy/pki/authorities/local/root.crt"
        self.pages = Pages(8443, root, address)

    def land(self, months: tuple[str, ...]) -> None:
        """Put each dataset's files of some months where the sensor takes them from."""
        for dataset, content in CONTENT.items():
            folder = self.hosts.folder / "landing" / dataset
            folder.mkdir(exist_ok=True)
            for month in months:
                (folder / f"{dataset}-{month}.csv").write_bytes(content(month))

    def ask(self, site: str, path: str, body: str | None = None) -> Any:
        """Ask a page behind the login, as an operator."""
        with self.hosts.outside():
            status, text = self.pages.ask("olga", site, path, body)
        assert status == 200, text
        return json.loads(text)

    def runs(self) -> list[str]:
        """Return what became of all runs, oldest first; none while Postgres does not answer."""
        with self.hosts.outside():
            status, text = self.pages.ask("olga", "dagster", "/graphql", RUNS)
        found = json.loads(text)["data"]["runsOrError"]["results"] if status == 200 else []
        return [run["status"] for run in reversed(found)]

    def actions(self) -> int:
        """Return how many actions are recorded."""
        words = ["psql", "-qAth", "/tmp", "-U", "ml_assets", "-c"]
        done = self.hosts.running["postgres"].ask(*words, "SELECT count(*) FROM actions", "state")
        return int(done.stdout or 0)

    def midway(self, before: int) -> bool:
        """Return whether a run is at work on Dask, and some results are there."""
        words = (one.cmdline() for one in psutil.Process().children(recursive=True))
        try:
            working = any(FILLING in command for command in words)
        except psutil.Error:
            return False
        return working and self.actions() > before + SOME

    def until_made(self, count: int) -> list[str]:
        """Wait until so many candidates are decided on by runs that went well; return the runs."""

        def found() -> bool:
            runs = self.runs()
            well = OPEN.isdisjoint(runs) and runs[-1:] == ["SUCCESS"]
            return well and len(self.state()["log"]) == count

        daemon = self.hosts.running["daemon"]
        until(found, 1.0, lambda: f"{self.runs()} {self.said()[-2000:]} {daemon.said()[-2000:]}")
        return self.runs()

    def state(self) -> dict[str, Any]:
        """Return what the home holds."""
        done = self.hosts.running["code"].ask("python", "-c", ASKED)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def said(self) -> str:
        """Return the log of what workers did."""
        path = self.hosts.folder / "volumes/home/environments/prod/logs/workers.log"
        return path.read_text() if path.exists() else ""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one machine without any server makes of the same deliveries."""
    root = tmp_path_factory.mktemp("alone")
    with toy_site(root / "project") as site:
        for months in DELIVERIES:
            _land(site, root, months)
            assert site.json("run")["success"]
        with processes.environment({**site.environ(), "PYTHONPATH": str(processes.ROOT)}):
            found: dict[str, Any] = json.loads(processes.run(ASKED, cwd=site.root))
    return found


def _land(site: Site, folder: Path, months: tuple[str, ...]) -> None:
    for dataset, content in CONTENT.items():
        for month in months:
            file = folder / f"{dataset}-{month}.csv"
            file.write_bytes(content(month))
            site("land", dataset, file)


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[Deployed]:
    """Start everything, with one operator and the toy project."""
    # Where user 10001 can read it, as in the folder of a person's clone.
    folder = tmp_path / "deploy"
    hosts = Hosts(folder, {"MODULE": "toy", "WORKERS": "1"})
    write_project(folder / "project")
    subprocess.run(
        ["bash", folder / "user.sh", "operators", "olga"],
        input=f"{PASSWORDS['olga']}\n",
        text=True,
        env={**os.environ, "CADDY": "caddy"},
        check=True,
    )
    with hosts.open():
        hosts.start(SERVICES)
        yield Deployed(hosts)
    shutil.rmtree(folder)


def test_nothing_is_lost_and_nothing_is_made_twice(
    alone: dict[str, Any], deployed: Deployed
) -> None:
    running = deployed.hosts.running
    first, second = DELIVERIES

    # A worker's host dies, and starts again.
    deployed.land(first)
    until(lambda: deployed.midway(0))
    came = _registered(deployed, "near")
    running["near"].kill()
    assert deployed.until_made(1) == ["SUCCESS"]
    (made,) = re.findall(r"workers made (\d+) actions", deployed.said())
    assert int(made) > SOME
    until(lambda: _registered(deployed, "near") > came)

    # The other's is cut off, and Postgres restarts: the run fails, and the next one goes on.
    before, came = deployed.actions(), _registered(deployed, "far")
    deployed.land(second)
    until(lambda: deployed.midway(before))
    running["far"].cut()
    running["postgres"].kill(signal.SIGINT)
    running["postgres"].ready()
    runs = deployed.until_made(2)
    assert set(runs) <= {"SUCCESS", "FAILURE"}
    running["far"].cut("up")
    until(lambda: _registered(deployed, "far") > came)

    assert deployed.state() == alone
    assert running["code"].ask("ml-assets", "plan", "--json").stdout.count('"run": []') == 1
    asked = "/ajax-api/2.0/mlflow/model-versions/search?filter=name%3D%27forecast-prod%27"
    published = deployed.ask("mlflow", asked)["model_versions"]
    assert sorted(version["version"] for version in published) == ["1", "2"]
    (model,) = deployed.ask("models", "/v1/models")["models"]
    answer = deployed.ask(
        "models", f"/v1/models/{model['name']}/predict", json.dumps(model["example"])
    )
    assert answer["version"] == f"v{alone['champion']}"


def _registered(deployed: Deployed, name: str) -> int:
    """Return how often the worker of a host came to the scheduler."""
    said = deployed.hosts.running["scheduler"].said()
    address = deployed.hosts.address(name, "inside")
    return said.count(f"Register worker addr: tls://{address}:")
