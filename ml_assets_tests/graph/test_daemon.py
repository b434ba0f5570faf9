"""The reconcile sensor under the real daemon, with real files and a real code server."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import select

from ml_assets.store.state import processes
from ml_assets_tests import warm
from ml_assets_tests.cli.shell import Site, answer_of
from ml_assets_tests.graph import events
from ml_assets_tests.graph.daemon import Daemon, running
from ml_assets_tests.prepared import prepared_site
from ml_assets_tests.projects import prices, sales

pytestmark = pytest.mark.slow

FEATURES = "toy/defs/forecast/features.py"
RISE = '"rise": price - before}'
NEW = '"rise": 1000.0 + price}'
RETURN = "    price = price_of(sales, prices)\n"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Give a daemon for all tests, as it takes long to start; each goes on from what it finds."""
    with prepared_site(tmp_path_factory, "daemon") as site, running(site) as daemon:
        yield daemon


@pytest.fixture
def before(daemon: Daemon) -> list[str]:
    """Give the runs so far, all of which have ended: a test leaves nothing to do."""
    return [run.run_id for run in daemon.ended(1)]


def put(site: Site, dataset: str, month: str, content: bytes) -> Path:
    """Put a file into the landing folder as `cp` does."""
    path = site.home / "landing" / dataset / f"{dataset}-{month}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def candidate(site: Site) -> str:
    """Return the digest of the candidate."""
    return str(site.json("status", "forecast")["candidate"]["digest"])


def new_runs(daemon: Daemon, before: list[str], count: int = 1) -> list[str]:
    """Wait until there are new runs, all have ended and nothing is left to do."""
    runs = daemon.ended(len(before) + count)
    daemon.settled(max(daemon.instance.get_run_record_by_id(r.run_id).end_time for r in runs))
    found = [run for run in daemon.ended(1) if run.run_id not in before]
    assert len(found) == count, daemon.state()
    return [run.status.value for run in found]


def test_files_wait_while_paused_and_are_one_run_once_the_last_is_written(
    daemon: Daemon, before: list[str]
) -> None:
    site = daemon.site
    held = candidate(site)
    site("pause")
    begun = time.time()
    put(site, "prices", "2020-07", prices("2020-07"))
    daemon.skipped("paused; `ml-assets resume` starts it again", begun)
    assert [run.run_id for run in daemon.runs()] == before

    whole, half = sales("2020-07"), len(sales("2020-07")) // 2
    path = put(site, "sales", "2020-07", whole[:half])
    site("resume")
    begun = time.time()
    while not any("sales-2020-07.csv is still being written" in s for s in daemon.skips(begun)):
        time.sleep(1.0)
        assert time.time() < begun + 60
        path.write_bytes(whole[: half + int(time.time() - begun)])
    path.write_bytes(whole)
    assert new_runs(daemon, before) == ["SUCCESS"]
    assert site.json("versions", "sales/raw", "--partition", "2020-07")[0]["rows"] == 30
    assert events.versions(site) == site.digests()
    assert candidate(site) != held


def test_a_killed_run_is_not_repeated_at_once_and_the_next_goes_on_with_the_new_code(
    daemon: Daemon, before: list[str]
) -> None:
    site, held = daemon.site, candidate(daemon.site)
    slow = "    import time\n\n    time.sleep(60)\n" + RETURN
    site.toy.edit(FEATURES, RISE, NEW)
    site.toy.edit(FEATURES, RETURN, slow)
    run = daemon.until(lambda: next((r for r in daemon.runs() if r.run_id not in before), None))

    def process() -> int | None:
        with site.store() as home, home.state.read() as db:
            row = db.execute(
                select(processes).where(processes.c.run_id == run.run_id)
            ).one_or_none()
        return None if row is None else row.pid

    pid = daemon.until(process)
    daemon.until(lambda: _steps(daemon, run.run_id))
    begun = time.time()
    os.kill(pid, signal.SIGKILL)
    daemon.until(lambda: daemon.instance.get_run_by_id(run.run_id).is_finished)
    assert daemon.instance.get_run_by_id(run.run_id).status.value == "FAILURE"
    said = daemon.skipped("failed once", begun)
    assert re.match(r"failed once; the next attempt is in \d+ s", said)
    site.toy.edit(FEATURES, slow, "    assert True\n" + RETURN)
    assert new_runs(daemon, [*before, run.run_id]) == ["SUCCESS"]
    assert candidate(site) != held
    assert events.versions(site) == site.digests()
    with site.store() as home:
        features = home.records.current("dev", "forecast/features", "2020-03")
        assert features is not None
        table = home.objects.table(features.outputs["features"].digest)
    # Prices of March are 3, 4, 5.
    assert set(table["rise"].to_pylist()) == {1003.0, 1004.0, 1005.0}


