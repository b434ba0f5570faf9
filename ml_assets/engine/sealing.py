"""Sealing: what the service wrote down on a UTC day becomes that day's batch, once.

A day is sealed two hours after midnight, from all segments whose writers have ended. What is found
later (a clock that ran ahead, a worker that hung) goes into the next day that is not sealed yet,
with its own times. Before a day lands it is noted which segments are in it; whoever comes after a
kill then removes them if the day has landed, and otherwise begins anew. So each record is in one
batch. Belongs here: days, batches. Does not belong here: files and locks (`store/segments`).
"""

from __future__ import annotations

import gzip
import io
import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ml_assets import clock
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.project import Project
from ml_assets.spec.requests_dataset import PREFIX, SHADOW
from ml_assets.store import segments as files
from ml_assets.store.home import Home
from ml_assets.store.segments import Segment, claimed, folder_of

AFTER = timedelta(hours=2)
"""How long after midnight a day is sealed."""


@dataclass(frozen=True)
class Sealed:
    """A day that was sealed."""

    day: str
    rows: int
    bytes: int


def due(now: datetime) -> str:
    """Return the newest day to seal.

    >>> due(datetime(2026, 3, 2, 1, 59, tzinfo=UTC)), due(datetime(2026, 3, 2, 2, 0, tzinfo=UTC))
    ('2026-02-28', '2026-03-01')
    """
    return ((now.astimezone(UTC) - AFTER).date() - timedelta(days=1)).isoformat()


def seal_due(
    home: Home, project: Project, now: datetime | None = None
) -> tuple[list[str], list[str]]:
    """Seal the days of all models that are due; return them as `dataset@day`, and problems.

    A model that another process is sealing is left to it.
    """
    upto = due(now or clock.now())
    landed: list[str] = []
    problems: list[str] = []
    for dataset, model in project.requests.items():
        if not waiting(home, model, upto):
            continue
        try:
            sealed_days = seal(home, project, dataset, upto, wait=False)
        except OSError as error:
            problems.append(f"{dataset}: its days cannot be sealed: {error.strerror}")
            continue
        landed += [f"{dataset}@{sealed.day}" for sealed in sealed_days]
    return landed, problems


def waiting(home: Home, model: str, upto: str) -> list[Segment]:
    """Return the segments up to a day, and one for a sealing that was interrupted."""
    folder = folder_of(home.folder, model)
    segments = [item for item in files.segments(folder) if item.day <= upto]
    note = folder / files.SEALING
    return [*segments, Segment(note, "", 0)] if note.exists() else segments


def seal(home: Home, project: Project, dataset: str, upto: str, wait: bool = True) -> list[Sealed]:
    """Seal the days of one model up to one, oldest first."""
    folder = folder_of(home.folder, project.requests[dataset])
    sealed_days = []
    with files.alone(folder, wait) as mine:
        if not mine:
            return []
        files.sweep(folder)
        settle(home, dataset, folder)
        there = [s for s in files.segments(folder) if s.day <= upto and _ended(s.path)]
        for day, parts in _by_batch(there, home.batches.names(dataset), upto).items():
            sealed = _land(home, project.datasets[dataset], dataset, folder, day, parts)
            sealed_days += [sealed] if sealed is not None else []
    return sealed_days


def release(folder: Path, patience: float = 5.0) -> list[Segment]:
    """Have the writers of a model end their segments; return those that are still being written.

    What they write from now on is in other segments.
    """
    before = files.segments(folder)
    files.ask_to_roll(folder)
    deadline = time.monotonic() + patience
    while True:
        held = [segment for segment in before if segment.path.exists() and not _ended(segment.path)]
        if not held or time.monotonic() > deadline:
            return held
        time.sleep(0.05)


def _by_batch(
    there: Sequence[Segment], landed: set[str], upto: str
) -> Mapping[str, Sequence[Segment]]:
    """Return the batch of each segment: its day, or the next one that has not landed."""
    by_day: dict[str, list[Segment]] = defaultdict(list)
    for segment in there:
        day = segment.day
        while day in landed:
            day = (datetime.fromisoformat(day) + timedelta(days=1)).date().isoformat()
        if day <= upto:
            by_day[day].append(segment)
    return dict(sorted(by_day.items()))


