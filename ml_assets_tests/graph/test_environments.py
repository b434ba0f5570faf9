"""Two environments in one home, a home that was copied, and databases that were lost."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from ml_assets_tests.cli.shell import Site
from ml_assets_tests.graph import events
from ml_assets_tests.projects import MONTHS, Toy, prices


def folder(site: Site, env: str, what: str) -> Path:
    return site.home / "environments" / env / what


def registered(site: Site, env: str) -> list[tuple[str, str]]:
    """Return name and artifact folder of each registered model version in MLflow's database."""
    with sqlite3.connect(folder(site, env, "mlflow") / "mlflow.db") as db:
        rows = db.execute("select name, storage_location from model_versions").fetchall()
    db.close()
    return [(name, str(place)) for name, place in rows]


def test_a_second_environment_reuses_what_the_first_computed(site: Site) -> None:
    dev = events.runs(site)
    answer = site.json("run", env="prod")
    assert answer["success"]
    # A release carries its promotion, which is each environment's own.
    assert answer["executed"] == ["forecast/release"]
    assert {*answer["reused"], "forecast/release"} == set(site.digests("dev"))
    differ = set(site.digests("prod").items()) ^ set(site.digests("dev").items())
    assert {cell for cell, _ in differ} == {"forecast/release"}
    assert events.versions(site, env="prod") == site.digests("prod")
    assert answer["run_id"] in events.runs(site, env="prod")
    assert events.runs(site) == dev
    for env in ("dev", "prod"):
        assert site.json("status", "forecast", env=env)["candidate"]["version"] == "v0"
        assert len(registered(site, env)) == 1
    assert site.json("run", env="prod")["run_id"] is None


def test_withdrawing_and_pausing_are_each_environments_own(site: Site) -> None:
    site("run", env="prod")
    site("withdraw", "sales", "--batch", "2020-06", "--reason", "a test", env="prod")
    site("pause", env="prod")
    assert site.json("plan")["run"] == []
    plan = site.json("plan", env="prod")
    assert "sales/cleaned@2020-06" in {row["asset"] for row in plan["run"]}
    assert "is on" in site("resume", env="prod").out


def test_versions_are_numbered_across_environments(site: Site) -> None:
    site.toy.land("prices", "2020-01", prices("2020-01", extra=0.5))
    assert site.json("run", "prices/*", env="staging")["executed"]
    found = site.json("versions", "prices/cleaned", "--partition", "2020-01")
    assert [item["version"] for item in found] == ["v0", "v1"]
    site.toy.land("prices", "2020-01")
    assert site.json("run")["executed"] == []


def test_a_copied_home_works_where_it_is(site: Site, tmp_path: Path) -> None:
    # Not in this process: closing a file drops the locks that it holds on it elsewhere.
    subprocess.run(["cp", "-a", str(site.root), str(tmp_path / "copy")], check=True)
    copy = Site(Toy(tmp_path / "copy"))
    answer = copy.json("run")
    assert answer["success"]
    assert answer["executed"] == []
    assert copy.digests() == site.digests()
    assert events.versions(copy) == copy.digests()
    places = [place for _, place in registered(copy, "dev")]
    assert places
    assert all(str(copy.home) in place for place in places)
    report = Path(copy.json("status", "forecast")["candidate"]["report"])
    assert report.is_relative_to(copy.home)
    assert report.is_file()
    assert copy.json("run")["run_id"] is None


@pytest.mark.parametrize("lost", ["dagster", "mlflow"])
def test_a_database_that_was_deleted_is_shown_anew_and_the_other_stays(
    site: Site, lost: str
) -> None:
    before = site.digests()
    shutil.rmtree(folder(site, "dev", lost))
    answer = site.json("repair")
    assert answer["success"], answer["faults"]
    assert (answer["damaged"], answer["executed"]) == ([], [])
    assert set(answer["reused"]) == set(before)
    assert site.digests() == before
    assert events.versions(site) == before
    assert events.checks(site, "sales/cleaned", "contract") == dict.fromkeys(MONTHS, events.GREEN)
    assert len(registered(site, "dev")) == 1
    assert site.json("run")["run_id"] is None
