"""Whether the current cells that a unit reads were made from one another.

A run of a few assets leaves the others as they were: folds may refer to features that have changed
since, a candidate may have been trained on other folds. A unit that reads both waits, because its
result would be about neither. Where every cell comes from its recipe, all of them agree.

Belongs here: comparing the recorded inputs of cells. Does not belong here: what a unit does with
its inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_assets.assets.cells import Cell, Unit
from ml_assets.engine.session import Made, Session
from ml_assets.stages.quality.words import listed
from ml_assets.store.objects import Ref
from ml_assets.store.records import ActionRecord


def of_folds(session: Session, unit: Unit, folds: Mapping[str, Made]) -> str | None:
    """Return why folds fit neither one another nor the features, or None if they do."""
    if session.recurses:
        return None
    splits = [_recorded(session, made.cell, "split") for made in folds.values()]
    known = [split for split in splits if split is not None]
    together = [split for split in known if _made_all(split, folds)]
    if known and not together:
        return _told(unit, f"its {listed(list(folds))} folds were not made together")
    if not together:
        return None
    given = dict(together[0].ingredients["inputs"]["features"])
    used = {batch for fold, made in folds.items() for batch in made.facts["batches"][fold]}
    ordered = session.project.ordered(unit.group, used)
    other = [batch for batch in ordered if _moved(session, unit, batch, given)]
    if not other:
        return None
    of = f" of {listed(other)}" if any(other) else ""
    return _told(unit, f"its folds refer to other features{of} than the current")


def of_candidate(
    session: Session, unit: Unit, candidate: Made, folds: Mapping[str, Made]
) -> str | None:
    """Return why a candidate does not belong to these folds, or None if it does."""
    if session.recurses:
        return None
    held = session.home.records.current(session.home.env, candidate.cell.asset)
    fit = next((part for part in (held.actions if held else ()) if part.startswith("fit:")), "")
    wanted = {fold: folds[fold].outputs[fold] for fold in ("train", "validation")}
    if _made_from(_recorded(session, candidate.cell, fit), wanted):
        return None
    return _told(unit, "its candidate was trained on other folds than the current")


def of_report(
    session: Session, unit: Unit, report: Made, candidate: Made, folds: Mapping[str, Made]
) -> str | None:
    """Return why an evaluation report is not about this candidate and test, or None if it is."""
    if session.recurses:
        return None
    wanted = {"model": candidate.outputs["model"], "test": folds["test"].outputs["test"]}
    if _made_from(_recorded(session, report.cell, "evaluate"), wanted):
        return None
    return _told(unit, "its evaluation report is about another candidate or test fold")


def _recorded(session: Session, cell: Cell, part: str) -> ActionRecord | None:
    """Return an action of a current cell; None if it is no longer known."""
    held = session.home.records.current(session.home.env, cell.asset, cell.partition)
    return None if held is None else session.home.records.action(held.actions.get(part, ""))


def _made_from(record: ActionRecord | None, wanted: Mapping[str, Any]) -> bool:
    if record is None:
        return True
    given = record.ingredients["inputs"]
    return all(given.get(name, ref.digest) == ref.digest for name, ref in wanted.items())


def _made_all(split: ActionRecord, folds: Mapping[str, Made]) -> bool:
    return all(split.outputs[fold] == made.outputs[fold] for fold, made in folds.items())


def _moved(session: Session, unit: Unit, batch: str, given: Mapping[str, str]) -> bool:
    made = session.upstream(Cell(f"{unit.group}/features", batch))
    held = made.outputs["features"]
    return isinstance(held, Ref) and held.digest != given[batch]


def _told(unit: Unit, what: str) -> str:
    (cell, *_) = unit.cells()
    return f"{what}; `ml-assets run '+{cell.asset}'` makes all that it needs"
