"""Whether a candidate is out of date for another reason than new data: code, specs, libraries.

What made a content once, and would make it now, has the same recipe: code, spec and libraries. So a
batch whose content changed, though its present recipe made the earlier content too, has other data.
Belongs here: following that from a candidate to the landed files. Does not belong here: what new
data are worth.
"""

from __future__ import annotations

from ml_assets.assets.cells import Cell, Unit
from ml_assets.engine.recipes.candidate import candidate_of
from ml_assets.engine.recipes.dataset import cleaned_of
from ml_assets.engine.recipes.made_from import MadeFrom
from ml_assets.engine.recipes.splits import feature_inputs, split_action
from ml_assets.engine.session import Done, Made, Session
from ml_assets.store.objects import Ref
from ml_assets.store.records import ActionRecord, asset_digest

DATA = "data"
"""Stands for a recipe where a batch was withdrawn or came back, which is a change of the data."""


def edited(session: Session, unit: Unit, then: MadeFrom, digest: str) -> bool:
    """Return whether the candidate of this digest would be another one from the same files."""
    recipe = session.keyed(split_action(session.project, unit.group, {})).recipe
    if _by(session, recipe, then.split.name, then.split.outputs["train"].digest) is None:
        return True
    folds = {fold: then.folds[fold] for fold in ("train", "validation")}
    inputs = {fold: made.outputs[fold] for fold, made in folds.items()}
    features = feature_inputs(session, unit, list(folds.values()))
    model = session.project.models[unit.group]
    made = candidate_of(session.looking(), unit, model, {**inputs, "features": features})
    refs = {name: ref for name, ref in made.outputs.items() if isinstance(ref, Ref)}
    if made.status != "reuse" or asset_digest(refs) != digest:
        return True
    return any(_of_batch(session, unit.group, *item) for item in then.features.items())


def _of_batch(session: Session, model: str, batch: str, digest: str) -> bool:
    """Return whether a batch of features is made in another way than those of then."""
    made = session.upstream(Cell(f"{model}/features", batch))
    if made.waiting is not None or _holds(made, "features", digest):
        return False
    before = _earlier(session, made, "features", digest)
    if not isinstance(before, ActionRecord):
        return before is None
    given = before.ingredients["inputs"]
    tables = {session.project.models[model].dataset: given["main"], **dict(given["joins"])}
    return any(_of_cleaned(session, name, batch, table) for name, table in tables.items())


def _of_cleaned(session: Session, dataset: str, batch: str, digest: str) -> bool:
    made = cleaned_of(session, dataset, batch)
    if made.waiting is not None or _holds(made, "cleaned", digest):
        return False
    before = _earlier(session, made, "clean", digest)
    if not isinstance(before, ActionRecord):
        return before is None
    raw = session.upstream(Cell(f"{dataset}/raw", made.cell.partition))
    then = before.ingredients["inputs"]["raw"]
    return not _holds(raw, "raw", then) and _earlier(session, raw, "ingest", then) is None


def _holds(made: Made, output: str, digest: str) -> bool:
    ref = made.outputs.get(output)
    return isinstance(ref, Ref) and ref.digest == digest


def _earlier(session: Session, made: Made, part: str, digest: str) -> ActionRecord | str | None:
    """Return the action by which a cell's present recipe made an earlier content, if it did."""
    action, records = made.actions.get(part), session.home.records
    if action is None or isinstance(action, Done):
        held = records.current(session.home.env, made.cell.asset, made.cell.partition)
        keys = {} if held is None else held.actions
        key = keys.get(part, "") if action is None else action.record.key
        now = records.action(key)
        if now is None:
            return None
        recipe, name = now.recipe, now.name
    else:
        recipe, name = action.keyed.recipe, f"#{action.keyed.action.part}"
    if not name.endswith(f"#{part}"):
        return DATA
    return _by(session, recipe, name, digest)


def _by(session: Session, recipe: str, name: str, digest: str) -> ActionRecord | None:
    """Return an action of a recipe and part that made a content."""
    part = name.rpartition("#")[2]
    for record in session.home.records.by_recipe(recipe):
        made = {ref.digest for ref in record.outputs.values()}
        if digest in made and record.name.endswith(f"#{part}"):
            return record
    return None
