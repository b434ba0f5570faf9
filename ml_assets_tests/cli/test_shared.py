"""Two machines on one home: the state in Postgres, the objects on S3."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_assets.store.home import Home
from ml_assets.workspace import Workspace
from ml_assets_tests.cli.shell import Shell, Site, toy_site
from ml_assets_tests.processes import environment
from ml_assets_tests.projects import prices, sales
from ml_assets_tests.shared import Cluster, postgres, s3, try_objects

pytestmark = pytest.mark.slow
MONTHS = ("2020-01", "2020-02", "2020-03", "2020-04", "2020-05")
Servers = tuple[Cluster, dict[str, str]]


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with postgres() as cluster, s3() as environ:
        yield cluster, environ


@pytest.fixture(scope="module", autouse=True)
def closed(servers: Servers) -> Iterator[None]:
    """Close what commands leave open to the end of their process, which here goes on."""
    homes: list[Home] = []
    open_home = Workspace.open_home

    def kept(workspace: Workspace) -> Home:
        homes.append(open_home(workspace))
        return homes[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Workspace, "open_home", kept)
        yield
    for home in homes:
        home.close()


@pytest.fixture(scope="module")
def one(closed: None, servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The first machine; everything is made. One test changes that, and asks what it was before."""
    cluster, environ = servers
    root = tmp_path_factory.mktemp("shared")
    with toy_site(root / "project") as site:
        site.more = {
            **environ,
            "ML_ASSETS_STATE": cluster.url(),
            "ML_ASSETS_OBJECTS": "s3://team/home",
        }
        for month in MONTHS:
            for dataset, made in {"sales": sales, "prices": prices}.items():
                file = root / f"{dataset}-{month}.csv"
                file.write_bytes(made(month))
        site("land", "sales", *root.glob("sales-*"))
        site("land", "prices", *root.glob("prices-*"))
        assert site.json("run")["success"]
        yield site


@pytest.fixture
def two(one: Site, tmp_path: Path) -> Shell:
    """The second machine: the same project and settings, another folder."""
    found = Shell(one.root, tmp_path / "two")
    found.more = one.more
    return found


def test_a_second_machine_reuses_everything_and_goes_on(one: Site, two: Shell) -> None:
    for machine in (one, two):
        ran = machine.json("run")
        assert (ran["run_id"], ran["executed"], len(ran["reused"])) == (None, [], 5 * 9 + 7)
        assert "is gone" not in machine("plan").err
    assert not (one.home / "state.db").exists()
    assert not (one.home / "objects").exists()
    assert two.digests() == one.digests()

    # What one machine lands, makes and decides is there on the other.
    month = two.root / f"sales-{MONTHS[2]}.csv"
    month.write_bytes(sales(MONTHS[2], extra=1.0))
    two("land", "sales", month)
    made = two.json("run")
    assert made["success"]
    assert f"sales/cleaned@{MONTHS[2]}" in made["executed"]
    assert f"sales/cleaned@{MONTHS[3]}" in made["reused"]
    again = one.json("run")
    assert (again["executed"], again["success"]) == ([], True)
    one("promote", "forecast", "v1", "--reason", "the pilot went well")
    two("rollback", "forecast", "--reason", "complaints")
    for machine in (one, two):
        log = machine.json("history", "forecast")["entries"]
        assert [entry["action"] for entry in log][-2:] == ["promoted", "rolled_back"]


def test_settings_that_are_wrong(one: Site) -> None:
    state = "postgresql://ann:hidden@127.0.0.1:1/home"
    answer = one.process("plan", code=2, more={"ML_ASSETS_STATE": state})
    assert "postgresql://ann@127.0.0.1:1/home cannot be used" in answer.err
    assert "hidden" not in answer.err
    answer = one.process("run", code=2, more={"ML_ASSETS_OBJECTS": ""})
    assert "every machine that shares a home sets the same" in answer.err


def test_objects_on_s3(servers: Servers, tmp_path: Path) -> None:
    cluster, environ = servers
    with environment({**os.environ, **environ}):
        home = Home(tmp_path, "dev", cluster.url(), "s3://team/other")
        try_objects(home)
        home.close()
