"""The trial of a challenger beside the champion: who is compared, and on which batches.

Belongs here: the current pair, and the batches that count. Does not belong here: judging
(`stages/trial`), what follows from a verdict (`history/trials`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ml_assets.assets.cells import Cell, Unit
from ml_assets.engine.code_versions import Versioned
from ml_assets.engine.recipes.recorded import as_recorded
from ml_assets.engine.recipes.scorer import CHALLENGER, pin_name, scorer_of
from ml_assets.engine.session import Done, Made, Session
from ml_assets.history.trials import Running, running
from ml_assets.keys.action import Action, Input, Pending
from ml_assets.spec.project import Project
from ml_assets.spec.trial import Contender, TrialRun
from ml_assets.workspace import Workspace

STAGE = "ml_assets.stages.trial.trial"
NAMES = ("predictions", "challenger_predictions", "features")


def trial_code(project: Project, _: Workspace, name: str) -> Versioned:
    """Return the ingredients of the code version of a model's trials."""
    rules = project.models[name].gate.trial
    return Versioned([STAGE], [] if rules is None else [rules])


def trial(session: Session, unit: Unit) -> Sequence[Made]:
    """Judge the trial that is on; without one the document of the last stays."""
    (cell,) = unit.cells()
    home, model = session.home, session.project.models[unit.group]
    # As of the run's start: its own decision begins the next trial.
    current_trial = session.remembered(("trial", unit.group), lambda: running(home, unit.group))
    if current_trial is None or model.gate.trial is None:
        return _last(session, cell)
    inputs: dict[str, dict[str, Input]] = {name: {} for name in NAMES}
    for batch, made in _batches(session, unit.group, current_trial):
        for name, part in zip(NAMES, made, strict=True):
            output = "features" if name == "features" else "predictions"
            inputs[name][batch] = part.outputs[output]
    params = TrialRun(
        model=unit.group,
        task=model.task,
        metric=model.training.metric,
        target_unit=model.target_unit,
        trial=model.gate.trial,
        champion=Contender(
            version=f"v{current_trial.champion.version}", digest=current_trial.champion.digest
        ),
        challenger=Contender(
            version=f"v{current_trial.challenger.version}", digest=current_trial.challenger.digest
        ),
    )
    done = session.act(unit, Action("trial", f"{STAGE}:trial", params, dict(inputs)))
    facts: dict[str, Any] = {
        "champion": current_trial.champion.digest,
        "challenger": current_trial.challenger.digest,
    }
    if isinstance(done, Done):
        document = home.objects.json(done.outputs["trial"].digest)
        facts |= {name: document[name] for name in ("verdict", "sentence")}
    outputs = {name: done.outputs[name] for name in ("trial", "report")}
    return [Made(cell, outputs, {"trial": done}, facts=facts)]


def _last(session: Session, cell: Cell) -> Sequence[Made]:
    """Return the last trial's document as it is held; what it led to is on the log."""
    held = session.home.records.current(session.home.env, cell.asset)
    if held is None:
        return []
    made, whole = as_recorded(session, cell, held, held.facts)
    return [made] if whole else []


def _batches(
    session: Session, model: str, current_trial: Running
) -> Iterator[tuple[str, tuple[Made, Made, Made]]]:
    """Yield the batches that both predicted, with predictions, the challenger's, and features.

    Only those that landed since the challenger began to wait: the gate let it pass because of
    earlier ones, which a backfill may have had it predict too.
    """
    dataset, target = session.project.models[model].dataset, session.project.models[model].target
    for batch in session.batches(dataset):
        known = session.pin(pin_name(model, batch, CHALLENGER), pin_name(model, role=CHALLENGER))
        first = min((item.landed for item in session.landed.get((dataset, batch), ())), default="")
        if known not in (None, current_trial.challenger.digest) or first <= current_trial.since:
            continue
        features = session.upstream(Cell(f"{model}/features", batch))
        pinned = [scorer_of(session, features), scorer_of(session, features, CHALLENGER)]
        if pinned != [current_trial.champion.digest, current_trial.challenger.digest]:
            continue
        ours, theirs = (session.upstream(Cell(f"{model}/{name}", batch)) for name in NAMES[:2])
        if any(made.waiting is not None for made in (features, ours, theirs)):
            continue
        later = any(isinstance(o, Pending) for m in (ours, theirs) for o in m.outputs.values())
        # Of another target there is no such fact, as labels say nothing of the two together.
        if later or theirs.facts.get("target") == target:
            yield batch, (ours, theirs, features)
