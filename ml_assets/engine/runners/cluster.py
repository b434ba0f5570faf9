"""A Dask cluster as a place where actions run: reaching it, and which workers may take some.

Belongs here: what is asked of Dask. Does not belong here: which actions (`filler`, `ready`).
"""

from __future__ import annotations

import importlib.metadata
import ipaddress
import math
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ml_assets.errors import HomeError

PROTOCOLS = ("tcp", "tls")
EXTRA = "pip install 'ml_assets[dask]'"
PATIENCE = 10
"""Seconds in which a scheduler has to answer."""
OWN = ("ml_assets", "distributed")
"""What every worker has besides the libraries of the actions."""


def address_of(said: str) -> str:
    """Return a scheduler's address; HomeError if it is none, or without TLS away from here.

    Whoever can reach a plain `tcp` scheduler or worker can have it run any code.
    """
    parts = urlsplit(said)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme not in PROTOCOLS or not parts.hostname or port is None:
        raise HomeError(
            f"the Dask scheduler {said!r}: wanted tls://HOST:PORT, or tcp://127.0.0.1:PORT for one "
            "on this machine"
        )
    if parts.scheme == "tcp" and not _loopback(parts.hostname):
        raise HomeError(
            f"the Dask scheduler {said} is not on this machine and has no TLS: whoever reaches its "
            "port could run any code as you. Wanted tls://…, with certificates"
        )
    return said


def _loopback(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    try:
        found = socket.getaddrinfo(host, None)
    except OSError:
        return False
    return all(ipaddress.ip_address(item[4][0]).is_loopback for item in found)


class Lost(HomeError):
    """The scheduler went away while it was asked."""


@dataclass
class Cluster:
    """An open connection, and the workers that may not be used."""

    address: str
    client: Any
    refused: dict[str, str] = field(default_factory=dict)
    """Address -> why."""

    def usable(self) -> dict[str, int]:
        """Return the workers that may be used, and the threads of each; raises Lost."""
        try:
            threads: Mapping[str, int] = self.client.nthreads()
        except OSError as error:
            raise Lost(f"the scheduler at {self.address} was lost: {error}") from None
        return {name: count for name, count in threads.items() if name not in self.refused}

    def larger(self, limit: int) -> list[str]:
        """Return the usable workers that may hold more than so many bytes; raises Lost."""
        here = self.usable()
        known = self.client.scheduler_info(n_workers=-1)["workers"]
        return [
            name
            for name in here
            if name in known and (known[name]["memory_limit"] or math.inf) > limit
        ]

    def close(self) -> None:
        """End the connection; what is still running is of no use any more."""
        self.client.close(timeout=PATIENCE)


def connect(address: str) -> Cluster:
    """Connect to a scheduler.

    HomeError without the extra, where nobody answers, or where the scheduler has another Dask.
    """
    address = address_of(address)
    try:
        import distributed
    except ImportError as error:
        raise HomeError(
            f"actions are to run on {address}, but {error.name} is missing: {EXTRA}"
        ) from None
    try:
        made: Any = distributed.Client
        client = made(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ssl.SSLError, ValueError, TypeError) as error:
        said = "; ".join(dict.fromkeys(_causes(error)))
        hint = "is it running, and reachable from here?"
        if address.startswith("tls"):
            hint = "are distributed.comm.tls.ca-file and client.cert, client.key set, and valid?"
        raise HomeError(f"no Dask scheduler answers at {address}: {said}; {hint}") from None
    cluster = Cluster(address, client)
    try:
        said = client.get_versions()["scheduler"]["packages"]["distributed"]
    except BaseException:
        cluster.close()
        raise
    if said != distributed.__version__:
        cluster.close()
        raise HomeError(
            f"the Dask scheduler {address} has distributed {said}, and here it is "
            f"{distributed.__version__}: install the same version on scheduler, workers and here"
        )
    return cluster


def _causes(error: BaseException | None) -> list[str]:
    texts = []
    while error is not None:
        texts.append(str(error) or type(error).__name__)
        error = error.__cause__ or error.__context__
    return texts[:3]


def look(cluster: Cluster, libraries: Mapping[str, str], probe: tuple[str, str, Any]) -> None:
    """Refuse each worker that has other libraries, or cannot use the objects.

    `probe` names the objects, and one of them with its size and SHA-256.
    """
    from ml_assets.engine.runners import remote

    for name in OWN:
        wanted = importlib.metadata.version(name)
        # A function of Python's own: a worker may have no ml_assets.
        for worker, found in _on_each(cluster, importlib.metadata.version, name).items():
            have = found if isinstance(found, str) else "not installed"
            if have != wanted:
                cluster.refused[worker] = f"{name} {have} (wanted {wanted})"
    for worker, found in _on_each(cluster, remote.differing, dict(libraries)).items():
        if found:
            said = ", ".join(found) if isinstance(found, list) else repr(found)
            cluster.refused[worker] = said
    for worker, found in _on_each(cluster, remote.reads, *probe).items():
        if found is not None:
            cluster.refused[worker] = f"the objects cannot be used from it: {found}"


def _on_each(cluster: Cluster, function: Any, *words: Any) -> dict[str, Any]:
    workers = list(cluster.usable())
    if not workers:
        return {}
    done: dict[str, Any] = cluster.client.run(function, *words, workers=workers, on_error="return")
    return done
