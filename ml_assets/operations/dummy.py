"""Dummy data of a dataset, and the statistics to make it from.

Belongs here: what of a project and a home they need. Does not belong here: measuring
(`stages/statistics`), drawing (`stages/dummy`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ml_assets.engine.batch_names import batch_of
from ml_assets.engine.landing import fitting
from ml_assets.engine.plan import Planner
from ml_assets.engine.recipes.dataset import clean_spec
from ml_assets.errors import RequestError, UnknownName
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.project import Project
from ml_assets.stages.dummy.faults import overwritten, planted
from ml_assets.stages.dummy.rows import made as made_rows
from ml_assets.stages.dummy.wish import Wish
from ml_assets.stages.dummy.write import content, texts
from ml_assets.stages.frames import to_frame
from ml_assets.stages.ingest.spelling import spelling
from ml_assets.stages.schema import UNLABELLED
from ml_assets.stages.statistics.document import FORMAT, LEAST, Asked
from ml_assets.stages.statistics.document import statistics as measured
from ml_assets.store.digest import json_digest
from ml_assets.store.records import Current
from ml_assets.walk import shown


@dataclass(frozen=True)
class Wanted:
    """Which dummy data a person asks for."""

    rows: int
    """Of each batch."""
    batches: Sequence[str] = ()
    seed: int = 0
    faults: bool = False


def statistics(
    planner: Planner,
    dataset: str,
    *,
    least: int = LEAST,
    correlations: bool = True,
    batches: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the statistics of a dataset's cleaned rows, all usable batches or some.

    Raises UnknownName for a batch, RequestError if there are no rows, or fewer than `least`.
    """
    home, spec = planner.home, _spec(planner.project, dataset)
    held = _cleaned(planner, dataset)
    unknown = [batch for batch in batches if batch not in held]
    if unknown:
        raise UnknownName.of(f"batch of {dataset}", unknown[0], held)
    chosen = {name: found for name, found in held.items() if not batches or name in batches}
    if not chosen:
        raise RequestError(f"{dataset} has no cleaned rows: land a file, then ml-assets run")
    digests = [current.outputs["cleaned"].digest for current in chosen.values()]

    def read(names: Sequence[str]) -> pa.Table:
        parts = [home.objects.table(digest, names) for digest in digests]
        return pa.concat_tables(parts, promote_options="default")

    asked = Asked(
        dataset=dataset,
        columns=spec.columns,
        time=spec.time,
        zone=_zone(spec),
        names=_names(planner.project),
        least=least,
        correlations=correlations,
    )
    document = measured(asked, read)
    if not document["rows"]:
        raise RequestError(f"{dataset} has fewer than {least} cleaned rows; nothing may be said")
    return document


def read_statistics(path: Path, dataset: str) -> dict[str, Any]:
    """Return the statistics in a file; RequestError if it is none of this dataset's."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RequestError(f"{shown(path)}: {error.strerror}") from error
    except ValueError as error:
        raise RequestError(f"{shown(path)} is not JSON ({error})") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        said = "is not a file of `ml-assets statistics`, or of another version of it"
        raise RequestError(f"{shown(path)} {said}")
    if document.get("dataset") != dataset:
        raise RequestError(f"{shown(path)} is of {document.get('dataset')}, wanted {dataset}")
    return document


def dummy_files(
    planner: Planner,
    dataset: str,
    wanted: Wanted,
    known: dict[str, Any] | None,
    folder: Path,
) -> list[dict[str, Any]]:
    """Write the files that would land, and return {"file", "batch", "rows", "faults", …} of each.

    Existing files are not replaced: RequestError.
    """
    spec = _spec(planner.project, dataset)
    batches = _batches(spec, dataset, wanted.batches)
    if known is not None:
        _fits(spec, dataset, known)
    targets = {batch: folder / _file(spec, dataset, batch) for batch in batches}
    there = [shown(path) for path in targets.values() if path.exists()]
    if there:
        raise RequestError(f"already exists: {', '.join(there)}; remove it, or give another --out")
    folder.mkdir(parents=True, exist_ok=True)
    real = _real(planner, dataset)
    made = []
    for place, batch in enumerate(batches):
        said, data = _one(planner, dataset, wanted, known, batch, real, place)
        targets[batch].write_bytes(data)
        made.append({"file": str(targets[batch]), "batch": batch, **said})
    return made


def _one(
    planner: Planner,
    dataset: str,
    wanted: Wanted,
    known: dict[str, Any] | None,
    batch: str,
    real: set[int],
    place: int,
) -> tuple[dict[str, Any], bytes]:
    """Return what is said of a batch's file, and its bytes."""
    spec = _spec(planner.project, dataset)
    clean = clean_spec(planner.project, dataset)
    wish = Wish(
        contract=clean.contract,
        time=spec.time,
        zone=_zone(spec),
        period=None if spec.calendar is None else spec.calendar.span(batch),
        names=_names(planner.project),
        nulls={name: spelling(column, spec.landing).nulls for name, column in spec.columns.items()},
        fixed=_fixed(spec, batch),
        statistics=known or {},
        seed=int(json_digest([dataset, batch, wanted.seed])[-16:], 16),
    )
    frame = made_rows(wish, wanted.rows)
    if not len(frame):
        why = f"found no row of {dataset} that keeps its contract"
        raise RequestError(f"{why}; give statistics with --from, or look at its rules and ranges")
    same = np.array([value in real for value in _digests(frame)], dtype=bool)
    frame = frame[~same].reset_index(drop=True)
    rows = len(frame)
    said: dict[str, Any] = {"rows": rows, "same_as_real": int(same.sum())}
    faults, left_out = [], []
    if wanted.faults:
        wrong = planted(wish, frame, clean.filters)
        faults, left_out = list(wrong.faults), list(wrong.left_out)
        frame = pd.concat([frame, wrong.rows], ignore_index=True)
    found = texts(frame, spec.columns, spec.landing)
    overwritten(wish, found, faults)
    said["faults"] = [{"rule": fault.rule, "column": fault.column} for fault in faults]
    said["not_planted"] = left_out
    return said, content(found, spec.columns, spec.landing)


