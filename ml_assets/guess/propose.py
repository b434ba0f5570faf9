"""From files to the spec of a dataset that holds for them.

Belongs here: the whole way, and its messages. Does not belong here: the command line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ml_assets.engine.deliveries import delivery
from ml_assets.errors import RequestError
from ml_assets.guess.batches import files_of
from ml_assets.guess.choice import chosen
from ml_assets.guess.compose import composed
from ml_assets.guess.dialect import dialect_of
from ml_assets.guess.documents import excel
from ml_assets.guess.draft import DraftNode, text_of
from ml_assets.guess.kinds import Order
from ml_assets.guess.measure import Measured, measured
from ml_assets.guess.profile import FileDialect, Profile
from ml_assets.guess.table import TooLongRecord, table_of
from ml_assets.guess.tried import Trial, tried, weakened
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.document import Loader

TRIALS = 3
WIDEST = 2000
"""Most columns of a table on which its spec is tried: each takes some milliseconds a time."""


@dataclass(frozen=True)
class Proposal:
    """A spec to write, and what to tell the person who asked."""

    text: str
    profile: Profile
    notes: tuple[str, ...]
    trial: Trial | None


def proposed(
    name: str, paths: Sequence[Path], order: Order | None = None, header: bool | None = None
) -> Proposal:
    """Return the spec of a dataset that arrives in such files, or folders of Parquet files.

    Raises RequestError for files that are not tables, or of which a person must say more.
    """
    files, given = files_of([path.name for path in paths]), paths
    paths = [part for path in paths for part in delivery(path).parts or (path,)]
    dialect = _dialect(paths)
    if header is not None:
        dialect = replace(dialect, header=header)
    table = table_of(paths, dialect)
    try:
        measures = measured(table, order)
    except TooLongRecord:
        raise RequestError(f"{paths[0].name}: a record is longer than 2 GB") from None
    _usable(paths[0].name, measures)
    _asked(measures.profile)
    root = composed(measures, chosen(measures.profile), files, given)
    notes = list(_notes(measures.profile))
    if table.broken:
        notes.append(f"{table.broken:,} records have more or fewer values than the header")
    trial = _trial(name, root, paths[-1], dialect, notes)
    return Proposal(text_of(root), measures.profile, tuple(notes), trial)


def _dialect(paths: Sequence[Path]) -> FileDialect:
    """Return how the files are written. Raises RequestError where they differ."""
    dialects = [dialect_of(path) for path in paths]
    first = dialects[0]
    for path, other in zip(paths[1:], dialects[1:], strict=True):
        if replace(other, compressed=first.compressed) == first:
            continue
        # What one file does not show by itself, another one may: accents, quotes.
        if {first.encoding, other.encoding} <= {"utf-8", "cp1252"} and (
            replace(other, encoding="", compressed=first.compressed) == replace(first, encoding="")
        ):
            first = replace(first, encoding="cp1252")
            continue
        raise RequestError(
            f"{paths[0].name} and {path.name} are written differently: {first}, {other}"
        )
    if first.format == "excel":
        sheet, _ = excel(paths[0])
        return replace(first, sheet=sheet)
    return first


def _usable(name: str, measures: Measured) -> None:
    profile = measures.profile
    if not profile.columns:
        raise RequestError(f"{name}: no columns found; wanted a header with names")
    if not profile.rows:
        names = ", ".join(repr(column.name) for column in profile.columns[:5])
        raise RequestError(
            f"{name}: a header ({names}) and no rows; wanted rows to guess from. If the first line "
            "is a row, say --no-header"
        )


def _asked(profile: Profile) -> None:
    """Raise RequestError for dates that can be read in two ways."""
    asked = [column for column in profile.columns if column.readings]
    if not asked:
        return
    lines = list[str]()
    for column in asked:
        example = next((text for text in column.examples), "")
        readings = " or ".join(_read(example, form) for form in column.readings)
        lines.append(f"{column.name!r}: {example!r} is {readings}")
    raise RequestError(
        f"{'; '.join(lines)}: no row tells which. Say --dates dmy (day first) or --dates mdy"
    )


def _read(text: str, form: str) -> str:
    from datetime import datetime

    try:
        return f"{datetime.strptime(text, form):%-d %B %Y} ({form})"
    except ValueError:
        return form


def _notes(profile: Profile) -> Sequence[str]:
    notes = []
    rows, columns = profile.rows, profile.columns
    if rows == 1:
        notes.append("one row: nothing can be learnt from it; types and ranges are mere guesses")
    elif all(column.distinct <= 1 for column in columns):
        notes.append(f"all {rows:,} rows are the same: nothing can be learnt from them")
    if len(columns) == 1:
        notes.append("one column: there is nothing to predict it from; is the delimiter right?")
    personal = [column.name for column in columns if column.personal]
    if personal:
        notes.append(f"likely personal, so `sensitive`: {', '.join(personal)}")
    return notes


def _trial(
    name: str, root: DraftNode, path: Path, dialect: FileDialect, notes: list[str]
) -> Trial | None:
    """Try the spec on a file, weakening what does not hold; return the last trial."""
    trial: Trial | None = None
    for _ in range(TRIALS):
        spec = spec_of(root)
        if len(spec.columns) > WIDEST:
            said = f"{path.name} has {len(spec.columns):,} columns"
            notes.append(f"{said} and was not tried: a run will say what does not hold")
            return None
        trial = tried(name, spec, path, dialect)
        if trial is None:
            notes.append(
                f"{path.name} is large and was not tried: a run will say what does not hold"
            )
            return None
        done = weakened(root, trial, spec.quarantine_budget)
        notes += [f"weakened {what}" for what in done]
        if not done:
            break
    if trial is not None and trial.lost:
        (rule, _), rows = max(trial.broken.items(), key=lambda item: item[1])
        notes.append(
            f"{trial.lost:,} of {trial.landed:,} records of {path.name} would be quarantined, most "
            f"by {rule} ({rows:,}); the file or the spec needs a look"
        )
    return trial


def spec_of(root: DraftNode) -> DatasetSpec:
    """Return the spec that a draft's text says. Raises RequestError if it is none."""
    document: dict[str, Any] = yaml.load(text_of(root), Loader=Loader)
    try:
        return DatasetSpec.model_validate(document["attributes"])
    except ValidationError as error:
        said = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()[:3]
        )
        raise RequestError(f"no spec can be written for this table: {said}") from None
