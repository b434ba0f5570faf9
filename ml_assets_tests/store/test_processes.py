"""Whether a run's process has ended."""

from __future__ import annotations

import os
import socket

import psutil

from ml_assets.store.home import Home
from ml_assets.store.processes import process_gone, record_process
from ml_assets_tests import processes

HOST = socket.gethostname()


def test_a_running_process(home: Home) -> None:
    record_process(home, "run", HOST, os.getpid(), psutil.Process().create_time())
    assert process_gone(home, "run") is False


def test_a_process_that_ended_and_one_that_nobody_waited_for(home: Home) -> None:
    process = processes.start("import sys; sys.stdin.readline()")
    record_process(home, "run", HOST, process.pid, psutil.Process(process.pid).create_time())
    assert process_gone(home, "run") is False
    process.kill()
    psutil.wait_procs([], timeout=0)
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        pass
    assert process_gone(home, "run") is True
    process.communicate()
    assert process_gone(home, "run") is True


def test_a_number_that_another_process_has_now(home: Home) -> None:
    record_process(home, "run", HOST, os.getpid(), 0.0)
    assert process_gone(home, "run") is True


def test_the_newest_process_of_a_run_counts(home: Home) -> None:
    record_process(home, "run", HOST, os.getpid(), 0.0)
    record_process(home, "run", HOST, os.getpid(), psutil.Process().create_time())
    assert process_gone(home, "run") is False


def test_nobody_knows(home: Home) -> None:
    record_process(home, "run", "elsewhere", os.getpid(), 0.0)
    assert process_gone(home, "run") is None
    assert process_gone(home, "never") is None
