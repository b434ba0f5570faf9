"""Finds the row of a prediction by its id: of a batch, or of a request to the service.

    flight_delay@2013-12/2013|12|1|B6|745|JFK    the row of a batch with this key
    flight_delay@2013-12:17                      the row of a batch from this line of its file
    flight_delay/KEY, flight_delay:17            of a dataset without batches
    0190a7…, 0190a7…/2                           a request, and a row of it (the first is 0)

Belongs here: what an id means. Does not belong here: what the row came from (`trace`).
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow.compute as pc

from ml_assets.engine.sealing import expanded, own_columns
from ml_assets.errors import RequestError, UnknownName
from ml_assets.spec.project import Project
from ml_assets.spec.requests_dataset import PREFIX
from ml_assets.store.home import Home
from ml_assets.store.records import Current
from ml_assets.store.segments import BESIDE, folder_of, records, segments

REQUEST = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:/(\d{1,9}))?")
ROW = re.compile(r"([a-z][a-z0-9_]*)(?:@([^/:]+))?(?:/(.+)|:(\d{1,12}))", re.DOTALL)
FORMS = "MODEL@BATCH/KEY, MODEL@BATCH:LINE or the id of a request"


@dataclass(frozen=True)
class Traced:
    """A row that was predicted."""

    model: str
    version: str
    """Which model predicted it: a version or a digest."""
    at: str | None
    """When it was asked for or predicted (ISO)."""
    kind: str
    where: Mapping[str, Any]
    """Batch, file and line; of a request, its id and row."""
    prediction: Mapping[str, Any]
    given: Mapping[str, Any]
    """What is kept of what was asked; empty for a row of a batch, which is in its file."""
    label: Any = None

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "kind": self.kind,
            "at": self.at,
            **self.where,
            "prediction": dict(self.prediction),
            "given": dict(self.given),
            "label": self.label,
        }


def find(home: Home, project: Project, text: str) -> Traced:
    """Return the row of a prediction; raises RequestError or UnknownName."""
    asked = REQUEST.fullmatch(text.strip())
    if asked is not None:
        return _request(home, project, asked[1], int(asked[2] or 0))
    named = ROW.fullmatch(text)
    if named is None:
        raise RequestError(f"got {text!r}, wanted {FORMS}")
    model, batch, key, line = named.groups()
    if model not in project.models:
        raise UnknownName.of("model", model, project.models)
    return _row(home, project, model, batch or "", key, None if line is None else int(line))


def _row(
    home: Home, project: Project, model: str, batch: str, key: str | None, line: int | None
) -> Traced:
    held = home.records.held(home.env, f"{model}/predictions")
    dataset = project.models[model].dataset
    what = f"key {key!r}" if line is None else f"line {line}"
    absent = _absent(home, f"{model}@{batch}", what, dataset, batch)
    if batch not in held:
        unknown = UnknownName.of(f"predicted batch of {model}", batch, held)
        raise UnknownName(absent) if _tombs(home, dataset, batch) else unknown
    current = held[batch]
    digest = current.outputs["predictions"].digest
    gone = home.objects.missing([digest])
    table = None if gone else home.objects.table(digest)
    places: list[int] = []
    if table is not None:
        same = pc.equal(table["_key"], key) if line is None else pc.equal(table["_line"], line)
        places = pc.indices_nonzero(pc.fill_null(same, False)).to_pylist()
    if table is None or not places:
        raise UnknownName(absent)
    row = table.slice(places[-1], 1).to_pylist()[0]
    cleaned = home.records.current(home.env, f"{dataset}/cleaned", batch)
    facts = {} if cleaned is None else cleaned.facts
    used = facts.get("follows", facts.get("landing"))
    landed = home.batches.everywhere().get((dataset, batch), [])
    file = next((one.name for one in landed if one.digest == used), facts.get("file"))
    return Traced(
        model=model,
        version=str(current.facts["candidate"]),
        at=current.updated,
        kind="batch",
        where={
            "dataset": dataset,
            "batch": batch or None,
            "key": row["_key"],
            "file": file,
            "digest": used,
            "line": row["_line"],
        },
        prediction={name: value for name, value in row.items() if not name.startswith("_")},
        given={},
        label=_label(home, model, batch, row["_key"]),
    )


def _absent(home: Home, where: str, what: str, dataset: str, batch: str) -> str:
    """Return that there is no such row, with what was forgotten where it would be."""
    tombs = _tombs(home, dataset, batch)
    said = f"{where} has no prediction with {what}"
    return f"{said}; {'; '.join(tombs)}" if tombs else f"{said}; wanted {FORMS}"


def _tombs(home: Home, dataset: str, batch: str) -> list[str]:
    """Return what was forgotten of a batch."""
    return [
        f"{'all rows' if one.rows is None else one.rows} of {dataset} {one.batch}".strip()
        + f" forgotten at {one.at}: {one.reason}"
        for one in home.removals.forgettings()
        if one.dataset == dataset and one.batch in ("", batch)
    ]


def _label(home: Home, model: str, batch: str, key: str) -> Any:
    """Return what came true of a row, as far as it is known."""
    held = home.records.current(home.env, f"{model}/features", batch)
    if held is None or home.objects.missing([held.outputs["features"].digest]):
        return None
    table = home.objects.table(held.outputs["features"].digest, ["_key", "_target"])
    found = table.filter(pc.equal(table["_key"], key))["_target"].to_pylist()
    return found[-1] if found else None


def _request(home: Home, project: Project, request: str, row: int) -> Traced:
    if not project.requests:
        raise UnknownName("no model keeps its requests; `requests: {}` in its defs.yaml does")
    for dataset, model in project.requests.items():
        for where, found in _kept(home, project, dataset, model, request):
            if found[f"{PREFIX}row"] == row:
                return _traced(project, model, where, found)
    raise UnknownName(_forgotten(home, project, request, row))


def _traced(
    project: Project, model: str, where: Mapping[str, Any], found: Mapping[str, Any]
) -> Traced:
    own = {n.removeprefix(PREFIX): v for n, v in found.items() if n.startswith(PREFIX)}
    columns = project.datasets[where["dataset"]].columns
    told = ("id", "row", "at", "version", "protocol", "seconds", "batch", "weight", "features")
    at = own["at"]
    return Traced(
        model=model,
        version=str(own["version"]),
        at=at.isoformat() if isinstance(at, datetime) else str(at),
        kind="request",
        where={
            **where,
            "request": own["id"],
            "row": own["row"],
            "protocol": own["protocol"],
            "named_batch": own["batch"],
        },
        prediction={n: v for n, v in own.items() if n not in told and v is not None},
        given={
            name: _plain(value)
            for name, value in found.items()
            if name in columns and not name.startswith(("_", PREFIX))
            if not columns[name].sensitive and value is not None
        },
    )


def _kept(
    home: Home, project: Project, dataset: str, model: str, request: str
) -> Iterator[tuple[dict[str, Any], Mapping[str, Any]]]:
    """Yield where the rows of a request are kept, and the rows: sealed days, then open ones."""
    asked = _day(request)
    held = home.records.held(home.env, f"{dataset}/raw")
    # What is found late is sealed into a later day.
    for day in (name for name in project.ordered(dataset, held) if name >= asked):
        for row in _sealed(home, held[day], request):
            yield {"dataset": dataset, "day": day, "line": row.get("_line")}, row
    spec = project.datasets[dataset]
    own = own_columns(spec)
    given = [name for name in spec.columns if not name.startswith(PREFIX)]
    for part in segments(folder_of(home.folder, model)):
        if part.day < asked:
            continue
        named = [
            json.loads(record)
            for record in records(part.path.read_bytes())
            if record is not None and request.encode() in record
        ]
        other = next((one for one in named if one.get(BESIDE) == request), None)
        for document in named:
            if document.get("id") == request:
                for row in expanded(document, given, own, other):
                    yield {"dataset": dataset, "day": part.day, "line": None}, row


def _sealed(home: Home, day: Current, request: str) -> Iterator[Mapping[str, Any]]:
    digest = day.outputs["raw"].digest
    if home.objects.missing([digest]):
        return
    ids = home.objects.table(digest, [f"{PREFIX}id"])[f"{PREFIX}id"]
    for place in pc.indices_nonzero(pc.fill_null(pc.equal(ids, request), False)).to_pylist():
        yield home.objects.table(digest).slice(place, 1).to_pylist()[0]


def _day(request: str) -> str:
    """Return the day before that of a request, by its id: an id is drawn as it is answered."""
    moment = datetime.fromtimestamp((uuid.UUID(request).int >> 80) / 1000, UTC)
    return (moment - timedelta(days=1)).date().isoformat()


def _forgotten(home: Home, project: Project, request: str, row: int) -> str:
    asked = _day(request)
    tombs = [
        f"of {one.dataset} {one.batch}, {'all rows' if one.rows is None else one.rows} "
        f"forgotten at {one.at}: {one.reason}"
        for one in home.removals.forgettings()
        if one.dataset in project.requests and one.batch >= asked
    ]
    said = f"no request {request} with a row {row} is kept in environment {home.env}"
    return f"{said}; {'; '.join(tombs[:3])}" if tombs else said


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool) else str(value)
