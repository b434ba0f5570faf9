"""Rows of requests that are not sealed yet, from which a legal deletion removes some.

Belongs here: finding and removing rows in segments. Does not belong here: sealed days, which are
landed files (`rewrite`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml_assets.engine.sealing import expanded, given_columns, own_columns, release, settle
from ml_assets.operations.forget.rewrite import Values, lines_with
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.project import Project
from ml_assets.spec.pseudonyms import HMAC
from ml_assets.store import segments as files
from ml_assets.store.home import Home
from ml_assets.store.pseudonyms import pseudonyms_of
from ml_assets.store.segments import folder_of


@dataclass
class Unsealed:
    """What becomes of the segments."""

    files: dict[Path, bytes] = field(default_factory=dict)
    """Segment -> its new content, empty if nothing of it is left."""
    rows: dict[str, int] = field(default_factory=dict)
    """Day -> rows to remove."""


def known_as(home: Home, project: Project, dataset: str, key: Values) -> Values:
    """Return the values as the dataset has them: of columns of pseudonyms, the pseudonyms."""
    columns = project.datasets[dataset].columns
    asked = dataset in project.requests
    hidden = {n for n in key if (columns[n].sensitive if asked else columns[n].keep == HMAC)}
    if not hidden:
        return key
    names = pseudonyms_of(home)
    return {name: names.of(v.strip()) if name in hidden else v for name, v in key.items()}


@contextmanager
def quiet(home: Home, project: Project, datasets: Sequence[str]) -> Iterator[None]:
    """Have nobody seal, and writers end their segments; running services go on in others."""
    with ExitStack() as stack:
        for dataset, model in project.requests.items():
            if dataset not in datasets:
                continue
            for env, folder in _folders(home, model):
                release(folder)
                stack.enter_context(files.alone(folder))
                other = home.other(env)
                try:
                    settle(other, dataset, folder)
                finally:
                    other.close()
        yield


def search_unsealed(
    home: Home, project: Project, dataset: str, batch: str | None, key: Values
) -> Unsealed:
    """Search the segments of every environment."""
    unsealed = Unsealed()
    spec = project.datasets[dataset]
    for _, folder in _folders(home, project.requests[dataset]):
        for segment in files.segments(folder):
            if batch not in (None, segment.day):
                continue
            content = segment.path.read_bytes()
            left, rows = without(content, spec, key)
            if not rows:
                continue
            unsealed.files[segment.path] = left
            unsealed.rows[segment.day] = unsealed.rows.get(segment.day, 0) + rows
    return unsealed


def without(content: bytes, spec: DatasetSpec, key: Values) -> tuple[bytes, int]:
    """Return a segment without the rows that have all these values, and their number."""
    whole = [json.loads(record) for record in files.records(content) if record is not None]
    records = [record for record in whole if files.BESIDE not in record]
    places = [(at, row) for at, record in enumerate(records) for row in range(_size(record))]
    if not key:
        return b"", len(places)
    given, own = given_columns(spec), own_columns(spec)
    rows = [row for record in records for row in expanded(record, given, own)]
    if not rows:
        return content, 0
    text = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    gone = {places[line - 1] for line in lines_with(text, spec, key)}
    if not gone:
        return content, 0
    kept = [
        _only(record, [row for row in range(_size(record)) if (at, row) not in gone])
        for at, record in enumerate(records)
    ]
    kept = [record for record in kept if _size(record)]
    left = {record["id"]: record for record in kept}
    others = [
        _other(record, left[record[files.BESIDE]])
        for record in whole
        if record.get(files.BESIDE) in left
    ]
    lines = [files.framed(_compact(record)) for record in (*kept, *others)]
    return b"".join(lines), len(gone)


def replace_segment(path: Path, content: bytes) -> str | None:
    """Put what is left in the place of a segment; return why not, if it is still being written."""
    with files.claimed(path) as ended:
        if not ended:
            return f"{path}: a service is writing it and holds such rows; stop it, and delete again"
        if content:
            files.replace(path, content)
        else:
            path.unlink()
    return None


def _only(record: Mapping[str, Any], rows: Sequence[int]) -> dict[str, Any]:
    """Return a record with some of its rows, which keep their numbers."""
    numbers = record.get("numbers") or range(_size(record))
    lists = {n: record[n] for n in ("rows", "features") if n in record}
    return {
        **record,
        **{name: [values[row] for row in rows] for name, values in lists.items()},
        "numbers": [numbers[row] for row in rows],
        "answers": {
            name: [values[row] for row in rows] for name, values in record["answers"].items()
        },
    }


def _other(record: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what another version said, of those rows of a request that are left."""
    there = set(request.get("numbers") or range(_size(request)))
    answers = {
        name: [value if row in there else None for row, value in enumerate(values)]
        for name, values in record["answers"].items()
    }
    return {**record, "answers": answers}


def _compact(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode()


def _size(record: Mapping[str, Any]) -> int:
    return len(record["answers"]["prediction"])


def _folders(home: Home, model: str) -> Iterator[tuple[str, Path]]:
    for env in home.environments():
        folder = folder_of(home.root / "environments" / env, model)
        if folder.is_dir():
            yield env, folder
