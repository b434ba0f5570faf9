"""How uvicorn listens: its settings, in one place.

Belongs here: settings of the server. Does not belong here: what a connection may cost where uvicorn
has no setting for it (`connection`).
"""

from __future__ import annotations

import resource
from collections.abc import Sequence
from typing import Any

CONNECTIONS = 4096
"""That are open at once in a worker; requests on more are answered with 503."""
SPARE = 256
"""Files that a worker needs besides connections."""


def settings(proxies: Sequence[str] = ()) -> dict[str, Any]:
    """Return the settings; `proxies` are the addresses whose X-Forwarded-For says who asks.

    This process and its workers may then open as many files as their connections need.
    """
    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    endless = resource.RLIM_INFINITY
    files = CONNECTIONS + SPARE if most == endless else min(most, CONNECTIONS + SPARE)
    if soft != endless and soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
    return {
        "http": "ml_assets.serve.service.connection:Connection",
        "ws": "none",
        "timeout_keep_alive": 5,
        # One that says nothing for so long is killed; it may be busy, or begin on a busy machine.
        "timeout_worker_healthcheck": 60,
        "limit_concurrency": max(files - SPARE, 1),
        "proxy_headers": bool(proxies),
        "forwarded_allow_ips": list(proxies),
        "access_log": False,
        "log_level": "warning",
        "server_header": False,
    }
