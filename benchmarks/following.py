"""Requests while the champion changes: none may fail, none may be answered by a version of before.

    ML_ASSETS_HOME=HOME python -m benchmarks.following [--requests 10000] [--changes 10]

HOME is a copy of a home of the demo in which the model has two versions; it is changed. Two
workers of `ml-assets serve` are asked by two clients, which open a new connection every 20
requests, until both the requests and the changes (promotions and rollbacks in turn) are through.
Beside them, a connection to each worker is watched for how soon it answers by the new champion.
Ends with an error if a request failed, or an answer came from a version that had not been champion
within the last five seconds.
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import psutil

from benchmarks.serving import Server, example_of, running
from ml_assets.history.decisions import candidate_named, candidates
from ml_assets.store.home import Home
from ml_assets.store.promotions import PROMOTED, ROLLED_BACK
from ml_assets.workspace import locate

WITHIN = 5.0
WORKERS = 2
REST = 2.0
"""Seconds after both workers follow, before the next change."""


@dataclass
class Asking:
    """What the clients have seen."""

    port: int
    path: str
    body: bytes
    most: int
    found: list[tuple[float, float, str]] = field(default_factory=list)
    """When it was asked and answered, and the version."""
    failed: list[str] = field(default_factory=list)
    changed: threading.Event = field(default_factory=threading.Event)
    """All changes are through."""

    def client(self) -> None:
        """Ask until all is through."""
        while len(self.found) < self.most or not self.changed.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            try:
                for _ in range(20):
                    begin = time.time()
                    self.found.append((begin, *self.ask(connection)))
            except (OSError, http.client.HTTPException, KeyError) as error:
                self.failed.append(repr(error))
            finally:
                connection.close()

    def ask(self, connection: http.client.HTTPConnection) -> tuple[float, str]:
        """Ask once; return when it was answered, and by which version."""
        connection.request("POST", self.path, self.body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        said = json.loads(answer.read())
        return time.time(), said["version"]

    def each_worker(self, process: psutil.Process) -> list[http.client.HTTPConnection]:
        """Return a connection to each worker."""
        workers: dict[int, http.client.HTTPConnection] = {}
        while len(workers) < WORKERS:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            self.ask(connection)
            own = connection.sock.getsockname()[1]
            for child in process.children(recursive=True):
                if any(item.raddr and item.raddr.port == own for item in child.net_connections()):
                    workers.setdefault(child.pid, connection)
            for kept in workers.values():
                # One that rests for 5 s is closed.
                self.ask(kept)
        return list(workers.values())


def two_versions(home: Home, model: str) -> tuple[str, str]:
    """Return the champion and the newest other version of a model."""
    now = home.promotions.champion(home.env, model)
    known = [version.number for version in candidates(home, model)]
    others = [number for number in known if now is not None and number != now.version]
    if now is None or not others:
        have = ", ".join(f"v{number}" for number in known) or "none"
        raise SystemExit(
            f"{model} has no champion and a second version in this home (versions: {have}). "
            f"Make one: edit its features or families, and run `ml-assets run`"
        )
    return f"v{now.version}", f"v{max(others)}"


def change(home: Home, model: str, version: str) -> float:
    """Make a version champion, as the commands do; return when."""
    target, now = candidate_named(home, model, version), home.promotions.champion(home.env, model)
    assert now is not None
    assert now.digest != target.digest
    home.promotions.append(
        home.env,
        model,
        action=PROMOTED if target.number > now.version else ROLLED_BACK,
        version=target.number,
        digest=target.digest,
        expected=now.digest,
        actor="benchmark",
        reason="a benchmark",
    )
    return time.time()


def main() -> None:
    """Ask, change, and say how it went."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="flight_delay")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--changes", type=int, default=10)
    given = parser.parse_args()
    home = locate().open_home()
    one, other = two_versions(home, given.model)
    words = [sys.executable, "-m", "ml_assets", "serve", given.model, "--port", "{port}"]
    server = Server("", [*words, "--workers", str(WORKERS)], "/readyz", {})
    with running(server, WORKERS) as (port, process):
        path = f"/v1/models/{given.model}/predict"
        body = json.dumps(example_of(port, given.model)).encode()
        asking = Asking(port, path, body, given.requests)
        threads = [threading.Thread(target=asking.client, daemon=True) for _ in range(2)]
        for thread in threads:
            thread.start()
        champions, delays = [(0.0, one)], []
        for number in range(given.changes):
            version = other if number % 2 == 0 else one
            connections = asking.each_worker(process)
            at = change(home, given.model, version)
            champions.append((at, version))
            delays.append(seen(asking, connections, version) - at)
            time.sleep(REST)
        asking.changed.set()
        for thread in threads:
            thread.join()
    home.close()
    wrong = [found for found in asking.found if found[2] not in allowed(champions, *found[:2])]
    slowest = max(delays)
    by = Counter(version for _, _, version in asking.found)
    print(f"{len(asking.found):,} answers by {dict(by)}, {given.changes} changes; "
          f"{len(asking.failed)} failed, {len(wrong)} by a version of before; "
          f"followed after {slowest:.1f} s at most, in each of {WORKERS} workers")  # fmt: skip
    if asking.failed or wrong or slowest > WITHIN:
        raise SystemExit(f"wanted none, and {WITHIN:.0f} s at most: {asking.failed[:3]}")


def seen(asking: Asking, connections: list[http.client.HTTPConnection], version: str) -> float:
    """Return when the last worker answered by a version first."""
    left = list(connections)
    while True:
        left = [each for each in left if asking.ask(each)[1] != version]
        if not left:
            return time.time()
        time.sleep(0.05)


def allowed(champions: list[tuple[float, str]], begin: float, end: float) -> set[str]:
    """Return the versions that were champion at some time from five seconds before to the end."""
    ends = [at for at, _ in champions[1:]] + [float("inf")]
    spans = zip(champions, ends, strict=True)
    return {version for (at, version), until in spans if at <= end and until >= begin - WITHIN}


if __name__ == "__main__":
    main()
