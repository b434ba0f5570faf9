"""The predictions of a batch by its challenger, and how far they are from its scorer's.

Belongs here: what is compared. Does not belong here: predicting (`predictions`), which model a
batch's challenger is (`scorer`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ml_assets.assets.cells import Cell, Unit
from ml_assets.engine.code_versions import Versioned
from ml_assets.engine.recipes.predictions import SCORE, predictions_code, scored, scorer_named
from ml_assets.engine.recipes.scorer import CHALLENGER, PinnedScorer, scorer_of
from ml_assets.engine.session import Done, Made, Session
from ml_assets.keys.action import Action
from ml_assets.spec.predictions import RealizedSpec
from ml_assets.spec.project import Project
from ml_assets.workspace import Workspace


def challenger_code(project: Project, workspace: Workspace, name: str) -> Versioned:
    """Return the ingredients of the code version of a challenger's predictions."""
    versioned = predictions_code(project, workspace, name)
    return Versioned([*versioned.modules, f"{SCORE}.pairs"])


def challenger_predictions(session: Session, unit: Unit) -> Sequence[Made]:
    """Predict one batch with its challenger; a batch without one has no such predictions."""
    features = session.upstream(Cell(f"{unit.group}/features", unit.partition))
    digest = scorer_of(session, features, CHALLENGER)
    if not digest:
        return []
    made = scored(session, unit, features, digest)
    by = scorer_named(session, unit.group, digest)
    if made.waiting is not None or by is None:
        return [made]
    champion = scorer_of(session, features)
    return [_compared(session, unit, made, by, champion)]


def _compared(session: Session, unit: Unit, made: Made, by: PinnedScorer, champion: str) -> Made:
    """Return the predictions with how far they are from those of the champion (a digest)."""
    rival = scorer_named(session, unit.group, champion) if champion else None
    if rival is None:
        return _apart(made, {"why": "no champion could score the batch"})
    if (rival.spec["target"], rival.spec["task"]) != (by.spec["target"], by.spec["task"]):
        said = f"v{rival.past.number} predicts {rival.spec['target']}, and it {by.spec['target']}"
        return _apart(made, {"why": said})
    theirs = session.upstream(Cell(f"{unit.group}/predictions", unit.partition))
    if theirs.waiting is not None:
        return _apart(made, {"why": theirs.waiting})
    inputs = {
        "champion": theirs.outputs["predictions"],
        "challenger": made.outputs["predictions"],
    }
    params = RealizedSpec(task=by.spec["task"])
    action = Action("disagreement", f"{SCORE}.pairs:disagreement", params, inputs)
    done = session.act(unit, action)
    compared = replace(made, actions={**made.actions, "disagreement": done})
    if not isinstance(done, Done):
        return compared
    said = session.home.objects.json(done.outputs["disagreement"].digest)
    compared = _apart(compared, {"from": f"v{rival.past.number}", **said})
    return replace(compared, facts={**compared.facts, "target": by.spec["target"]})


def _apart(made: Made, disagreement: dict[str, Any]) -> Made:
    return replace(made, facts={**made.facts, "disagreement": disagreement})
