"""history, champion, promote, rollback: on a project whose second candidate was decided."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from mlflow import MlflowClient

from ml_assets.store.home import Home
from ml_assets_tests import warm
from ml_assets_tests.cli.shell import Shell, Site
from ml_assets_tests.prepared import prepared_site
from ml_assets_tests.processes import ROOT

BOB = {"ML_ASSETS_ACTOR": "bob@den"}


@pytest.fixture
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a project with two candidates; the second was promoted."""
    with prepared_site(tmp_path_factory, "promotions", _second) as site:
        yield site


def _second(site: Site) -> None:
    site.toy.land_all(["2020-07"])
    assert site.json("run")["success"]


def _champion(site: Shell) -> str:
    """Return the champion, on which the log, MLflow's alias and Dagster's page agree."""
    with site.store() as home:
        found = home.promotions.champion("dev", "forecast")
        assert found is not None
        uri = f"sqlite:///{home.folder / 'mlflow' / 'mlflow.db'}"
    version = MlflowClient(uri, uri).get_model_version_by_alias("forecast-dev", "champion")
    assert version.tags["ml_assets.version"] == f"v{found.version}"
    with site.dagster() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["forecast", "champion"]))
    assert event is not None
    assert event.asset_materialization is not None
    told = str(event.asset_materialization.metadata["champion"].value)
    assert told.split()[0].rstrip(",") == f"v{found.version}"
    assert f"entry {found.entry})" in told
    return f"v{found.version}"


def test_each_candidate_was_decided_once(two: Site) -> None:
    entries = two.json("history", "forecast")["entries"]
    assert [(e["number"], e["version"]) for e in entries] == [(1, 0), (2, 1)]
    assert entries[0]["action"] == "promoted"
    assert entries[0]["previous"] is None
    assert "the first model" in entries[0]["reason"]
    assert entries[1]["previous"]["version"] == 0
    assert entries[1]["evidence"]["against"] == entries[0]["digest"]
    with two.store() as home:
        for entry in entries:
            decision = home.objects.json(entry["evidence"]["decision"])
            assert decision["sentence"] == entry["reason"]
            assert {"keys", "not_worse", "parity"} <= {rule["rule"] for rule in decision["rules"]}
    again = two.json("run")
    assert again["run_id"] is None
    _champion(two)


def test_promote_rollback_hold_and_again(two: Site) -> None:
    assert _champion(two) == "v1"
    rolled = two.json("rollback", "forecast", "--reason", "complaints")
    assert (rolled["action"], rolled["version"], rolled["previous"]["version"]) == (
        "rolled_back",
        0,
        1,
    )
    assert {check["name"]: check["passed"] for check in rolled["parity"]}["http"] is True
    assert _champion(two) == "v0"
    status = two.json("status", "forecast")
    assert status["champion"].startswith("v0, back from v1, ")
    assert status["held"] == "v1"
    assert status["candidate"]["decision"].startswith("v1 promoted ")
    assert f"  {status['candidate']['decision']}\n" in two("status", "forecast").out
    # The tick after a rollback promotes nothing: there is nothing to do.
    assert two.json("plan")["run"] == []
    assert two.json("run")["executed"] == [], "the release of v0 is shown again"
    assert _champion(two) == "v0"
    two("promote", "forecast", "v1", "--reason", "it was something else")
    assert _champion(two) == "v1"
    assert two.json("status", "forecast")["held"] is None


def test_champion_at_a_time_and_export(two: Site, tmp_path: Path) -> None:
    first = two.json("history", "forecast")["entries"][0]
    assert two.json("champion", "forecast", "--at", first["at"])["champion"]["version"] == 0
    assert two.json("champion", "forecast", "--at", "2020-01-01T12:00")["champion"] is None
    assert "had no champion" in two("champion", "forecast", "--at", "2020-01-01T12:00").out
    file = tmp_path / "log.jsonl"
    assert "hash chain intact" in two("history", "forecast", "--export", file).out
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert lines == two.json("history", "forecast")["entries"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("history", "forcast"), "did you mean 'forecast'"),
        (("champion", "forecast", "--at", "noon"), "wanted e.g. 2026-03-01T12:00"),
        (("promote", "forecast", "v11", "--reason", "x"), "did you mean 'v1'"),
        (("promote", "forecast", "v0", "--reason", " "), "--reason is empty"),
        (("rollback", "forecast", "--to", "v7", "--reason", "x"), "available: v0, v1"),
        (("rollback", "forecast", "--to", "v1", "--reason", "x"), "is already the champion"),
    ],
)
def test_a_wrong_request(two: Site, words: tuple[str, ...], said: str) -> None:
    before = two.json("history", "forecast")["entries"]
    answer = two(*words, code=2)
    assert said in answer.err
    assert two.json("history", "forecast")["entries"] == before


def test_a_target_that_lost_an_object_is_not_served(two: Site) -> None:
    with two.store() as home:
        model = home.records.versions("forecast/candidate")[0].outputs["model"].digest
        path = Path(home.objects.path(model))
    content = path.read_bytes()
    path.unlink()
    answer = two("rollback", "forecast", "--reason", "x", code=1)
    assert "forecast v0 does not load" in answer.err
    path.write_bytes(content)
    assert _champion(two) == "v1"


