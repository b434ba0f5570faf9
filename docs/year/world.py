"""The world around the servers: a clock, those who ask for predictions, and feeds of files.

Belongs here: what comes from outside. Does not belong here: anything that ml_assets does itself.
"""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from ml_assets import clock
from ml_assets.cli.sample import write_sample

MODEL = "flight_delay"
REQUESTS = f"{MODEL}_requests"
FAULTY = "distance"
"""The column whose unit changes in a feed."""
YEAR = 2013
LATE = ["arr_time", "arr_delay", "air_time"]
"""The columns of a flight that come with its label."""
KM = 1.609344
"""Kilometres in a mile: the unit that one feed takes by mistake."""
SIZE = 100
"""Rows of a request."""
MORNING, EVENING = 6, 20
"""Hours (UTC) at which files come, and at which flights are asked about."""


def month_name(month: int) -> str:
    """Return a batch's name; months after December are those of the next year.

    >>> month_name(7), month_name(13)
    ('2013-07', '2014-01')
    """
    return f"{YEAR + (month - 1) // 12}-{(month - 1) % 12 + 1:02}"


def first_of(month: int) -> datetime:
    """Return the morning of a month's first day."""
    return datetime(YEAR + (month - 1) // 12, (month - 1) % 12 + 1, 1, MORNING, tzinfo=UTC)


@dataclass
class World:
    """The flights of 2013 as they would have come, under a clock that is moved."""

    sample: Path
    landing: Path
    clock: Path
    port: int
    asked: dict[str, int] = field(default_factory=dict)
    """Rows that were answered, by day."""
    broken: bool = False
    """Whether the callers' feed gives distances in kilometres."""

    def prepare(self, every: int) -> None:
        """Write the monthly files of 2013, of flights only each so many."""
        written = write_sample(self.sample)
        for path in written["flights"] if every > 1 else ():
            lines = path.read_bytes().splitlines(keepends=True)
            path.write_bytes(b"".join([lines[0], *lines[1::every]]))

    def now(self, moment: datetime) -> None:
        """Move the clock."""
        clock.move(self.clock, moment)

    def deliver(self, dataset: str, month: int | None = None, *, labels: bool = True) -> None:
        """Have a feed put a file into its landing folder, without labels if so."""
        name = dataset if month is None else f"{dataset}-{month_name(month)}"
        source = self.sample / f"{name}.csv"
        if not source.exists():
            return
        target = self.landing / dataset / source.name
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = target.with_name(f".{target.name}")
        if labels:
            aside.write_bytes(source.read_bytes())
        else:
            # As text, so that what is left is as it was.
            frame = pd.read_csv(source, dtype=str, keep_default_na=False)
            frame.drop(columns=LATE).to_csv(aside, index=False)
        aside.replace(target)

    def traffic(self, month: int, day: int) -> int:
        """Ask the service about each flight of a day, in its evening; return how many rows."""
        evening = datetime(YEAR, month, day, EVENING, tzinfo=UTC)
        self.now(evening)
        rows = self._flights(month, day)
        for start in range(0, len(rows), SIZE):
            _post(self.port, rows[start : start + SIZE])
        self.asked[evening.date().isoformat()] = len(rows)
        return len(rows)

    def _flights(self, month: int, day: int) -> list[dict[str, Any]]:
        """Return the flights of a day that left, as their gates know them."""
        frame = pd.read_csv(self.sample / f"flights-{month_name(month)}.csv")
        left = frame[(frame["day"] == day) & frame["dep_time"].notna()].drop(columns=LATE)
        if self.broken:
            left[FAULTY] = (left[FAULTY] * KM).round()
        rows: list[dict[str, Any]] = json.loads(left.to_json(orient="records"))
        return rows


def _post(port: int, rows: list[dict[str, Any]]) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/models/{MODEL}/predict",
        json.dumps({"rows": rows}).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


def days_of(month: int, count: int) -> list[int]:
    """Return the days of a month on which there is traffic: one a week, at most four.

    >>> days_of(7, 4), days_of(7, 1)
    ([5, 12, 19, 26], [5])
    """
    start = datetime(YEAR, month, 5, tzinfo=UTC)
    return [(start + timedelta(weeks=week)).day for week in range(min(count, 4))]
