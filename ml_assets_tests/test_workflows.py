"""The workflows and their scripts: each step is a file that runs here as it does there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ml_assets_tests import warm
from ml_assets_tests.cli.shell import Shell
from ml_assets_tests.prepared import prepared_site
from ml_assets_tests.processes import ROOT
from scripts.comment import comment

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SCRIPTS = sorted([*(ROOT / "scripts").glob("*.sh"), *(ROOT / ".ci").iterdir()])
INTO_SHELL = re.compile(r"\$\{\{")
RUNS = re.compile(r"(\.ci|scripts)/[\w./-]+")


def _jobs(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].items()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_is_bounded_and_runs_what_is_here(path: Path) -> None:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    # YAML 1.1 takes a bare `on` for true.
    assert {str(key) for key in document} == {"name", "True", "permissions", "concurrency", "jobs"}
    assert document["permissions"] == {"contents": "read"}
    for name, job in _jobs(path):
        assert job["timeout-minutes"] <= 120, name
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step), step
            if "uses" in step:
                assert re.fullmatch(r"actions/[\w/-]+@v\d+", step["uses"]), step
                continue
            # What somebody may write into a title or a branch name never becomes shell.
            assert not INTO_SHELL.search(step["run"]), step
            for script in RUNS.finditer(step["run"]):
                assert os.access(ROOT / script.group(), os.X_OK), script.group()
            assert "\n" not in step["run"].strip(), "put it into a script"


def test_a_pull_request_from_a_fork_is_not_asked_to_comment() -> None:
    (effect,) = (job for name, job in _jobs(WORKFLOWS[1]) if name == "effect")
    (step,) = (step for step in effect["steps"] if step.get("name") == "Comment")
    assert "head.repo.full_name == github.repository" in step["if"]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_shell_that_stops_at_a_failure(path: Path) -> None:
    subprocess.run(["bash", "-n", path], check=True)
    assert "set -euo pipefail" in path.read_text(encoding="utf-8")
    assert os.access(path, os.X_OK)


def _candidate(digest: str, family: str, **test: float) -> dict[str, Any]:
    found = {"version": "v3", "digest": digest, "family": family, "metrics": {"test": test}}
    return {"candidate": found, "waiting": []}


PLAN = {
    "run": [{"asset": "sales/cleaned@2020-01", "reason": "code: a|b <img> @me changed"}],
    "maybe": [{"asset": "forecast/features@2020-01", "reason": "depends on sales/cleaned"}],
    "reuse": [],
    "waiting": [],
}
RUN = {
    "success": True,
    "executed": ["a"],
    "reused": ["b", "c"],
    "failed": [],
    "faults": [],
    "problems": [],
}


def test_the_comment_says_plan_and_difference() -> None:
    before = {"models": {"forecast": _candidate("d1:a", "linear", mae=2.0, r2=0.5)}}
    after = {"models": {"forecast": _candidate("d1:b", "lightgbm", mae=1.5, r2=0.25)}}
    text = comment(PLAN, RUN, before, after)
    assert "**1** would run, 1 may run, 0 are reused, 0 wait." in text
    assert "| run | `sales/cleaned@2020-01` | code: a\\|b &lt;img> @\u200bme changed |" in text
    assert "The run of this change passed: 1 executed, 2 reused, 0 failed." in text
    assert "| mae | 2 | 1.5 | -0.5 (better) |" in text
    assert "| r2 | 0.5 | 0.25 | -0.25 (worse) |" in text
    assert "| family | linear | lightgbm | |" in text


def test_the_comment_without_a_difference_and_without_a_candidate() -> None:
    same = {"models": {"forecast": _candidate("d1:a", "linear", mae=2.0)}}
    text = comment({**PLAN, "run": [], "maybe": []}, RUN, same, same)
    assert "The same candidate as in production (v3, linear)." in text
    assert "<details>" not in text
    nothing = {"models": {"forecast": {"candidate": None, "waiting": ["needs 4 batches"]}}}
    failed = {**RUN, "success": False, "faults": ["sales: the disk is full"]}
    text = comment(PLAN, failed, nothing, nothing)
    assert "No candidate with this change: needs 4 batches." in text
    assert "**failed**" in text
    assert "- sales: the disk is full" in text
    first = comment(PLAN, RUN, nothing, same)
    assert "| mae | - | 2 | - |" in first


def test_a_long_plan_is_counted() -> None:
    rows = [{"asset": f"sales/raw@{n:03}", "reason": "never materialized"} for n in range(60)]
    text = comment({**PLAN, "run": rows, "maybe": []}, RUN, {"models": {}}, {"models": {}})
    assert text.count("never materialized") == 40
    assert "| … | `sales/raw` (20) | |" in text


def _ran(shell: Shell, script: str, out: Path) -> subprocess.CompletedProcess[str]:
    with warm.python():
        ml_assets = f"{sys.executable} -m ml_assets.cli.main"
    environ = {
        **shell.environ(),
        "PYTHONPATH": str(ROOT),
        "ML_ASSETS": ml_assets,
        "PYTHON": sys.executable,
    }
    words = [ROOT / "scripts" / script, out]
    return subprocess.run(words, cwd=shell.root, env=environ, text=True, capture_output=True)


@pytest.mark.slow
def test_production_then_a_change(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with prepared_site(tmp_path_factory, "workflows") as site:
        done = _ran(site, "production.sh", tmp_path / "production")
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "production" / "releases" / "forecast-v0.zip").is_file()
        status = json.loads((tmp_path / "production" / "status.json").read_text())
        assert status["models"]["forecast"]["environment"] == "prod"

        site.toy.edit(
            "toy/defs/forecast/defs.yaml", "{family: linear}", "{family: linear, alpha: 9}"
        )
        done = _ran(site, "pull_request.sh", tmp_path / "effect")
        assert done.returncode == 0, done.stderr
        text = (tmp_path / "effect" / "comment.md").read_text()
        assert re.search(r"\| run \| `forecast/candidate` \| .*family\.alpha 1\.0→9\.0", text)
        assert "executed" in text
        assert re.search(r"\| mae \| [\d.]+ \| [\d.]+ \| \+[\d.]+ \(worse\) \|", text)
        held = site.digests("prod")["forecast/candidate"]
        assert status["models"]["forecast"]["candidate"]["digest"] == held


def test_bundles_are_attached_once(tmp_path: Path) -> None:
    gh = tmp_path / "gh"
    gh.write_text('#!/bin/sh\necho "$@" >> "$0.log"\n[ "$2" = create ] || [ "$3" = forecast-v0 ]\n')
    gh.chmod(0o755)
    for name in ("forecast-v0.zip", "forecast-v1.zip", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    environ = {**os.environ, "GH": str(gh), "COMMIT": "abc"}
    subprocess.run([ROOT / "scripts" / "attach.sh", tmp_path], env=environ, check=True)
    said = (tmp_path / "gh.log").read_text().splitlines()
    assert [line.split(" --")[0] for line in said] == [
        "release view forecast-v0",
        "release view forecast-v1",
        f"release create forecast-v1 {tmp_path}/forecast-v1.zip",
    ]


def test_landing_from_a_folder(tmp_path: Path) -> None:
    (tmp_path / "source" / "sales").mkdir(parents=True)
    (tmp_path / "source" / "sales" / "sales-2020-01.csv").write_text("x")
    environ = {
        **os.environ,
        "ML_ASSETS_HOME": str(tmp_path / "home"),
        "LANDING_SOURCE": str(tmp_path / "source"),
    }
    subprocess.run([ROOT / "scripts" / "land.sh"], env=environ, check=True)
    assert (tmp_path / "home" / "landing" / "sales" / "sales-2020-01.csv").read_text() == "x"
