"""worker: a Dask worker that is started again whenever it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from ml_assets.cli.console import err
from ml_assets.cli.output import JSON, emit, guarded
from ml_assets.engine.runners.cluster import EXTRA, address_of
from ml_assets.errors import RequestError

TIMEOUT = "15s"
"""By Dask's own setting a worker that was cut off for 11 s would be dropped, and would exit."""
QUICK, PAUSE = 5.0, 2.0
"""Seconds: a worker that ended sooner is started again after a pause."""


@guarded
def worker(
    scheduler: Annotated[str, typer.Argument(help="tls://HOST:PORT, or tcp://127.0.0.1:PORT.")],
    processes: Annotated[int, typer.Option(help="How many Dask workers.", min=1)] = 1,
    memory: Annotated[
        str, typer.Option(help="Most memory of each with its actions' processes, such as 4GiB.")
    ] = "auto",
    once: Annotated[
        bool, typer.Option("--once", help="End when the Dask workers end, for another supervisor.")
    ] = False,
    as_json: bool = JSON,
) -> None:
    """Run Dask workers for a scheduler until they are stopped; they need no project and no home.

    One that ends, since it was killed or cut off, is started again.

    Example: ml-assets worker tls://scheduler:8786 --processes 3
    """
    address = address_of(scheduler)
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise RequestError(f"{error.name} is missing: {EXTRA}") from None
    words = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1"]
    words += ["--nworkers", str(processes), "--memory-limit", memory, "--no-dashboard"]
    if as_json:
        emit({"scheduler": address, "processes": processes, "pid": os.getpid()})
    supervised(words, once)


def supervised(words: Sequence[str], once: bool = False) -> None:
    """Run a command again whenever it ends, until this process is told to stop."""
    stop = list[int]()
    running: list[subprocess.Popen[bytes]] = []

    def end(number: int, _frame: Any) -> None:
        stop.append(number)
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    environ = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": TIMEOUT, **os.environ}
    while not stop:
        began = time.monotonic()
        running[:] = [subprocess.Popen(words, env=environ, stdin=subprocess.DEVNULL)]
        if stop:
            # The signal came before there was a process to hand it to.
            running[0].terminate()
        code = running[0].wait()
        if once or stop:
            return
        err.print(f"the Dask workers ended with code {code}; they are started again")
        if time.monotonic() - began < QUICK:
            time.sleep(PAUSE)
