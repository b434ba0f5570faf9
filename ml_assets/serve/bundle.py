"""Raw rows scored by a bundle, outside of the project: the program behind its `score.py`.

This module and all that it reaches go with a bundle, whose files stand for the store. Belongs here:
arguments, files of joined rows. Does not belong here: scoring itself (`stages/score`, `groups`).
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from ml_assets.errors import HookError, RequestError
from ml_assets.serve.frames import Tables
from ml_assets.serve.groups import grouped
from ml_assets.serve.pieces import pieces
from ml_assets.serve.written import streamed
from ml_assets.spec.dataset import CleanSpec, DatasetSpec, IngestSpec
from ml_assets.spec.score import ScoreSpec
from ml_assets.stages.clean import clean
from ml_assets.stages.hook import Hook
from ml_assets.stages.ingest import ingest
from ml_assets.stages.ingest.source import Unreadable
from ml_assets.stages.intervals.columns import off
from ml_assets.stages.memory import InMemory
from ml_assets.stages.score.read import read as judged
from ml_assets.stages.score.score import Scorer

LINE = "line"


class BundleTables:
    """The joined tables: snapshots of the bundle, and files that the user gives.

    `read` returns the content of a file of the bundle.
    """

    def __init__(self, read: Callable[[str], bytes], document: Mapping[str, Any]) -> None:
        self._joined = document["joined"]
        self._datasets: Mapping[str, Any] = document["datasets"]
        self._joins: Sequence[Mapping[str, Any]] = document["score"]["joins"]
        self._tables: dict[str, pa.Table] = {}
        self._held: dict[str, dict[str, tuple[str, bool]]] = {}
        for name, file in document["snapshots"].items():
            self._add(name, "", pa.ipc.open_file(read(file)).read_all())
        for name in self._joined:
            self._held.setdefault(name, {})

    def read(self, name: str, batch: str | None, path: Path) -> None:
        """Add a file as it would land; without a batch its name says which.

        RequestError for another dataset, a file that is refused, or a name that says no batch.
        """
        if name not in self._joined:
            known = ", ".join(self._joined) or "nothing"
            raise RequestError(f"--join {name}: the model joins {known}")
        if batch is None:
            batch = self._batch(name, path)
        self.add(name, batch, _content(path), str(path))

    def add(self, name: str, batch: str, content: bytes, file: str) -> None:
        """Add the content of a file as it would land; RequestError if it is refused."""
        spec = self._joined[name]
        asked, params = (
            IngestSpec.model_validate(spec["ingest"]),
            CleanSpec.model_validate(spec["clean"]),
        )
        given = ingest(asked, landed=InMemory(content)).outputs
        parts = {part: InMemory(given[part]) for part in ("raw", "rejects", "summary")}
        done: Mapping[str, Any] = clean(params, **parts).outputs
        if done["summary"]["refused"] is not None:
            raise RequestError(f"{file}: {done['summary']['refused']}")
        self._add(name, batch, done["cleaned"])

    def tables(self) -> Tables:
        """Return them as the loaded model has them; RequestError where a dataset is lacking."""
        needed = [join["dataset"] for join in self._joins if join["stale"] == "refuse"]
        lacking = [name for name in needed if not self._held[name]]
        if lacking:
            said = " ".join(f"--join {name}=FILE" for name in lacking)
            raise RequestError(f"the model is joined with {', '.join(lacking)}: give {said}")
        return Tables(self._held)

    def load(self, digest: str) -> pa.Table:
        """Return a table by its place."""
        return self._tables[digest]

    def _add(self, name: str, batch: str, table: pa.Table) -> None:
        place = f"{name}@{batch}"
        self._tables[place] = table
        self._held.setdefault(name, {})[batch] = (place, True)

    def _batch(self, name: str, path: Path) -> str:
        spec = self._datasets[name]
        if spec["calendar"] is None:
            return ""
        match = re.fullmatch(spec["landing"]["pattern"], path.name)
        batch = None if match is None else match.groupdict().get("batch")
        if batch is None:
            raise RequestError(
                f"--join {name}: the file's name {path.name} does not say its batch; "
                f"write --join {name}@BATCH={path}"
            )
        return str(batch)


def main(folder: Path, arguments: Sequence[str]) -> None:
    """Write the answer to raw rows to standard output; on bad input, say why and exit with 2."""
    document = json.loads((folder / "rows.json").read_text(encoding="utf-8"))
    given = _arguments(document, arguments)
    try:
        scorer = _scorer(folder, document)
        with streamed(sys.stdout.buffer) as write:
            for answer in _answers(folder, document, given, scorer):
                write(answer)
    except (RequestError, HookError) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
    sys.stderr.writelines(f"note: {said}\n" for said in off(scorer.coverage))


def _answers(
    folder: Path, document: Mapping[str, Any], given: argparse.Namespace, scorer: Scorer
) -> Iterator[pa.Table]:
    """Yield the answers to the rows of a file, which is read in pieces."""
    joined = BundleTables(lambda file: (folder / file).read_bytes(), document)
    for text in given.join:
        joined.read(*join_of(text))
    datasets = datasets_of(document)
    tables = joined.tables()
    try:
        for source in pieces(Path(given.file), scorer.spec.rows):
            rows = judged(scorer.spec.rows, source)
            left, groups = grouped(joined.load, scorer.spec, datasets, tables, rows, given.batch)
            answer = scorer.answer(len(rows.lines), scorer.from_rows(left, groups))
            yield answer.add_column(0, LINE, rows.lines)
    except Unreadable as error:
        raise RequestError(f"{given.file}: {error.reason}") from None
    except OSError as error:
        raise RequestError(f"{given.file}: {error.strerror}") from None


def join_of(text: str) -> tuple[str, str | None, Path]:
    """Return dataset, batch (if it is said) and file of `NAME[@BATCH]=FILE`; else RequestError."""
    where, separator, path = text.partition("=")
    if not separator:
        raise RequestError(f"got --join {text}, wanted --join NAME=FILE")
    name, _, batch = where.partition("@")
    return name, batch or None, Path(path)


def datasets_of(document: Mapping[str, Any]) -> dict[str, DatasetSpec]:
    """Return the datasets of the model, by which rows find their batches."""
    return {n: DatasetSpec.model_validate(item) for n, item in document["datasets"].items()}


def scorer_of(
    document: Mapping[str, Any], model: bytes, limits: bytes | None, hook: Hook | None
) -> Scorer:
    """Return what predicts: a model document, and how its intervals are made if they are."""
    made = None if limits is None else json.loads(limits)
    return Scorer(
        spec=ScoreSpec.model_validate(document["score"]),
        document=json.loads(model),
        family=importlib.import_module(document["family"]),
        hook=hook,
        limits=made,
        coverage=made and made["test"],
    )


def _scorer(folder: Path, document: Mapping[str, Any]) -> Scorer:
    path = folder / "intervals.json"
    limits = path.read_bytes() if path.is_file() else None
    module, _, function = (document["function"] or "").partition(":")
    hook = getattr(importlib.import_module(module), function) if module else None
    return scorer_of(document, (folder / "model.json").read_bytes(), limits, hook)


def _arguments(document: Mapping[str, Any], arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="score.py",
        description="Predict raw rows as they would land; one line out for each row in, as CSV.",
    )
    names = [join["dataset"] for join in document["score"]["features"]["joins"]]
    parser.add_argument("file", help="CSV or JSON Lines (also gzipped), Parquet or Excel")
    parser.add_argument(
        "--join",
        action="append",
        default=[],
        metavar="NAME[@BATCH]=FILE",
        help=f"a file of a joined dataset ({', '.join(names) or 'none'}); may be repeated",
    )
    parser.add_argument("--batch", help="the batch of all rows, where their times do not say it")
    parser.add_argument(
        "--features", action="store_true", help="the file has the model's inputs (schema.json)"
    )
    return parser.parse_args(list(arguments))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RequestError(f"{path}: {error.strerror}") from None
