"""The supervisor of workers is told to stop."""

from __future__ import annotations

import subprocess
import sys
import time

EARLY = """
import os, signal, subprocess, sys
from ml_assets.cli import worker

class Early(subprocess.Popen):
    def __init__(self, *words, **more):
        super().__init__(*words, **more)
        print(self.pid, flush=True)
        os.kill(os.getpid(), signal.SIGTERM)

subprocess.Popen = Early
worker.supervised([sys.executable, "-c", "import time; time.sleep(300)"])
"""


def test_a_signal_while_the_workers_start_ends_them() -> None:
    """It comes after the fork, and before the supervisor knows the process."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", EARLY], capture_output=True, text=True, timeout=250, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 0
    assert time.monotonic() - began < 200
