"""Two machines on one home: the state in Postgres, the objects on S3."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_assets_tests.cli.shell import Shell, Site, toy_site
from ml_assets_tests.projects import MONTHS, prices, sales
from ml_assets_tests.shared import Cluster, postgres, s3

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Cluster, dict[str, str]]]:
    with postgres() as cluster, s3() as environ:
        yield cluster, environ


@pytest.fixture(scope="module")
def one(
    servers: tuple[Cluster, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """The first machine; everything is made."""
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


def test_a_second_machine_reuses_everything(one: Site, two: Shell) -> None:
    for machine in (one, two):
        ran = machine.json("run")
        assert (ran["run_id"], ran["executed"], len(ran["reused"])) == (None, [], 61)
        assert "is gone" not in machine("plan").err
    assert not (one.home / "state.db").exists()
    assert not (one.home / "objects").exists()
    assert two.digests() == one.digests()
