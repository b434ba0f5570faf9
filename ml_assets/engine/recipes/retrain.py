"""The candidate unit: the candidate of the data of now, or the one that is kept until its time.

Belongs here: applying the verdict. Does not belong here: reaching it (`deferral`), how a candidate
is made (`candidate`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ml_assets.assets.cells import Unit
from ml_assets.engine.recipes.candidate import candidate_of, learning
from ml_assets.engine.recipes.deferral import decided
from ml_assets.engine.recipes.previous import pins_of
from ml_assets.engine.recipes.splits import folds_of
from ml_assets.engine.session import Made, Session


def candidate(session: Session, unit: Unit) -> Sequence[Made]:
    """Fit every family, choose on validation, refit the chosen one, unless it is deferred."""
    inputs, waits = learning(session, unit)
    if waits is not None:
        return [Made(cell, {}, {}, waiting=waits) for cell in unit.cells()]
    verdict = decided(session, unit, inputs)
    if isinstance(verdict, Made):
        return [verdict]
    made = candidate_of(session, unit, session.project.models[unit.group], inputs)
    folds, _ = folds_of(session, unit, ("train",))
    facts = {**made.facts, "dummy": True} if "dummy" in folds["train"].facts else made.facts
    return [replace(made, facts=facts, pins=pins_of(session, made), verdict=verdict)]
