"""Who is on call: takes the alerts, and follows a runbook with commands that anybody has.

ml_assets warns; rolling back and having a feed mended are decisions of people. Here a program takes
them, by three rules:

1. A warning of what the service was asked, while a version is new: roll back to the one before.
2. If the next day warns of the same input under the old version, it was not the model: the feed is
   mended, and the newer version is made champion again.
3. Everything else is written down.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from docs.year.story import newest_day
from docs.year.world import FAULTY, MODEL, REQUESTS, World
from ml_assets import clock
from ml_assets.spec.project import read_project
from ml_assets.workspace import Workspace


class Webhook(HTTPServer):
    """Takes alerts."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.got: list[dict[str, Any]] = []


class _Hook(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        alert = json.loads(self.rfile.read(size))
        self.server.got.append({**alert, "at": clock.now().date().isoformat()})
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


@contextmanager
def listening() -> Iterator[Webhook]:
    """Run a webhook on this machine."""
    server = Webhook()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class OnCall:
    """A person, and what they did."""

    folder: Path
    workspace: Workspace
    webhook: Webhook
    world: World
    did: list[dict[str, str]] = field(default_factory=list)
    rolled_back: str | None = None
    """The version that was rolled back from, while it is on hold."""

    def look(self) -> None:
        """Follow the runbook, after a day."""
        alerts = [alert for alert in self.webhook.got if not alert.get("read")]
        for alert in alerts:
            alert["read"] = True
        warned = any(alert["model"] == REQUESTS and FAULTY in alert["text"] for alert in alerts)
        champion = self.champion()
        if warned and self.rolled_back is None and champion != "v0":
            self._roll_back(champion)
        elif self.rolled_back is not None and self.world.broken and self._still():
            self._mend()

    def _roll_back(self, champion: str) -> None:
        reason = f"requests differ in {FAULTY} since {champion} is new"
        self._command("rollback", MODEL, "--reason", reason)
        self.rolled_back = champion
        self._note(f"rolled back from {champion}: {reason}")

    def _mend(self) -> None:
        assert self.rolled_back is not None
        self.world.broken = False
        self._note(f"{FAULTY} still warns under {self.champion()}, so the callers' feed is mended")
        reason = f"the feed gave {FAULTY} in kilometres; the model was not at fault"
        self._command("promote", MODEL, self.rolled_back, "--reason", reason)
        self._note(f"made {self.rolled_back} champion again: {reason}")
        self.rolled_back = None

    def _still(self) -> bool:
        """Return whether the newest day of requests warns of the input."""
        home = self.workspace.open_home()
        try:
            newest = newest_day(home, read_project(self.workspace.defs))
        finally:
            home.close()
        return newest is not None and bool(newest["over"])

    def champion(self) -> str:
        """Return the version that is champion; "" if none is."""
        found = json.loads(self._command("champion", MODEL, "--json"))["champion"]
        return "" if found is None else f"v{found['version']}"

    def _command(self, *words: str) -> str:
        """Run a command of ml_assets, as a person would."""
        program = Path(sys.executable).with_name("ml-assets")
        done = subprocess.run(
            [program, *words],
            cwd=self.folder,
            env={**os.environ, "ML_ASSETS_ACTOR": "on-call"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"ml-assets {' '.join(words)}: {done.stderr}")
        return done.stdout

    def _note(self, what: str) -> None:
        self.did.append({"at": clock.now().date().isoformat(), "what": what})
