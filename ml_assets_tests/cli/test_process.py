"""Commands as processes: what they import, one document on stdout, a disk that is full."""

from __future__ import annotations

import json
import re
import resource
import signal
import subprocess
import sys

import pytest

from ml_assets_tests.cli.shell import Shell, Site, answer_of
from ml_assets_tests.processes import ROOT
from ml_assets_tests.projects import sales

HEAVY = ("dagster", "pandas", "pyarrow", "mlflow", "lightgbm", "sklearn")
LOOKING = """
import sys
from ml_assets.cli.main import app
try:
    app(sys.argv[1:])
except SystemExit as ended:
    assert not ended.code, ended.code
found = [name for name in {heavy} if name in sys.modules]
sys.stderr.write(f"heavy: {{found}}\\n")
"""


def imported(shell: Shell, *words: str) -> tuple[str, str]:
    """Run a command; return what it printed, and which heavy packages it imported."""
    done = subprocess.run(
        [sys.executable, "-c", LOOKING.format(heavy=HEAVY), *words],
        cwd=shell.root,
        env={**shell.environ(), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr.splitlines()[-1]


def test_nothing_to_do_imports_nothing_heavy(site: Site) -> None:
    out, heavy = imported(site, "run", "--json")
    assert json.loads(out)["run_id"] is None
    assert heavy == "heavy: []"


@pytest.mark.parametrize(
    "words",
    [
        ("plan", "--json"),
        ("why", "forecast/candidate", "--json"),
        ("status", "--json"),
        ("versions", "forecast/candidate", "--json"),
    ],
)
def test_looking_imports_neither_dagster_nor_mlflow(site: Site, words: tuple[str, ...]) -> None:
    out, heavy = imported(site, *words)
    json.loads(out)
    assert heavy == "heavy: []"


def test_a_run_prints_one_document_and_progress_on_stderr(site: Site) -> None:
    site.toy.land("sales", "2020-06", sales("2020-06", rows=33))
    answer = site.process("run", "--json")
    assert "sales/cleaned@2020-06" in answer.document["executed"]
    assert "sales/cleaned: 1 executed" in answer.err
    assert "Warning" not in answer.err


@pytest.mark.parametrize("size", [1, 40_000, 200_000])
def test_a_full_disk_is_said_and_the_next_run_goes_on(site: Site, size: int) -> None:
    site.toy.land("sales", "2020-06", sales("2020-06", rows=20_000 + size // 1000))
    before = site.digests()

    def full() -> None:
        # Writing past this size fails, as on a disk without space: objects and databases alike.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    answer = answer_of(site.start("run", "sales/raw", "--json", before=full), code=1)
    assert re.search(
        "File too large|disk I/O error|database or disk is full", answer.err + answer.out
    )
    assert site.digests() == before
    done = site.json("run", "sales/raw")
    assert done["success"]
    assert done["executed"] == ["sales/raw@2020-06"]


def test_a_command_outside_any_project_uses_what_is_shipped(site: Site) -> None:
    shell = Shell(site.root.parent, site.root.parent / "elsewhere")
    answer = shell.process("plan", "--json")
    assert answer.document["run"] == []
    assert "flights/raw" in answer.document["assets"]