def _spec(project: Project, dataset: str) -> DatasetSpec:
    return project.mine(dataset)


def _zone(spec: DatasetSpec) -> str:
    return (spec.calendar.zone if spec.calendar is not None else None) or "UTC"


def _names(project: Project) -> frozenset[str]:
    """Return the columns that alone are the key of a dataset, and so name rows in others too."""
    return frozenset(spec.key[0] for spec in project.datasets.values() if len(spec.key) == 1)


def _batches(spec: DatasetSpec, dataset: str, batches: Sequence[str]) -> Sequence[str]:
    if spec.landing.sql is not None:
        raise RequestError(f"{dataset} is pulled from a database; dummy data are files")
    if spec.calendar is None:
        if batches:
            raise RequestError(f"{dataset} is a snapshot and has no batches; omit --batches")
        return [""]
    if not batches:
        raise RequestError(
            f"no batches of {dataset} were given; add --batches, like 2024-01,2024-02"
        )
    wrong = [batch for batch in batches if not spec.calendar.matches(batch)]
    if wrong:
        raise RequestError(f"{', '.join(wrong)}: wanted batches by {spec.calendar.wanted}")
    return list(dict.fromkeys(batches))


def _fits(spec: DatasetSpec, dataset: str, known: dict[str, Any]) -> None:
    """Raise RequestError with all columns of which statistics and contract say different things."""
    said = {name: entry["type"] for name, entry in known["columns"].items()}
    wrong = [
        f"{name}: {said[name]} in the statistics, {spec.columns[name].type} in the contract"
        for name in said
        if name in spec.columns and said[name] != spec.columns[name].type
    ]
    wrong += [f"{name}: not in the statistics" for name in spec.columns if name not in said]
    wrong += [f"{name}: not in the contract" for name in said if name not in spec.columns]
    if wrong:
        head = f"the statistics are of another contract of {dataset}"
        raise RequestError("\n".join([head, *(f"  {line}" for line in wrong)]))


def _file(spec: DatasetSpec, dataset: str, batch: str) -> str:
    """Return a file name that the landing pattern takes for this batch, if there is one."""
    names = [fitting(spec, dataset, batch, Path(f"x{end}")) for end in (".csv", ".txt", ".parquet")]
    return next((name for name in names if batch_of(spec, name) == batch), names[0])


def _fixed(spec: DatasetSpec, batch: str) -> dict[str, Any]:
    cut = spec.landing.cut
    if cut is None or cut.period is not None or spec.columns[cut.column].type not in _TEXTS:
        return {}
    return {cut.column: batch}


_TEXTS = ("text", "category")


def _cleaned(planner: Planner, dataset: str) -> dict[str, Current]:
    """Return the usable cleaned batches of a dataset that are not dummy data themselves."""
    held = planner.home.records.held(planner.home.env, f"{dataset}/cleaned")
    return {
        batch: current
        for batch, current in held.items()
        if current.facts.get("usable", True) and not current.facts.get("dummy")
    }


def _real(planner: Planner, dataset: str) -> set[int]:
    """Return a digest of each real row, where there are any."""
    columns = list(_spec(planner.project, dataset).columns)
    found: set[int] = set()
    for current in _cleaned(planner, dataset).values():
        table = planner.home.objects.table(current.outputs["cleaned"].digest)
        if set(columns) <= set(table.column_names):
            names = [name for name in columns if name != UNLABELLED]
            found.update(_digests(to_frame(table.select(names))).tolist())
    return found


def _digests(frame: pd.DataFrame) -> Any:
    """Return a digest of each row, whatever pandas' types of its columns are."""
    plain = {name: _plain(frame[name]) for name in frame.columns}
    return pd.util.hash_pandas_object(pd.DataFrame(plain), index=False).to_numpy()


def _plain(values: pd.Series) -> pd.Series:
    if values.dtype.kind == "M":
        stamps = values if values.dt.tz is None else values.dt.tz_localize(None)
        return stamps.astype("datetime64[us]")
    if values.dtype.kind in "iufb" or str(values.dtype) in ("Int64", "boolean"):
        return values.astype("Float64").astype("float64")
    return values.astype("string").fillna("")
