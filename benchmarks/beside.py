"""What a trial costs who asks: answer times with a challenger that is scored beside, and without.

    ML_ASSETS_HOME=HOME python -m benchmarks.beside [--requests 200] [--rounds 6]

HOME is a copy of a home of the demo with two candidates: the one that is not champion is promoted,
the other waits beside it, and requests are kept. A client in a process of its own sends one row a
request, first twenty a second, then as fast as answers come. Rounds with and without the challenger
alternate, so that both meet the same machine. Answer times are the client's.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from typing import Any

import numpy as np
import uvicorn

from ml_assets.engine.plan import planner_here
from ml_assets.history.decisions import candidates
from ml_assets.serve.recording.recorder import Recorder
from ml_assets.serve.service.access import Access
from ml_assets.serve.service.app import application
from ml_assets.serve.service.figures import Figures
from ml_assets.serve.service.followed import Followed, Follower
from ml_assets.serve.service.requests import Limits, Service
from ml_assets.spec.gate import GateSpec
from ml_assets.spec.trial import TrialSpec
from ml_assets.store.promotions import PROMOTED, WAITING
from ml_assets.store.records import Version

MODEL = "flight_delay"
CLIENT = """
import http.client, json, sys, time
port, count, pause = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
body, seconds = sys.stdin.buffer.read(), []
connection = http.client.HTTPConnection("127.0.0.1", port)
for _ in range(count):
    begin = time.perf_counter()
    connection.request("POST", sys.argv[4], body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200, answer.status
    seconds.append(time.perf_counter() - begin)
    time.sleep(max(pause - seconds[-1], 0.0))
print(json.dumps(seconds))
"""


def main() -> None:
    """Print the answer times."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--requests", type=int, default=200)
    asked.add_argument("--rounds", type=int, default=6)
    given = asked.parse_args()
    planner = planner_here()
    home, model = planner.home, planner.project.models[MODEL]
    gate = GateSpec(**{**model.gate.model_dump(), "mode": "trial", "trial": TrialSpec()})
    planner.project.models[MODEL] = model.model_copy(update={"gate": gate})  # type: ignore[index]
    champion = home.promotions.champion(home.env, MODEL)
    assert champion is not None
    other = next(c for c in reversed(candidates(home, MODEL)) if c.digest != champion.digest)
    # The other may be on hold, which a promotion ends.
    for action, version in ((PROMOTED, other), (WAITING, champion)):
        home.promotions.append(
            home.env,
            MODEL,
            action=action,
            version=version.number if isinstance(version, Version) else version.version,
            digest=version.digest,
            expected=champion.digest if action == PROMOTED else other.digest,
            actor="benchmark",
            reason="scored beside",
        )
    followed = Followed(home, planner.project, MODEL)
    assert followed.challenger is not None, followed.why_no_challenger
    figures = Figures()
    recorder = Recorder.of(home, planner.project, [MODEL])
    service = Service({MODEL: followed}, figures, Limits(), recorder)
    app = application(service, Follower(()), Access(list, unguarded=True))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        for name, pause in (("20 a second", 0.05), ("without a pause", 0.0)):
            _tell(name, _alternating(followed, port, given.requests, given.rounds, pause))
        told = figures.text().decode()
        lines = [line for line in told.splitlines() if line.startswith("ml_assets_beside_rows")]
        sys.stdout.write("\n".join(lines) + "\n")
    finally:
        server.should_exit = True
        thread.join()
        home.close()


def _alternating(
    followed: Followed, port: int, count: int, rounds: int, pause: float
) -> dict[str, list[float]]:
    """Return the answer times with and without the challenger."""
    challenger, found = followed.challenger, {"without": [], "with": []}  # type: ignore[var-annotated]
    body = json.dumps(followed.example).encode()
    for number in range(2 * rounds):
        way = ("without", "with")[number % 2]
        followed.challenger = challenger if way == "with" else None
        words = [sys.executable, "-c", CLIENT, str(port), str(count), str(pause)]
        words.append(f"/v1/models/{MODEL}/predict")
        told: Any = subprocess.run(words, input=body, capture_output=True, check=True).stdout
        found[way] += json.loads(told)[10:]
    return found


def _tell(name: str, found: dict[str, list[float]]) -> None:
    for way, seconds in found.items():
        p50, p99 = 1000 * np.quantile(seconds, [0.5, 0.99])
        sys.stdout.write(f"| {name} | {way} | {len(seconds):,} | {p50:.1f} | {p99:.1f} |\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
