"""A port for a process that this one starts.

Belongs here: finding one. Does not belong here: what listens on it.
"""

from __future__ import annotations

import socket


def free_port() -> int:
    """Return a port of this machine on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
