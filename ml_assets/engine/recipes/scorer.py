"""Which model scores a batch: the champion of the time when the batch was first cleaned.

It is pinned with the batch's first features, before any decision of that run: a model that is
promoted because of a batch must not score it. A batch that was there before the first promotion has
none, unless `score --backfill` gives it one. Where a spec asks for it, the batch's challenger is
pinned likewise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ml_assets.engine.session import Made, Session
from ml_assets.history.coverage import coverage_of
from ml_assets.history.decisions import candidate_of
from ml_assets.history.origin import fitted_of
from ml_assets.history.past import Past, features_action, past
from ml_assets.store.home import Home
from ml_assets.store.objects import Ref
from ml_assets.store.promotions import LoggedVersion
from ml_assets.store.records import ActionRecord

Role = Literal["scorer", "challenger"]
SCORER: Role = "scorer"
CHALLENGER: Role = "challenger"


def pin_name(model: str, batch: str = "", role: Role = SCORER) -> str:
    """Return the name under which a batch's model is pinned; the prefix of all of a model."""
    return f"{role}/{model}/{batch}"


def pins_of(session: Session, made: Made) -> Mapping[str, str]:
    """Return the pins of features that become current: a candidate's digest, or "" for none.

    Only a batch's first rows have one, so that nothing is pinned for older batches.
    """
    model, batch = made.cell.group, made.cell.partition
    if not made.facts.get("usable", True) or _was_usable(session, made):
        return {}
    # As of the run's start: no decision of the run itself counts.
    log, env = session.home.promotions, session.home.env
    champion = session.remembered(("champion", model), lambda: log.champion(env, model))
    pins = {pin_name(model, batch): _digest(champion)}
    if session.project.models[model].predictions.challenger:
        other = session.remembered(("challenger", model), lambda: log.challenger(env, model))
        pins[pin_name(model, batch, CHALLENGER)] = _digest(other)
    return pins


def _digest(pointer: LoggedVersion | None) -> str:
    return "" if pointer is None else pointer.digest


def _was_usable(session: Session, made: Made) -> bool:
    """Return whether a batch had rows before; a plan does not look for the reason."""
    place = (made.cell.asset, made.cell.partition)
    held = session.current.get(place)
    if held is None or not held.outputs["features"].rows:
        return False
    if session.recurses:
        return True
    current = session.home.records.current(session.home.env, *place)
    return current is None or bool(current.facts.get("usable", True))


def scorer_of(session: Session, features: Made, role: Role = SCORER) -> str:
    """Return the digest of the candidate that scores a batch of features, "" for none."""
    name = pin_name(features.cell.group, features.cell.partition, role)
    pinned = session.pin(name, pin_name(features.cell.group, role=role))
    return str(features.pins.get(name, "") if pinned is None else pinned)


def pinned(home: Home, model: str, role: Role = SCORER) -> dict[str, str]:
    """Return the scorers of a model's batches: a candidate's digest, or "" for none."""
    start = pin_name(model, role=role)
    return {
        name.removeprefix(start): digest for name, digest in home.pins.of(home.env, start).items()
    }


@dataclass(frozen=True)
class PinnedScorer:
    """A candidate that predicts, with the actions that made it."""

    past: Past
    fitted: ActionRecord
    features: ActionRecord
    """The action that made the newest features that it was trained on."""
    limits: Ref | None
    """How its intervals are made, if they are."""
    coverage: Mapping[str, Any] | None = None
    """Their coverage on test."""

    @property
    def spec(self) -> Mapping[str, Any]:
        """The spec of its features."""
        params: Mapping[str, Any] = self.features.ingredients["params"]
        return params


def scorer(home: Home, model: str, digest: str) -> PinnedScorer | None:
    """Return a candidate as a scorer; None if the store no longer has all that is needed."""
    candidate = past(home, model, digest)
    made = None if candidate is None else features_action(home, model, candidate.features)
    if candidate is None or made is None:
        return None
    version = candidate_of(home, model, digest)
    covered = coverage_of(home, model, version)
    return PinnedScorer(
        candidate, fitted_of(home, version), made, version.outputs.get("limits"), covered
    )
