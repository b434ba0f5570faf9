"""Servers that end with whoever started them: real processes, killed in every way."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from ml_assets.cli.tied import Tied, end, start
from ml_assets.startup import process_environment
from ml_assets_tests import processes

PATIENCE = 60.0
PARENT = """
import sys
from pathlib import Path
from ml_assets.cli.tied import start
from ml_assets.startup import process_environment
start("server", ["sh", "-c", sys.argv[2]], process_environment(), Path(sys.argv[1], "log"), None)
print("started", flush=True)
sys.stdin.read()
"""
FAMILY = "sleep {0} & setsid sleep {0} & setsid sh -c 'sleep {0} & sleep {0}' & sleep {0}"
"""A server of six processes: two sessions and an orphan-to-be are beside its own."""


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[str]:
    """Give seconds to sleep by which a test's own processes are known; none is left behind."""
    seconds = f"1000.{abs(hash(tmp_path)) % 10**9}"
    yield seconds
    for process in _asleep(seconds):
        process.kill()


def _asleep(seconds: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        if process.info["cmdline"] == ["sleep", seconds]:
            found.append(process)
    return found


def _until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _started(tmp_path: Path, script: str) -> Tied:
    return start("server", ["sh", "-c", script], process_environment(), tmp_path / "log", tmp_path)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_server_ends_with_its_parent_however_that_ends(
    tmp_path: Path, mark: str, how: signal.Signals
) -> None:
    parent = processes.start(PARENT, tmp_path, FAMILY.format(mark))
    assert parent.stdout is not None
    assert parent.stdout.readline() == "started\n"
    _until(lambda: len(_asleep(mark)) == 5)
    parent.send_signal(how)
    parent.communicate()
    _until(lambda: not _asleep(mark))


def test_ending_waits_until_nothing_is_left(tmp_path: Path, mark: str) -> None:
    server = _started(tmp_path, FAMILY.format(mark))
    _until(lambda: len(_asleep(mark)) == 5)
    end([server])
    assert _asleep(mark) == []


def test_what_a_server_left_behind_ends_with_it_and_its_code_is_told(
    tmp_path: Path, mark: str
) -> None:
    server = _started(tmp_path, f"setsid sleep {mark} & echo said; exit 3")
    assert server.process.wait(PATIENCE) == 3
    end([server])
    assert _asleep(mark) == []
    assert (tmp_path / "log").read_text() == "said\n"


def test_a_server_ends_when_what_ties_it_is_killed(tmp_path: Path, mark: str) -> None:
    server = _started(tmp_path, f"exec sleep {mark}")
    _until(lambda: len(_asleep(mark)) == 1)
    server.process.kill()
    _until(lambda: not _asleep(mark))
    end([server])


@pytest.mark.slow
def test_what_does_not_end_when_asked_is_killed(tmp_path: Path, mark: str) -> None:
    deaf = f"import signal, time; signal.signal({signal.SIGTERM:d}, signal.SIG_IGN); "
    words = [sys.executable, "-c", f"{deaf}print('deaf', flush=True); time.sleep({mark})"]
    server = start("deaf", words, process_environment(), tmp_path / "log", tmp_path)
    _until(lambda: (tmp_path / "log").read_text() == "deaf\n")
    (process,) = psutil.Process(server.process.pid).children()
    end([server])
    assert not process.is_running()
