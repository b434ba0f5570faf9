"""What the benchmarks share: a command in a cold process, what a piece of work took."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
CLI = (sys.executable, "-m", "ml_assets")


class Taken(NamedTuple):
    """Wall seconds, and CPU seconds of all processes."""

    seconds: float
    cpu: float


def output_of(words: Sequence[object], home: Path, environ: Mapping[str, str], cwd: Path) -> str:
    """Run a command on a home; return its stdout. A failure ends the benchmark."""
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env={**environ, "ML_ASSETS_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"{words}: {done.stderr}\n{done.stdout}")
    return done.stdout


def shipped(words: Sequence[object], home: Path) -> str:
    """Run a command of this checkout on a home; return its stdout."""
    return output_of(words, home, {**shell(), "PYTHONPATH": str(ROOT)}, ROOT)


def shell() -> dict[str, str]:
    """Return a shell's environment; Python keeps its bytecode, as by default."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def timed(work: Callable[[], object]) -> Taken:
    """Return what a piece of work in other processes took."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    work()
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Taken(seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def best(work: Callable[[], object]) -> float:
    """Return the CPU seconds of the quickest of three calls."""
    seconds = []
    for _ in range(3):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return min(seconds)


def tell(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
