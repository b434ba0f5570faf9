"""The services of compose.yaml as processes on this machine."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from ml_assets_tests.processes import ROOT

DEPLOY = ROOT / "deploy"


def services() -> dict[str, Any]:
    """Return the services of compose.yaml."""
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    return found


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return a text of compose.yaml with its variables, `$$` as `$`."""
    text = re.sub(
        r"\$\{(\w+):-([^}]*)\}", lambda found: values.get(found[1]) or found[2], str(text)
    )
    return text.replace("$$", "$")


def command(name: str, changes: Mapping[str, str]) -> list[str]:
    """Return the command of a service; `changes` are texts that must be in it."""
    words = [filled(word, {}) for word in services()[name]["command"]]
    for old, new in changes.items():
        assert any(old in word for word in words), (old, words)
        words = [word.replace(old, new) for word in words]
    found = shutil.which(words[0], path=f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/bin")
    assert found, f"no {words[0]} here: install it by `scripts/system.sh test`"
    return [found, *words[1:]]


@contextmanager
def process(
    words: list[str], log: Path, environ: Mapping[str, str], cwd: Path = ROOT
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a service until the end, with what it started."""
    with log.open("ab") as file:
        started = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env=dict(environ),
            cwd=cwd,
            start_new_session=True,
        )
    try:
        yield started
    finally:
        started.terminate()
        # Dagster's code server may wait for its clients; compose too kills what does not end.
        with suppress(subprocess.TimeoutExpired):
            started.wait(10)
        # MLflow's and Dagster's own children are in its session.
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait(30)
