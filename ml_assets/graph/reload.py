"""Reloading the code location from inside it, when the specs name other assets."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys

import psutil

SCRIPT = """
import sys, time
from dagster._grpc.client import DagsterGrpcClient
time.sleep(1.0)
port, socket = sys.argv[1:3]
DagsterGrpcClient(port=int(port) if port else None, socket=socket or None).reload_code(timeout=60)
"""


def can_reload() -> bool:
    """Tell whether a code server that can load anew is in front of this process."""
    return any(_address())


def reload_location() -> str:
    """Ask the code server in front of this process to load anew; return what people read."""
    port, socket = _address()
    if not port and not socket:
        return "press Reload definitions"
    # In a process of its own, a moment later: this one ends with the reload.
    subprocess.Popen(
        [sys.executable, "-c", SCRIPT, port, socket],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    return "reloading the definitions"


def _address() -> tuple[str, str]:
    """Return port and socket of the code server that started this process."""
    port = os.environ.get("DAGSTER_CODE_SERVER_PORT", "")
    if port:
        return port, os.environ.get("DAGSTER_CODE_SERVER_SOCKET", "")
    for parent in psutil.Process().parents():
        words = parent.cmdline()
        if "code-server" in words:
            named = dict(itertools.pairwise(words))
            return named.get("--port", ""), named.get("--socket", "")
    return "", ""
