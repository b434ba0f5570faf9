"""Play the year: `python -m docs.year`, or `make year`.

January to June train the first champion. From July to December flights are asked about on some days
of each month, through the service; at the end of a month its flights land without labels, and a
month later with them. The sensor does all that follows.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from docs.year.on_call import OnCall, listening
from docs.year.page import summary, write
from docs.year.project import write_project
from docs.year.servers import Servers, running, until
from docs.year.story import story
from docs.year.world import MODEL, MORNING, World, days_of, first_of, month_name
from ml_assets import clock
from ml_assets.children.ports import free_port
from ml_assets.spec.project import read_project
from ml_assets.store.segments import claimed, folder_of, segments
from ml_assets.workspace import Workspace, locate

FOLDER = Path(__file__).parents[2] / "build" / "year"
BEFORE = 6
"""The months that train the first champion."""
ALERT = 100.0
"""Seconds within which an alert comes after a run, if one does."""
Tell = Callable[[str], None]


def main() -> None:
    """Play the year in a folder, and write what happened."""
    options = asked()
    if options.page:
        write(json.loads((options.folder / "year.json").read_text()))
        return
    document = play(options, _tell)
    for line in ["", *summary(document), "", f"figures: {options.folder}/year.json"]:
        _tell(line)


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def asked(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what is asked for, by default on the command line."""
    parser = argparse.ArgumentParser(prog="python -m docs.year", description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where; made anew")
    parser.add_argument("--first", type=int, default=1, help="the first month of training")
    parser.add_argument("--last", type=int, default=12, help="the last month of traffic")
    parser.add_argument("--days", type=int, default=2, help="days of traffic a month")
    parser.add_argument("--every", type=int, default=4, help="only each so many flights")
    parser.add_argument("--apart", type=int, default=2, help="months between two trainings")
    parser.add_argument("--page", action="store_true", help="write the docs of the last year")
    return parser.parse_args(words)


def play(options: argparse.Namespace, tell: Tell) -> dict[str, Any]:
    """Play from the first month of training to the last of traffic; return what happened."""
    begun = time.time()
    folder = options.folder.resolve()
    if folder.exists() and any(folder.iterdir()) and not (folder / "clock").exists():
        raise SystemExit(f"{folder} holds something else; name a new folder with --folder")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_project(folder / "project", options.every, options.apart)
    home, ports = folder / "home", (free_port(), free_port(), free_port())
    world = World(folder / "sample", home / "landing", folder / "clock", ports[2])
    world.prepare(options.every)
    world.now(first_of(BEFORE + 1))
    path = filter(None, [os.environ.get("PYTHONPATH")])
    with listening() as webhook:
        os.environ |= {
            "ML_ASSETS_HOME": str(home),
            "ML_ASSETS_ENV": "prod",
            "ML_ASSETS_ACTOR": "sensor",
            clock.CLOCK: str(world.clock),
            "ALERTS_URL": f"http://127.0.0.1:{webhook.server_port}",
            "PYTHONPATH": os.pathsep.join([str(folder / "project"), *path]),
        }
        # The servers' processes look for the project from where they are started.
        os.chdir(folder / "project")
        workspace = locate(folder / "project", os.environ)
        workspace.open_home().close()
        for month in range(options.first, BEFORE + 1):
            world.deliver("flights", month)
            world.deliver("weather", month)
        world.deliver("weather", BEFORE + 1)
        world.deliver("planes")
        person = OnCall(folder / "project", workspace, webhook, world)
        with running(workspace, ports) as servers:
            tell(f"watch it: {servers.dagster}  {servers.mlflow}  {servers.service}")
            player = Player(workspace, world, servers, person, tell)
            player.settle(f"{month_name(options.first)} to {month_name(BEFORE)} with labels")
            for month in range(BEFORE + 1, options.last + 1):
                player.month(month, options.days)
                player.keep(folder, time.time() - begun)
            player.end(options.last)
            return player.keep(folder, time.time() - begun)


def _ended(path: Path) -> bool:
    with claimed(path) as free:
        return free or not path.exists()


class Player:
    """Moves the clock from month to month."""

    def __init__(
        self, workspace: Workspace, world: World, servers: Servers, person: OnCall, tell: Tell
    ) -> None:
        self.workspace, self.world, self.servers = workspace, world, servers
        self.person, self.tell = person, tell
        self.log: list[dict[str, Any]] = []
        self.faulted = False

    def month(self, month: int, days: int) -> None:
        """Play a month: its traffic, then the files of its end.

        In the first month with another champion than v0 a feed breaks, from the second day of
        traffic on, so that the first shows how it was.
        """
        faulty = not self.faulted and self.person.champion() not in ("", "v0")
        for number, day in enumerate(days_of(month, max(days, 3) if faulty else days)):
            if faulty and number == 1:
                self.faulted = self.world.broken = True
                self._did("the callers' feed gives distances in kilometres from now on")
            rows = self.world.traffic(month, day)
            self._did(f"{rows} flights of the day asked about")
            if faulty:
                self._next_morning(day)
        self._did("the month ends")
        self._midnight(first_of(month + 1))
        self.world.deliver("flights", month, labels=False)
        labelled = f", labels of {month_name(month - 1)}" if month > BEFORE + 1 else ""
        if labelled:
            self.world.deliver("flights", month - 1)
        self.world.deliver("weather", month + 1)
        self.settle(f"flights of {month_name(month)} without labels{labelled}")

    def end(self, last: int) -> None:
        """Deliver the labels of the last month."""
        self._midnight(first_of(last + 2))
        self.world.deliver("flights", last)
        self.settle(f"labels of {month_name(last)}")

    def settle(self, what: str) -> None:
        """Wait until all that follows from a delivery is done."""
        before = self.servers.runs()
        self._did(f"delivered: {what}")
        seconds = self.servers.settled()
        self._did(f"{self.servers.runs() - before} runs in {seconds:.0f} s")

    def _next_morning(self, day: int) -> None:
        """Have the day sealed and reported, and whoever is on call look at it."""
        got, broken = len(self.person.webhook.got), self.world.broken
        self._midnight(clock.now().replace(day=day + 1, hour=MORNING))
        self.servers.settled()
        if broken and self.person.rolled_back is None:
            # Dagster looks for runs that ended each half minute.
            with suppress(RuntimeError):
                until(lambda: len(self.person.webhook.got) > got, "an alert", patience=ALERT)
        self.person.look()
        self.servers.settled()

    def _midnight(self, morning: datetime) -> None:
        """Move the clock to a later day, and wait until the service has ended the day before."""
        self.world.now(morning)
        today = morning.date().isoformat()
        folder = folder_of(self.workspace.home / "environments" / self.workspace.env, MODEL)

        def ended() -> bool:
            return all(_ended(one.path) for one in segments(folder) if one.day < today)

        until(ended, "the service to end the segments of the day before")

    def _did(self, what: str) -> None:
        at = clock.now().date().isoformat()
        self.log.append({"at": at, "what": what})
        self.tell(f"{at}  {what}")

    def keep(self, folder: Path, seconds: float) -> dict[str, Any]:
        """Write down what has happened so far, and return it."""
        document = self._document(seconds)
        text = json.dumps(document, indent=1, ensure_ascii=False)
        (folder / "year.json").write_text(text)
        return document

    def _document(self, seconds: float) -> dict[str, Any]:
        home = self.workspace.open_home()
        try:
            told = story(home, read_project(self.workspace.defs))
        finally:
            home.close()
        return {
            **told,
            "log": self.log,
            "alerts": [
                {k: alert[k] for k in ("at", "model", "batch", "text")}
                for alert in self.person.webhook.got
            ],
            "on_call": self.person.did,
            "asked": self.world.asked,
            "runs": self.servers.runs(),
            "failed": self.servers.failures(),
            "seconds": seconds,
        }


if __name__ == "__main__":
    main()