def _steps(daemon: Daemon, run_id: str) -> list[str | None]:
    """Return the steps that a run has begun."""
    logged = daemon.instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_START)
    return [entry.step_key for entry in logged]


def test_the_same_bytes_again_and_a_comment_are_nothing(daemon: Daemon, before: list[str]) -> None:
    begun = time.time()
    put(daemon.site, "sales", "2020-05", sales("2020-05"))
    daemon.site.toy.edit(FEATURES, RETURN, RETURN + "    # in the currency of the shop\n")
    daemon.skipped("nothing to do", begun)
    assert [run.run_id for run in daemon.runs()] == before


def test_the_command_and_the_daemon_at_the_same_moment(daemon: Daemon, before: list[str]) -> None:
    site = daemon.site
    put(site, "sales", "2020-08", sales("2020-08"))
    put(site, "prices", "2020-08", prices("2020-08"))
    with warm.python():
        command = site.start("run", "--json")
        daemon.until(lambda: len(daemon.runs()) > len(before))
        other = site.start("run", "--json")
    answers = [answer_of(process).document for process in (command, other)]
    daemon.settled(time.time())
    runs = [run for run in daemon.ended(1) if run.run_id not in before]
    assert {run.status.value for run in runs} == {"SUCCESS"}
    made = set(_makers(site, "2020-08"))
    assert len(made) == 1, answers
    assert made <= {run.run_id for run in runs}
    assert all(answer["success"] for answer in answers)


def _makers(site: Site, batch: str) -> Iterator[str | None]:
    """Yield the run that made each version of a batch."""
    for asset in ("sales/raw", "sales/cleaned", "forecast/features"):
        for version in site.json("versions", asset, "--partition", batch):
            yield version["run_id"]


def test_a_new_dataset_with_a_wrong_spec_is_said_then_loaded_and_materialized(
    daemon: Daemon, before: list[str]
) -> None:
    site = daemon.site
    folder = site.root / "toy" / "defs" / "shops"
    folder.mkdir()
    landing = site.home / "landing" / "shops"
    landing.mkdir()
    (landing / "shops.csv").write_text("store,size\nnorth,10\nsouth,20\n")
    spec = (
        "type: ml_assets.TabularDataset\n\nattributes:\n  description: The stores.\n"
        "  landing: {pattern: 'shops\\.csv'}\n  key: [store]\n"
        "  columns:\n    store: {type: category, nullable: false}\n    size: {type: integer}\n"
    )
    (folder / "defs.yaml").write_text(spec.replace("columns", "colums"))
    daemon.reload()
    begun = time.time()
    # The location was loaded from the wrong spec, and is loaded again once that is mended.
    assert "did you mean 'columns'" in daemon.skipped("cannot plan", begun)
    assert [run.run_id for run in daemon.runs()] == before
    (folder / "defs.yaml").write_text(spec)
    assert new_runs(daemon, before) == ["SUCCESS"]
    assert site.json("versions", "shops/cleaned")[0]["rows"] == 2
    assert events.versions(site) == site.digests()
    assert json.dumps(daemon.skips(begun)).count("reloading the definitions") == 1
