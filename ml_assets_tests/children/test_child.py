"""Real child processes: answers, what they raise, how they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from ml_assets.children.child import Child, ChildError, Ended

TARGET = """\
import os, sys, time


class MlAssetsError(Exception):
    pass


def answering(word="none"):
    print("to stderr, not among the answers")

    def answer(request):
        if request == "known":
            raise MlAssetsError("said for people")
        if request == "unknown":
            raise ValueError("a bug")
        if request == "dies":
            print("last words", file=sys.stderr, flush=True)
            os._exit(3)
        if request == "slow":
            time.sleep(600)
        if request == "busy":
            while True:
                pass
        return {"word": word, "request": request, "path": "PYTHONPATH" in os.environ}

    return answer
"""


@pytest.fixture
def target(tmp_path: Path) -> str:
    (tmp_path / "target.py").write_text(TARGET)
    return f"{tmp_path / 'target.py'}:answering"


@pytest.fixture
def child(target: str) -> Iterator[Child]:
    with Child(target, "hello", environ={"PYTHONPATH": "somewhere"}) as found:
        yield found


def test_requests_are_answered_one_by_one(child: Child) -> None:
    assert child.ask(1) == {"word": "hello", "request": 1, "path": True}
    assert child.ask({"a": [None, "ü"]})["request"] == {"a": [None, "ü"]}
    child.tell("first")
    child.tell("second")
    assert [child.answer()["request"] for _ in range(2)] == ["first", "second"]


def test_what_it_raises_is_raised_and_it_goes_on(child: Child) -> None:
    with pytest.raises(ChildError, match=r"^said for people$"):
        child.ask("known")
    with pytest.raises(ChildError, match=r"^ValueError: a bug$"):
        child.ask("unknown")
    assert child.ask(2)["request"] == 2
    assert child.alive


def test_how_it_ended_is_said_with_its_last_words(child: Child) -> None:
    with pytest.raises(Ended, match=r"^the process ended with code 3 \(last words\)$"):
        child.ask("dies")
    assert not child.alive


def test_one_that_takes_too_long_is_ended(child: Child) -> None:
    with pytest.raises(Ended, match=r"no answer within 0\.05 s"):
        child.ask("slow", patience=0.05)
    assert not child.alive


def test_a_target_that_cannot_be_imported_is_said(tmp_path: Path) -> None:
    with (
        Child(f"{tmp_path / 'absent.py'}:answering") as child,
        pytest.raises(Ended, match=r"absent.py"),
    ):
        child.ask(1)


def test_what_it_prints_goes_to_a_log(target: str, tmp_path: Path) -> None:
    with (tmp_path / "log").open("ab") as log, Child(target, log=log) as child:
        assert child.ask(1)["word"] == "none"
    assert "not among the answers" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("doing", ["idle", "slow", "busy"])
def test_it_ends_with_its_parent_whatever_it_does(target: str, doing: str) -> None:
    script = (
        "import sys, time; from ml_assets.children.child import Child; "
        "child = Child(sys.argv[1]); child.ask('ready'); child.tell(sys.argv[2]); "
        "print(child.pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, target, doing], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate()
    deadline = time.monotonic() + 20
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False