def test_mlflow_out_of_reach_is_made_up_for(two: Site) -> None:
    database = two.home / "environments" / "dev" / "mlflow" / "mlflow.db"
    content = database.read_bytes()
    database.write_bytes(b"not a database" * 100)
    answer = two("rollback", "forecast", "--reason", "in a hurry", code=1)
    assert "the promotion log has it, but it is not shown everywhere yet" in answer.err
    assert two.json("champion", "forecast")["champion"]["version"] == 0
    database.write_bytes(content)
    assert two.json("plan")["publish"] == ["forecast/champion", "forecast/release"]
    assert two.json("run")["success"]
    assert _champion(two) == "v0"
    assert two.json("run")["run_id"] is None


def test_two_at_once_one_wins(two: Site) -> None:
    """Both have looked at the champion before either writes; the second is told."""
    two("rollback", "forecast", "--reason", "complaints")
    with warm.python():
        both = [two.start("promote", "forecast", "v1", "--reason", who) for who in ("a", "b")]
    ended = [(p.communicate(timeout=240), p.returncode) for p in both]
    codes = sorted(code for _, code in ended)
    assert codes[0] == 0
    assert codes[1] in (1, 2)
    (_, said), _ = next(item for item in ended if item[1] == codes[1])
    assert "the champion is now v1" in said or "is already the champion" in said
    assert _champion(two) == "v1"


@pytest.mark.slow
def test_killed_before_every_write_all_agree_after_one_more_run(two: Site) -> None:
    assert _champion(two) == "v1"
    lines = _killed(two, "command")
    assert {line["at"] for line in lines} >= {
        "append",
        "_write",
        "set_registered_model_alias",
        "set_model_version_tag",
        "update_model_version",
        "report_runless_asset_event",
        "mark_shown",
    }
    for line in lines:
        assert line["ended"] == (0 if line is lines[-1] else signal.SIGKILL), line
        assert line["log"] == line["mlflow"] == line["dagster"], line
        assert not line["left"], line
        # Before the log was written nothing is unfinished; afterwards the plan knows.
        assert line["unfinished"] == (line["at"] not in {"append", "_write"} and line["ended"] != 0)


@pytest.mark.slow
def test_a_run_that_is_killed_before_every_write_replaces_the_champion_once(two: Site) -> None:
    """In another environment, in which all is reused and v1 was not decided."""
    assert two.json("run", "+forecast/evaluation_report", env="prod")["success"]
    two.json("promote", "forecast", "v0", "--reason", "the first", env="prod")
    *runs, said = _killed(two, "run", "prod")
    # Dagster is told again until it is noted that it was told; nothing else is written twice.
    begins = {"_write": "append", "mark_shown": "handle_new_event"}
    for before, run in pairwise(runs):
        assert before["ended"] == signal.SIGKILL
        assert [*run["wrote"], run["at"]][0] == begins.get(before["at"], before["at"]), runs
    assert runs[-1]["ended"] == 0
    assert {run["at"] for run in runs} >= {
        "append",
        "_write",
        "set_registered_model_alias",
        "set_model_version_tag",
        "handle_new_event",
        "mark_shown",
    }
    assert said["log"] == said["mlflow"] == said["dagster"] == "v1 2"
    assert said["moved"] == [0, 1]
    assert not said["left"]


def _killed(shell: Shell, what: str, env: str = "dev") -> list[dict[str, Any]]:
    """Return what is so after each promotion that was killed."""
    done = subprocess.run(
        [sys.executable, "-m", "ml_assets_tests.graph.killed_promotion", what, "forecast"],
        cwd=shell.root,
        env={**shell.environ(env), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_an_edited_log_is_named_and_nothing_is_promoted(two: Site) -> None:
    with sqlite3.connect(two.home / "state.db") as db:
        db.execute("update promotions set actor = 'eve' where number = 2")
    db.close()
    for words in (("history", "forecast"), ("champion", "forecast")):
        assert "broken at entry 2" in two(*words, code=1).err
    assert "broken at entry 2" in two("status", "forecast").out
    answer = two("promote", "forecast", "v0", "--reason", "x", code=1)
    assert "broken at entry 2" in answer.err
    home = Home(two.home, "dev")
    found = home.promotions.champion("dev", "forecast")
    home.close()
    assert found is not None
    assert found.version == 1


def test_a_database_damaged_in_the_middle_is_no_traceback(two: Site) -> None:
    """It opens; the pages that are read then are not what they were."""
    state = two.home / "state.db"
    with sqlite3.connect(state) as db:
        db.execute("pragma wal_checkpoint(truncate)")
        (page,) = db.execute(
            "select rootpage from sqlite_master where name = 'promotions'"
        ).fetchone()
        (size,) = db.execute("pragma page_size").fetchone()
    db.close()
    content = bytearray(state.read_bytes())
    content[(page - 1) * size : page * size] = b"\x99" * size
    state.write_bytes(content)
    answer = two("history", "forecast", code=2)
    assert f"{state} cannot be used: database disk image is malformed" in answer.err
    assert "restore it from a copy" in answer.err
