"""Checks that an earlier version loads and can be served, before it is served again."""

from __future__ import annotations

from typing import Any

from ml_assets.engine.plan import Planner
from ml_assets.engine.recipes.champion import SERVED
from ml_assets.engine.run import Recent, Stored
from ml_assets.errors import StageError
from ml_assets.history.past import past
from ml_assets.keys import load
from ml_assets.keys.code import Sources
from ml_assets.spec.gate import ParitySpec
from ml_assets.store.records import Version

PARITY = "ml_assets.stages.gate.parity:parity"


def recheck(planner: Planner, model: str, version: Version) -> dict[str, Any]:
    """Return the parity document of a version on its validation rows, computed now.

    Raises StageError if the store has lost parts of it, it does not load, or the served model
    predicts otherwise than here; DamagedObject if an object does not match its digest.
    """
    home, name = planner.home, f"{model} v{version.number}"
    candidate = past(home, model, version.digest)
    if candidate is None:
        raise StageError(f"{name} does not load: the store has lost some of its objects")
    closure = Sources(planner.workspace.roots).closure(
        [PARITY.partition(":")[0], SERVED.partition(":")[0], candidate.family]
    )
    if candidate.family not in closure:
        raise StageError(f"{name} does not load: its family {candidate.family} no longer exists")
    recent = Recent()
    spec = ParitySpec(model=model, parity=planner.project.models[model].gate.parity)
    stage = load.function(PARITY, closure, planner.workspace)
    result = stage(
        spec,
        family=load.function(candidate.family, closure, planner.workspace),
        served=load.function(SERVED, closure, planner.workspace),
        model=Stored(home, candidate.model, recent, "model"),
        test=Stored(home, candidate.folds["validation"], recent, "validation"),
        features={
            batch: Stored(home, ref, recent, f"features {batch}")
            for batch, ref in candidate.features.items()
        },
    )
    document: dict[str, Any] = result.outputs["parity"]
    wrong = [check["text"] for check in document["checks"] if check["passed"] is False]
    if wrong:
        said = f"{name} gives different predictions when served than here"
        raise StageError(f"{said}: {'; '.join(wrong)}")
    return document
