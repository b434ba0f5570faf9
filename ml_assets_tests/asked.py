"""What the service of the toy project was asked: written by hand, and read back."""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from ml_assets.store.segments import folder_of, framed
from ml_assets_tests.projects import FORECAST, Toy

ROW: dict[str, Any] = {"sale": 7, "day": "2020-06-03", "store": "north", "promo": True}
MADE = "forecast_requests"
FAR = "2199-01-01"


def keep(toy: Toy, options: str = "{}") -> None:
    """Have the service keep what it is asked."""
    path = toy.root / FORECAST
    path.write_text(f"{path.read_text()}  requests: {options}\n")
    toy.forget()


def sealed(toy: Toy) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of every sealed day."""
    home = toy.planner().home
    return {
        batch: [json.loads(line) for line in gzip.decompress(content).splitlines()]
        for (dataset, batch), items in sorted(home.batches.landed().items())
        if dataset == MADE
        for content in [home.objects.read(items[0].digest)]
    }


def write(toy: Toy, day: str, *ids: str, env: str = "dev") -> None:
    """Write a segment of a day by a process that has ended, a request of one row each."""
    write_records(toy, day, [record(day, number) for number in ids], env)


def write_records(
    toy: Toy,
    day: str,
    records: Sequence[Mapping[str, Any]],
    env: str = "dev",
    model: str = "forecast",
) -> None:
    """Write a segment of a day by a process that has ended."""
    folder = folder_of(toy.planner(env).home.folder, model)
    folder.mkdir(parents=True, exist_ok=True)
    lines = [framed(json.dumps(item).encode()) for item in records]
    (folder / f"{day}.{uuid.uuid4().hex[:16]}.log").write_bytes(b"".join(lines))


def record(day: str, number: str) -> dict[str, Any]:
    """Return the record of a request of one row."""
    answers = {"prediction": [20.5], "unseen": [None], "missing_joins": [None]}
    return {
        **{"id": number, "at": f"{day}T12:00:00+00:00", "version": "v0", "protocol": "native"},
        **{"seconds": 0.01, "batch": "2020-06", "weight": 1.0, "rows": [ROW], "answers": answers},
    }


def ids(toy: Toy) -> dict[str, list[str]]:
    """Return the requests of every sealed day."""
    return {day: [row["request_id"] for row in rows] for day, rows in sealed(toy).items()}
