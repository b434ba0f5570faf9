"""A pull: what is new in a query, landed as batches, all of them or nothing.

How far a pull came is kept among the files that a home knows, and only once its rows have landed:
after a kill the next pull reads the same again, and equal rows are not a new landing. Belongs here:
the order of a pull. Does not belong here: SQL (`database`), what a delivery changes (`cutting`).
"""

from __future__ import annotations

from typing import Any

from ml_assets.engine.cutting.deliver import Held, deliver
from ml_assets.engine.cutting.outcome import CutFile
from ml_assets.engine.cutting.parts import Parts
from ml_assets.engine.cutting.read import add_rows
from ml_assets.engine.hiding.columns import Hiding
from ml_assets.engine.hiding.landed import hides, hiding_of
from ml_assets.engine.pulling import watermark
from ml_assets.engine.pulling.database import Snapshot, snapshot
from ml_assets.engine.pulling.rows import kinds, table
from ml_assets.engine.pulling.touched import Touched, touched
from ml_assets.errors import RequestError, UnknownName
from ml_assets.keys.fields import document
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.project import Project
from ml_assets.spec.pseudonyms import hidden_parts
from ml_assets.spec.sql import Sql
from ml_assets.stages.ingest.columns import expected, named
from ml_assets.store.digest import json_digest
from ml_assets.store.home import Home
from ml_assets.store.pseudonyms import keep_key


def pull(home: Home, project: Project, dataset: str, whole: bool = False) -> CutFile:
    """Land the batches of a query that are new or changed; `whole` reads all of them.

    Everything is read too where nothing was pulled before, or by another query, column or calendar.
    Raises UnknownName for the dataset, RequestError with nothing landed for everything else.
    """
    if dataset not in project.datasets:
        raise UnknownName.of("dataset", dataset, project.datasets)
    spec = project.datasets[dataset]
    sql = spec.landing.sql
    if sql is None:
        raise RequestError(
            f"{dataset} has no landing.sql; land its files: ml-assets land {dataset}"
        )
    place, rules = f"sql/{dataset}", _rules(spec)
    seen, last = home.batches.known_files().get(place, ("", ""))
    since = watermark.known(last) if seen == rules and not whole else None
    reached: Any = None
    hiding = hiding_of(home, spec) if hides(spec) else None

    def fill(parts: Parts) -> Held:
        nonlocal reached
        with snapshot(sql) as reader:
            _check(reader, spec)
            if sql.watermark is not None:
                reached = watermark.newest(sql, reader)
            some = None
            if since is not None:
                some = touched(reader, spec, watermark.since(sql, since))
            _read(reader, spec, some, parts, hiding)
        if hiding is not None:
            keep_key(home, hiding.key.fingerprint)
        return Held(every=True) if some is None else Held(batches=some.batches)

    done = deliver(home, project, dataset, f"{dataset}.sql", fill)
    if reached is not None:
        home.batches.remember_file(place, rules, watermark.kept(reached))
    return done


def _check(reader: Snapshot, spec: DatasetSpec) -> None:
    """Raise RequestError where the query lacks what tells batches or changes apart."""
    (names, _), *_ = reader.read("*", "1 = 0", {})
    sql, cut = spec.landing.sql, spec.landing.cut
    wanted = [] if cut is None else list(named(cut.column, spec.columns[cut.column]))
    wanted += [] if sql is None or sql.watermark is None else [sql.watermark]
    wanted += sorted(hidden_parts(spec.columns))
    missing = [name for name in dict.fromkeys(wanted) if name not in names]
    if missing:
        said = f"the query has no column {', '.join(missing)}; it has {', '.join(names)}"
        raise RequestError(f"{said}; nothing landed")


def _read(
    reader: Snapshot,
    spec: DatasetSpec,
    some: Touched | None,
    parts: Parts,
    hiding: Hiding | None,
) -> None:
    """Add the rows of a query, or of some of its batches, to their parts."""
    parts.sorted, cut = True, spec.landing.cut
    types = kinds(spec)
    where, values = ("", dict[str, Any]()) if some is None else (some.where, some.values)
    for names, rows in reader.read("*", where, values):
        piece = table(names, rows, types)
        if hiding is not None:
            piece = hiding.table(piece)
        parts.schema = piece.schema
        if cut is None:
            parts.add_rows("", piece)
        elif rows:
            add_rows(piece, spec, cut, parts, None if some is None else some.batches)


def _rules(spec: DatasetSpec) -> str:
    """Return what changes when all rows are to be read again."""
    sql, cut, calendar = spec.landing.sql, spec.landing.cut, spec.calendar
    assert isinstance(sql, Sql)
    given: list[Any] = [sql.query, sql.watermark, sql.batch, expected(spec.columns)]
    given += [] if cut is None else [document(spec.columns[cut.column])]
    given += [] if calendar is None else [document(calendar)]
    given += sorted(hidden_parts(spec.columns))
    return json_digest(given)[-16:]
