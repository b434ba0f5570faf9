"""The part of a report that compares a candidate with the previous one."""

from __future__ import annotations

from collections.abc import Mapping

from ml_assets.assets.cells import Unit
from ml_assets.engine.recipes.features import seen_of
from ml_assets.engine.recipes.previous import digest_of, previous_of
from ml_assets.engine.recipes.splits import FOLDS, feature_inputs
from ml_assets.engine.sensitive import sensitive_inputs
from ml_assets.engine.session import Done, Made, Session, Undone
from ml_assets.history.past import Past, past
from ml_assets.keys.action import Action, Hooks, Input
from ml_assets.spec.gate import Described
from ml_assets.spec.model import ChangeSpec

STAGE = "ml_assets.stages.paired.change"
LOST = {
    "lost": "its inputs or training data were forgotten, collected or lost; "
    "`ml-assets recreate` lists them"
}


def changed(
    session: Session,
    unit: Unit,
    made: Made,
    folds: Mapping[str, Made],
    predictions: Input,
    hooks: Mapping[str, Hooks],
) -> Done | Undone:
    """Return the comparison of a candidate with the previous one.

    `predictions` are the candidate's, `hooks` its family, if known.
    """
    before = _before(session, unit, made)
    was = past(session.home, unit.group, before) if before else None
    if before and was is None:
        told = _told(session, unit, made, before)
        if told is not None:
            return told
    inputs: dict[str, Input] = {
        "model": made.outputs["model"],
        **{fold: folds[fold].outputs[fold] for fold in FOLDS},
        "features": feature_inputs(session, unit, [folds[fold] for fold in FOLDS]),
        "predictions": predictions,
    }
    if before:
        inputs |= _other(session, was, folds)
        if was is not None and was.family in session.sources.closure([was.family]):
            hooks = {**hooks, "other_family": was.family}
    params = change_spec(session, unit.group, before, was)
    return session.act(unit, Action("change", f"{STAGE}:change", params, inputs, hooks))


def _before(session: Session, unit: Unit, made: Made) -> str:
    """Return the digest of the previous candidate, "" if there is none.

    While this candidate is not known, the environment's counts, which may turn out the same.
    """
    held = session.current.get((made.cell.asset, ""))
    digest = digest_of(made) or (None if held is None else held.digest)
    if digest is None:
        return ""
    return previous_of(session, unit.group, digest, made.outputs)


def change_spec(
    session: Session, name: str, previous: str = "", was: Past | None = None
) -> ChangeSpec:
    """Return the part of a model's spec that the comparison with `previous` depends on."""
    project = session.project
    model = project.models[name]
    hidden = sensitive_inputs(project, name, seen_of(session, name))
    said = None
    if was is not None and was.target is not None:
        said = Described(target=was.target, key=was.key, inputs=was.inputs)
    return ChangeSpec(
        task=model.task,
        metric=model.training.metric,
        target=model.target,
        key=project.datasets[model.dataset].key,
        slices=tuple(name for name in model.evaluation.slices if name not in hidden),
        intervals=model.evaluation.intervals,
        seed=model.training.seed,
        previous=previous or None,
        said=said,
        inputs=project.inputs(name),
    )


def _other(session: Session, was: Past | None, folds: Mapping[str, Made]) -> dict[str, Input]:
    """Return the previous model and its original training rows."""
    if was is None:
        lost = session.home.objects.put(LOST)
        return {"other": lost, **{f"other_{f}": folds[f].outputs[f] for f in FOLDS[:2]}}
    return {
        "other": was.model,
        **{f"other_{fold}": was.folds[fold] for fold in FOLDS[:2]},
        "other_features": dict(was.features),
    }


def _told(session: Session, unit: Unit, made: Made, before: str) -> Done | None:
    """Return the comparison in the environment's report, if it is about these two.

    A reported comparison stays, even if the previous candidate has since been removed.
    """
    held = session.current.get((str(unit.cells()[0]), ""))
    key = None if held is None else held.actions.get("change")
    record = None if key is None else session.home.records.action(key)
    if record is None or record.ingredients["params"]["previous"] != before:
        return None
    if record.ingredients["inputs"]["model"] != getattr(made.outputs["model"], "digest", None):
        return None
    known = session.known(record.key)
    return None if known is None else Done(known)
