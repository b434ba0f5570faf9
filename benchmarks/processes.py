"""What the benchmarks share: a command in a cold process, the CPU seconds of a piece of work."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
CLI = (sys.executable, "-m", "ml_assets")


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
