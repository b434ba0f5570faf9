"""The rows of a dataset as its spec reads them, before anything has run.

Belongs here: which files are looked at, and reading them as the assets would. Does not belong here:
what follows from the rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.engine.batch_names import batch_of
from ml_assets.engine.deliveries import delivery
from ml_assets.engine.plan import Planner
from ml_assets.engine.recipes.dataset import clean_spec, ingest_spec
from ml_assets.errors import RequestError
from ml_assets.guess.tried import cleaned
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.project import Project
from ml_assets.store.home import Home
from ml_assets.walk import entries, shown


@dataclass(frozen=True)
class CleanedRows:
    """Cleaned rows of the files of a dataset."""

    table: pa.Table
    files: tuple[str, ...]
    batches: int
    """Batches that they make; 0 for a snapshot."""
    to_land: tuple[Path, ...] = ()
    """The files, unless they lie in the home already."""

    @property
    def said(self) -> str:
        """How many rows of which files."""
        more = f" and {len(self.files) - 1} more" if len(self.files) > 1 else ""
        return f"{len(self.table):,} rows of {shown(self.files[0])}{more}"


def rows_of(planner: Planner, dataset: str, files: Sequence[Path] = ()) -> CleanedRows:
    """Return the rows of the files given, else landed, else that the spec was guessed from.

    Raises RequestError where there are none, or a file cannot be read by the spec.
    """
    spec = planner.project.datasets[dataset]
    sources = [*_given(files)] or [*_landed(planner, dataset)]
    to_land = tuple(files)
    if not sources:
        to_land = tuple(_remembered(planner.home, dataset))
        sources = [*_given(to_land)]
    if not sources:
        raise RequestError(
            f"nothing of {dataset} has landed, so there are no rows to guess from; "
            f"land a file (`ml-assets land {dataset} FILE`) or name one with --file"
        )
    tables = [_cleaned(planner.project, dataset, *one) for one in sources]
    table = pa.concat_tables(tables).combine_chunks()
    names = tuple(name for name, _ in sources)
    return CleanedRows(table, names, _batches(spec, names, table), to_land)


def _given(files: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    for file in files:
        try:
            yield file.name, delivery(file).content()
        except OSError as error:
            raise RequestError(f"{shown(file)}: {error.strerror}") from error


def _landed(planner: Planner, dataset: str) -> Iterator[tuple[str, bytes]]:
    """Yield what lies in the landing folder, else what has landed from elsewhere."""
    spec, home = planner.project.datasets[dataset], planner.home
    there = [entry for entry in entries(home.landing / dataset) if entry.file]
    fit = [e.path for e in there if not e.hidden and batch_of(spec, e.path.name) is not None]
    yield from _given(fit)
    if fit:
        return
    for (owner, _), landings in sorted(home.batches.landed().items()):
        if owner == dataset:
            yield landings[0].name, home.objects.read(landings[0].digest)


def remember(home: Home, dataset: str, files: Sequence[Path]) -> None:
    """Keep from which files a dataset's spec was guessed: a model's can be before they land."""
    home.guessed.mkdir(exist_ok=True)
    paths = [str(file.absolute()) for file in files]
    (home.guessed / f"{dataset}.json").write_text(json.dumps(paths), encoding="utf-8")


def _remembered(home: Home, dataset: str) -> list[Path]:
    path = home.guessed / f"{dataset}.json"
    if not path.is_file():
        return []
    return [file for file in map(Path, json.loads(path.read_text("utf-8"))) if file.exists()]


def _cleaned(project: Project, dataset: str, name: str, content: bytes) -> pa.Table:
    done = cleaned(ingest_spec(project, dataset), clean_spec(project, dataset), content)
    if (refused := done["summary"]["refused"]) is not None:
        raise RequestError(
            f"{shown(name)} does not fit the spec of {dataset}: {refused}. "
            "Correct its defs.yaml first"
        )
    return done["cleaned"]


def _batches(spec: DatasetSpec, names: Sequence[str], table: pa.Table) -> int:
    if spec.calendar is None:
        return 0
    cut = spec.landing.cut
    if cut is None:
        return len({batch_of(spec, name) for name in names})
    column = table[cut.column]
    if cut.period is None:
        return int(pc.count_distinct(column).as_py())
    if pa.types.is_timestamp(column.type) and cut.period != "hour":
        column = column.cast(pa.timestamp("us")).cast(pa.date32(), safe=False)
    times = pc.unique(column.cast(pa.timestamp("us"))).to_pylist()
    return len({cut.name(time) for time in times if time is not None})
