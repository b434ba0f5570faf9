"""Reloads the code location from inside it when the specs define other assets."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading

import psutil

from ml_assets.graph.private.code_server import (
    DagsterGrpcClient,
    DagsterUserCodeUnreachableError,
)

DELAY = 1.0
"""Seconds before the reload is requested, so that the caller is answered first."""


def can_reload() -> bool:
    """Return whether this process belongs to a code server that can reload it."""
    return any(_address())


def reload_location() -> str:
    """Ask this process's code server to reload it; return a message for the user."""
    port, socket = _address()
    if not port and not socket:
        return "press Reload definitions"
    timer = threading.Timer(DELAY, _reload, (port, socket))
    timer.daemon = True
    timer.start()
    return "reloading the definitions"


def _reload(port: str, socket: str) -> None:
    client = DagsterGrpcClient(port=int(port) if port else None, socket=socket or None)
    # The reload ends this process, usually before the answer arrives.
    with contextlib.suppress(DagsterUserCodeUnreachableError):
        client.reload_code(timeout=60)


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
