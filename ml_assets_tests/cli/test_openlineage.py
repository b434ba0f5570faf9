"""OpenLineage events of runs, where a file or an endpoint is configured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_assets.adapters.openlineage import TARGET, tell_run
from ml_assets.assets.cells import Cell
from ml_assets.engine.make import Progress
from ml_assets_tests.cli.shell import Site
from ml_assets_tests.prepared import made_site

RUN = "6f1c1e9e-38a3-4a3c-8a44-0f7dbd9e3a11"
RAW = Cell("sales/raw", "2020-01")


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a project in which one batch of sales was made."""
    with made_site(tmp_path_factory, "openlineage", _make) as site:
        yield site


def _make(site: Site) -> None:
    site.toy.land("sales", "2020-01")
    assert not site.toy.make("sales/raw").faults


def events(path: Path) -> list[Any]:
    """Return the events of a file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_run_sends_what_it_executed(site: Site, tmp_path: Path) -> None:
    target = tmp_path / "events.jsonl"
    site.more[TARGET] = str(target)
    answer = site.json("run", "sales/raw", "--force")
    begun, done = events(target)
    assert (begun["eventType"], done["eventType"]) == ("START", "COMPLETE")
    assert done["run"]["runId"] == begun["run"]["runId"]
    assert done["run"]["facets"]["parent"]["run"]["runId"] == answer["run_id"]
    assert done["job"]["name"] == "sales/raw"
    assert [item["name"] for item in done["inputs"]] == ["sales/landing@2020-01"]
    (output,) = done["outputs"]
    assert output["name"] == "sales/raw@2020-01"
    assert output["facets"]["version"]["datasetVersion"] == site.digests()["sales/raw@2020-01"]
    # Nothing runs, nothing is sent.
    site("run", "sales/raw")
    assert len(events(target)) == 2


def test_an_endpoint_that_fails_is_said_and_fails_nothing(site: Site) -> None:
    site.more[TARGET] = "http://127.0.0.1:1"
    answer = site.json("run", "sales/raw", "--force")
    assert answer["success"]
    assert answer["executed"] == ["sales/raw@2020-01"]
    (said,) = answer["warnings"]
    assert "cannot be sent to http://127.0.0.1:1" in said
    with site.dagster() as instance:
        logged = [entry.user_message for entry in instance.all_logs(answer["run_id"])]
    assert said in logged
    assert "cannot be sent" in " ".join(site("run", "sales/raw", "--force").err.split())


def test_what_failed_is_told_with_its_reason(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "events.jsonl"
    monkeypatch.setenv(TARGET, str(target))
    planner = site.toy.planner()
    told = [
        Progress(RAW, "executed", 0.5),
        Progress(Cell("sales/cleaned", "2020-01"), "failed", 2.0, "checks.py: no"),
        Progress(Cell("sales/raw", "2020-02"), "reused", 0.0),
    ]
    assert tell_run(planner, told, RUN) is None
    found = events(target)
    assert [(e["job"]["name"], e["eventType"]) for e in found] == [
        ("sales/raw", "START"), ("sales/raw", "COMPLETE"),
        ("sales/cleaned", "START"), ("sales/cleaned", "FAIL"),
    ]  # fmt: skip
    assert found[3]["run"]["facets"]["errorMessage"]["message"] == "checks.py: no"
    assert found[3]["run"]["runId"] == found[2]["run"]["runId"] != found[1]["run"]["runId"]
    # Told again, the same runs.
    assert tell_run(planner, told, RUN) is None
    assert [e["run"]["runId"] for e in events(target)[4:]] == [e["run"]["runId"] for e in found]


@pytest.mark.parametrize(("target", "said"), [("ftp://x", "wanted a file"), ("", None)])
def test_where_nothing_can_be_sent(
    site: Site, target: str, said: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TARGET, target)
    problem = tell_run(site.toy.planner(), [Progress(RAW, "executed", 0.5)], RUN)
    assert problem is None if said is None else said in str(problem)
