"""How a new model's rows are divided, with the evidence.

Belongs here: the choice between time, groups and chance, and the sizes. Does not belong here:
finding the entity (`entities`).
"""

from __future__ import annotations

from collections.abc import Sequence

from ml_assets.scaffold.entities import Entity
from ml_assets.scaffold.rows import CleanedRows
from ml_assets.scaffold.target import Target
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.text import comment, scalar

ENOUGH = 10
"""Batches from which folds are made of whole ones; with fewer, of shares of the rows."""
SMALL = 2_000
"""Rows below which validation takes a larger share: it has to choose the family."""


def split_lines(
    spec: DatasetSpec,
    rows: CleanedRows,
    target: Target,
    entity: Entity | None,
    groups: Sequence[str],
) -> list[str]:
    """Return the lines of `split`."""
    if groups:
        return _grouped(groups, "rows of a group stay in one fold, as was asked for", rows)
    if spec.time is not None and spec.calendar is not None:
        return _by_time(spec.time, rows, entity)
    if entity is not None:
        why = f"{entity.column} names what rows share: {entity.why}. They stay in one fold"
        return _grouped([entity.column], why, rows)
    why = "a row's fold follows from a hash of it: it has no event time, and shares no entity"
    if spec.time is not None:
        why = (
            f"a row's fold follows from a hash of it. To test on the newest rows by {spec.time}, "
            "give the dataset a calendar and `landing.batch`"
        )
    lines = [*comment(why, 4), "    kind: hash", *_sizes(rows)]
    if target.task != "regression":
        lines.append("    stratify: true  # the same share of each class in every fold")
    return lines


def _by_time(time: str, rows: CleanedRows, entity: Entity | None) -> list[str]:
    lines = comment(
        f"the newest rows by {time} are the test fold, those before them the validation fold", 4
    )
    if entity is not None:
        lines += comment(
            f"rows share {entity.column} ({entity.why}): if you predict for new ones, use "
            f"kind: hash with group: [{scalar(entity.column)}]",
            4,
        )
    lines.append("    kind: time")
    if rows.batches >= ENOUGH:
        test = max(1, round(rows.batches * 0.15))
        return [*lines, f"    test: {test}  # of {rows.batches} batches", f"    validation: {test}"]
    few = f"{rows.batches} batch" + ("" if rows.batches == 1 else "es")
    return [*lines, f"    test: 20%  # of the rows: {few} only", "    validation: 15%"]


def _grouped(groups: Sequence[str], why: str, rows: CleanedRows) -> list[str]:
    names = ", ".join(scalar(name) for name in groups)
    return [*comment(why, 4), "    kind: hash", *_sizes(rows), f"    group: [{names}]"]


def _sizes(rows: CleanedRows) -> list[str]:
    validation = 0.2 if len(rows.table) < SMALL else 0.1
    return ["    test: 0.2", f"    validation: {validation}"]