def _land(
    home: Home,
    spec: DatasetSpec,
    dataset: str,
    folder: Path,
    day: str,
    parts: Sequence[Segment],
) -> Sealed | None:
    """Land a day; None if its segments hold no whole record."""
    given, own = given_columns(spec), own_columns(spec)
    content, rows = packed([part.path for part in parts], given, own)
    digest = home.objects.put(content).digest if rows else None
    note = {"day": day, "digest": digest, "segments": [part.path.name for part in parts]}
    files.replace(folder / files.SEALING, json.dumps(note).encode())
    if digest is not None:
        home.batches.land(dataset, day, digest, f"{home.env}/{dataset}-{day}.jsonl.gz")
    settle(home, dataset, folder)
    return Sealed(day, rows, len(content)) if rows else None


def settle(home: Home, dataset: str, folder: Path) -> None:
    """End a sealing: remove the segments of a day that has landed."""
    path = folder / files.SEALING
    try:
        note: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return
    digest = note["digest"]
    if digest is None or note["day"] in home.batches.names(dataset):
        if digest is not None:
            _durable(home, digest)
        for name in note["segments"]:
            (folder / name).unlink(missing_ok=True)
    path.unlink()


def _ended(path: Path) -> bool:
    with claimed(path) as ended:
        return ended


def given_columns(spec: DatasetSpec) -> list[str]:
    """Return the columns of a row as it was given, by their names in a file."""
    from ml_assets.stages.ingest.columns import expected

    return expected({n: c for n, c in spec.columns.items() if not n.startswith(PREFIX)})


def own_columns(spec: DatasetSpec) -> list[str]:
    """Return the columns that say how a row was asked and answered, without their prefix."""
    return [name.removeprefix(PREFIX) for name in spec.columns if name.startswith(PREFIX)]


def packed(parts: Sequence[Path], given: Sequence[str], own: Sequence[str]) -> tuple[bytes, int]:
    """Return the file of a day, a row a line, and its number of rows.

    A damaged record becomes a line that is not JSON, which the quarantine shows.
    """
    sink, rows = io.BytesIO(), 0
    others = _beside(parts)
    with gzip.GzipFile(fileobj=sink, mode="wb", mtime=0) as file:
        for part in parts:
            for record in files.records(part.read_bytes()):
                if record is None:
                    file.write(b'{"a damaged record"}\n')
                    rows += 1
                    continue
                document = json.loads(record)
                if files.BESIDE in document:
                    continue
                for row in expanded(document, given, own, others.get(document["id"])):
                    file.write(json.dumps(row, separators=(",", ":")).encode() + b"\n")
                    rows += 1
    return sink.getvalue(), rows


def _beside(parts: Sequence[Path]) -> dict[str, Mapping[str, Any]]:
    """Return what other versions said of the rows of requests, by id."""
    mark = f'"{files.BESIDE}"'.encode()
    found = {}
    for part in parts:
        for record in files.records(part.read_bytes()):
            # Most records are those of requests, and large.
            if record is not None and record[1 : 1 + len(mark)] == mark:
                document = json.loads(record)
                found[document[files.BESIDE]] = document
    return found


def counted_rows(path: Path) -> int:
    """Return the number of rows in a segment; none if it is gone by now."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return 0
    records = [json.loads(record) for record in files.records(content) if record is not None]
    asked = (record for record in records if files.BESIDE not in record)
    return sum(len(record["answers"]["prediction"]) for record in asked)


def expanded(
    record: Mapping[str, Any],
    given: Sequence[str],
    own: Sequence[str],
    other: Mapping[str, Any] | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield the rows of a record: every column is there, missing or not.

    `other` is what another version said of its rows, if one did.
    """
    answers = {**record["answers"], "features": record.get("features", [])}
    rows = record.get("rows") or [{}] * len(record.get("features", ()))
    numbers = record.get("numbers") or range(len(rows))
    for place, (number, row) in enumerate(zip(numbers, rows, strict=True)):
        said = {**record, "row": number}
        said |= {name: values[place] if values else None for name, values in answers.items()}
        if other is not None:
            said |= {f"{SHADOW}{name}": other[name] for name in ("version", "seconds")}
            said |= {f"{SHADOW}{name}": v[number] for name, v in other["answers"].items()}
        yield {
            **{PREFIX + name: said.get(name) for name in own},
            **{name: row.get(name) for name in given},
        }


def _durable(home: Home, digest: str) -> None:
    """Have the disk keep a landed day before its segments go: a power cut may come at any time."""
    path = home.objects.path(digest)
    for place in (path, getattr(path, "parent", None), home.root / "state.db-wal"):
        # In a shared home, the database and the object store see to it.
        if isinstance(place, Path) and place.exists():
            file = os.open(place, os.O_RDONLY)
            try:
                os.fsync(file)
            finally:
                os.close(file)
