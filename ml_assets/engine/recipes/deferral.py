"""Whether a candidate stays as it is though there are new data, by its model's policy.

A verdict to train is pinned by the data and the policy, so that what a plan said is what its run
does; a verdict to defer is reached anew by each plan. Belongs here: the order in which that is
decided. Does not belong here: how (`edits`, `engine/retrain`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from ml_assets import clock
from ml_assets.assets.cells import Unit
from ml_assets.engine.recipes.candidate import candidate_of
from ml_assets.engine.recipes.edits import edited
from ml_assets.engine.recipes.made_from import MadeFrom, made_from, split_now
from ml_assets.engine.recipes.recorded import as_recorded
from ml_assets.engine.retrain.evidence import Tables, evidence, newest
from ml_assets.engine.retrain.policy import Judged, asked_of, judge
from ml_assets.engine.session import Made, Session
from ml_assets.keys import fields
from ml_assets.keys.action import Input, Pending, pending_in
from ml_assets.spec.retrain import Retrain, rate
from ml_assets.store.digest import json_digest
from ml_assets.store.home import Home
from ml_assets.store.verdicts import Verdict

SHOWN = 3
"""How many cells are named for which a decision waits."""


def decided(session: Session, unit: Unit, inputs: Mapping[str, Input]) -> Made | Verdict | None:
    """Return the candidate that stays, or the verdict by which it is trained.

    None if no verdict is needed: it is up to date or in the cache, there is none yet, what it was
    made from is lost, or something besides the data has changed.
    """
    model = session.project.models[unit.group]
    (cell,) = unit.cells()
    held = session.current.get((cell.asset, ""))
    if model.retrain.always or held is None:
        return None
    then = made_from(session, unit.group, held.actions)
    if then is None:
        return None
    pending = [leaf for tree in inputs.values() for leaf in pending_in(tree)]
    if not pending and candidate_of(session.looking(), unit, model, inputs).status == "reuse":
        return None
    if edited(session, unit, then, held.digest):
        return None
    if pending:
        verdict = Verdict(False, _undecided(pending), "", policy_digest(model.retrain))
    else:
        verdict = _judged(session, unit.group, then)
    if verdict.train:
        return verdict
    current = session.home.records.current(session.home.env, cell.asset)
    kept, whole = as_recorded(session, cell, held, {} if current is None else current.facts)
    return replace(kept, verdict=verdict) if whole else None


def policy_digest(policy: Retrain) -> str:
    """Return the digest of a policy."""
    return json_digest(fields.document(policy))


def _undecided(pending: Sequence[Pending]) -> str:
    cells = sorted({str(cell) for leaf in pending for cell in leaf.cells})
    more = ", …" if len(cells) > SHOWN else ""
    return f"decided once {', '.join(cells[:SHOWN])}{more} are made"


def _judged(session: Session, model: str, then: MadeFrom) -> Verdict:
    """Return what the policy says of the data of now."""
    split = split_now(session, model)
    assert split is not None, "the folds are known, and so is what made them"
    now = dict(split.ingredients["inputs"]["features"])
    policy = session.project.models[model].retrain
    inputs, rules = json_digest(list(now.items())), policy_digest(policy)
    home = session.home
    pinned = home.verdicts.pinned(home.env, model, inputs, rules)
    if pinned is not None:
        return pinned
    said, moment = verdict_of(session, model, then, now)
    return Verdict(
        train=said.train,
        said=said.said,
        inputs=inputs,
        policy=rules,
        figures=said.figures,
        data_time=None if moment is None else moment.isoformat(),
        due_at=None if said.due is None else said.due.isoformat(),
    )


def verdict_of(
    session: Session, model: str, then: MadeFrom, now: Mapping[str, str]
) -> tuple[Judged, datetime | None]:
    """Return what a policy says of features (batch: digest), and their newest time."""
    home, project = session.home, session.project
    policy = project.models[model].retrain
    tables = Tables(home)
    latest = moment = newest(tables, now)
    last = newest(tables, then.features)
    tables.keep()
    if policy.time == "clock":
        held = session.current[f"{model}/candidate", ""]
        last, moment = _made_at(home, model, held.digest), clock.now()
    trained = [*_earlier(home, model, policy, last), *([] if last is None else [last])]
    asked = asked_of(policy)
    known = evidence(home, project, model, then.features, now, trained, moment, asked)
    return judge(policy, known), latest


def _made_at(home: Home, model: str, digest: str) -> datetime | None:
    """Return when a candidate was first made."""
    versions = home.records.versions(f"{model}/candidate")
    found = next((version for version in versions if version.digest == digest), None)
    return None if found is None else datetime.fromisoformat(found.created)


def _earlier(home: Home, model: str, policy: Retrain, last: datetime | None) -> list[datetime]:
    """Return the times of trainings before the last, as far as `at_most` counts them."""
    if policy.at_most is None or rate(policy.at_most)[0] == 1 or last is None:
        return []
    entries = [entry for entry in home.verdicts.entries(home.env, model) if entry.verdict.train]
    if policy.time == "clock":
        times = [entry.at for entry in entries]
    else:
        times = [entry.verdict.data_time for entry in entries if entry.verdict.data_time]
    return sorted(time for t in times if (time := datetime.fromisoformat(t)) < last)
