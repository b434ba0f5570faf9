"""What a candidate was made from: its folds, and the features that they refer to.

A deferred candidate is evaluated, decided on and released with these, whatever has landed since.
Belongs here: reading them from its records. Does not belong here: whether it is deferred.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ml_assets.assets.cells import Cell, Unit
from ml_assets.engine.recipes.splits import AS_OF, FOLDS, folds_of
from ml_assets.engine.session import Done, Made, Session
from ml_assets.keys.action import Pending
from ml_assets.store.objects import Ref
from ml_assets.store.records import ActionRecord


@dataclass(frozen=True)
class MadeFrom:
    """The folds of a candidate."""

    folds: Mapping[str, Made]
    """As their cells were; the features that they refer to are among their facts."""
    split: ActionRecord
    """The action that made its train and validation first."""

    @property
    def features(self) -> dict[str, str]:
        """The digests of the features of all batches that were usable then, in calendar order."""
        return dict(self.split.ingredients["inputs"]["features"])


def made_from(session: Session, model: str, actions: Mapping[str, str]) -> MadeFrom | None:
    """Return what the actions (by part) of a candidate read; None if the store has lost it."""
    place = ("made_from", model, *sorted(actions.values()))
    return session.remembered(place, lambda: _made_from(session, model, actions))  # type: ignore[no-any-return]


def _made_from(session: Session, model: str, actions: Mapping[str, str]) -> MadeFrom | None:
    home = session.home
    part = next((part for part in actions if part.startswith("fit:")), "")
    fitted = home.records.action(actions.get(part, ""))
    splits = [] if fitted is None else _splits(session, model, fitted)
    if not splits:
        return None
    # As long as only test changed, the report followed it.
    split = splits[-1]
    refs = [*split.outputs.values(), *_tables(split).values()]
    if home.objects.missing(sorted({ref.digest for ref in refs})):
        return None
    summary = home.objects.json(split.outputs["summary"].digest)
    facts = {**summary, AS_OF: _tables(split)}
    folds = {
        fold: Made(Cell(f"{model}/{fold}_split"), {fold: split.outputs[fold]}, {}, facts=facts)
        for fold in FOLDS
    }
    return MadeFrom(folds, splits[0])


def _tables(split: ActionRecord) -> dict[str, Ref]:
    given = split.ingredients["inputs"]["features"]
    return {batch: Ref(digest, "table") for batch, digest in given}


def _splits(session: Session, model: str, fitted: ActionRecord) -> list[ActionRecord]:
    """Return the actions that made the folds on which an action fitted a family, oldest first."""
    given = fitted.ingredients["inputs"]
    versions = session.home.records.versions(f"{model}/test_split")
    found = (session.home.records.action(version.actions.get("split", "")) for version in versions)
    return [
        split
        for split in found
        if split is not None
        and all(split.outputs[fold].digest == given[fold] for fold in ("train", "validation"))
    ]


def split_now(session: Session, model: str) -> ActionRecord | None:
    """Return the action that made a model's folds of now; None while it is still to run."""
    made = session.upstream(Cell(f"{model}/train_split"))
    action = made.actions.get("split")
    if isinstance(action, Done):
        return session.home.records.action(action.record.key)
    if action is not None:
        return None
    held = session.home.records.current(session.home.env, made.cell.asset)
    return None if held is None else session.home.records.action(held.actions["split"])


def judged_folds(
    session: Session, unit: Unit, candidate: Made
) -> tuple[Mapping[str, Made], str | None]:
    """Return the folds with which a candidate is evaluated, and why that waits, if it does.

    They are those of now, unless its model is trained by a policy and the candidate is older.
    """
    now, waits = folds_of(session, unit)
    known = not any(isinstance(value, Pending) for value in candidate.outputs.values())
    if session.project.models[unit.group].retrain.always or not known:
        return now, waits
    actions = {p: a.record.key for p, a in candidate.actions.items() if isinstance(a, Done)}
    if not actions:
        held = session.home.records.current(session.home.env, candidate.cell.asset)
        actions = {} if held is None else dict(held.actions)
    then = made_from(session, unit.group, actions)
    if then is None or all(
        then.folds[fold].outputs[fold] == now[fold].outputs.get(fold)
        for fold in ("train", "validation")
    ):
        return now, waits
    excluded = now["train"].facts.get("excluded", ())
    folds = {
        fold: Made(made.cell, made.outputs, {}, facts={**made.facts, "excluded": excluded})
        for fold, made in then.folds.items()
    }
    return folds, None
