"""One writer at a time, across processes."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from ml_assets.errors import HomeError
from ml_assets.store.digest import bytes_digest
from ml_assets.store.lock import FolderLock, KeyLocks, writer
from ml_assets_tests import processes

HOLD = """
import sys
from pathlib import Path
from ml_assets.store.lock import FolderLock, writer

with writer(FolderLock(Path(sys.argv[1])), "run 7"):
    print("held", flush=True)
    sys.stdin.readline()
"""


def _hold(folder: Path) -> subprocess.Popen[str]:
    process = processes.start(HOLD, folder)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_told_who_holds_it(tmp_path: Path) -> None:
    other = _hold(tmp_path)
    said = f"run 7 (process {other.pid})"
    assert FolderLock(tmp_path).holder() == said
    with pytest.raises(HomeError) as caught, writer(FolderLock(tmp_path), "mine"):
        pass
    assert said in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    processes.finish(other)
    assert FolderLock(tmp_path).holder() is None
    with writer(FolderLock(tmp_path), "mine"):
        pass


def test_it_is_waited_for_and_said_once(tmp_path: Path) -> None:
    other = _hold(tmp_path)
    said: list[str] = []

    def waiting(text: str) -> None:
        said.append(text)
        threading.Timer(0.5, lambda: other.communicate("go\n")).start()

    with writer(FolderLock(tmp_path), "mine", patience=30, waiting=waiting):
        assert other.wait(processes.TIMEOUT) == 0
    assert said == [f"waiting for run 7 (process {other.pid})"]


def test_patience_ends(tmp_path: Path) -> None:
    other = _hold(tmp_path)
    with (
        pytest.raises(HomeError, match="in use by run 7"),
        writer(FolderLock(tmp_path), "mine", patience=0.3),
    ):
        pass
    processes.finish(other)


def test_it_dies_with_its_process(tmp_path: Path) -> None:
    other = _hold(tmp_path)
    os.kill(other.pid, signal.SIGKILL)
    processes.finish(other, -signal.SIGKILL)
    assert (tmp_path / "lock.json").exists()
    assert FolderLock(tmp_path).holder() is None
    with writer(FolderLock(tmp_path), "mine"):
        assert FolderLock(tmp_path).holder() == f"mine (process {os.getpid()})"
    assert not (tmp_path / "lock.json").exists()


def test_a_process_may_ask_again_inside(tmp_path: Path) -> None:
    with writer(FolderLock(tmp_path), "outer"), writer(FolderLock(tmp_path), "inner"):
        assert FolderLock(tmp_path).holder() == f"outer (process {os.getpid()})"
    assert FolderLock(tmp_path).holder() is None


def test_it_is_freed_when_the_work_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), writer(FolderLock(tmp_path), "mine"):
        raise ZeroDivisionError
    assert FolderLock(tmp_path).holder() is None


def test_environments_do_not_wait_for_each_other(tmp_path: Path) -> None:
    other = _hold(tmp_path / "dev")
    with writer(FolderLock(tmp_path / "prod"), "mine"):
        assert FolderLock(tmp_path / "dev").holder() is not None
    processes.finish(other)


def test_a_holder_that_left_no_note(tmp_path: Path) -> None:
    other = _hold(tmp_path)
    (tmp_path / "lock.json").write_text("{")
    assert FolderLock(tmp_path).holder() == "another process"
    processes.finish(other)


def test_a_folder_without_a_lock(tmp_path: Path) -> None:
    assert FolderLock(tmp_path / "none").holder() is None


KEYS = """
import sys
from pathlib import Path
from ml_assets.store.lock import KeyLocks

locks = KeyLocks(Path(sys.argv[1]))
with locks.hold(sys.argv[2]):
    print("held", flush=True)
    sys.stdin.readline()
print("freed", flush=True)
sys.stdin.readline()
"""
KEY, OTHER = bytes_digest(b"key"), bytes_digest(b"other")


def _wait_for(folder: Path, key: str) -> subprocess.Popen[str]:
    return processes.start(KEYS, folder / "locks", key)


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_a_key_is_held_by_one_process(tmp_path: Path) -> None:
    locks = KeyLocks(tmp_path / "locks")
    with locks.hold(KEY):
        same, another = _wait_for(tmp_path, KEY), _wait_for(tmp_path, OTHER)
        assert _line(another) == "held\n"
        with pytest.raises(subprocess.TimeoutExpired):
            same.wait(0.5)
    assert _line(same) == "held\n"
    for process in (same, another):
        processes.finish(process)
    locks.close()
    locks.close()


def test_a_key_is_freed_when_its_process_is_killed(tmp_path: Path) -> None:
    other = _wait_for(tmp_path, KEY)
    assert _line(other) == "held\n"
    locks = KeyLocks(tmp_path / "locks")
    with locks.hold(KEY, wait=False) as mine:
        assert not mine
    other.kill()
    processes.finish(other, -signal.SIGKILL)
    with locks.hold(KEY, wait=False) as mine:
        assert mine
    locks.close()


def test_a_key_is_freed_when_the_work_fails(tmp_path: Path) -> None:
    locks = KeyLocks(tmp_path / "locks")
    with pytest.raises(ZeroDivisionError), locks.hold(KEY):
        raise ZeroDivisionError
    other = _wait_for(tmp_path, KEY)
    assert _line(other) == "held\n"
    processes.finish(other)
    locks.close()
