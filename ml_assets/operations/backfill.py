"""Batches that were there before a model's first promotion get its champion as their scorer.

So do those without a challenger get the challenger, where the model's spec asks for one.

Belongs here: which batches, and pinning. Does not belong here: predicting (a run does).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ml_assets.engine.plan import Planner
from ml_assets.engine.recipes.scorer import CHALLENGER, SCORER, Role, pin_name, pinned, scorer
from ml_assets.errors import RequestError, UnknownName
from ml_assets.store.home import Home
from ml_assets.store.promotions import LoggedVersion


@dataclass(frozen=True)
class Backfilled:
    """What a backfill will score."""

    version: int
    """The champion that is now the scorer of these batches."""
    batches: tuple[str, ...]
    scored: tuple[str, ...]
    """Batches asked for that have a scorer already; it stays."""
    challenger: int | None = None
    """The challenger that is now that of `beside`; None if there is none, or nobody asked."""
    beside: tuple[str, ...] = ()


def backfill(planner: Planner, model: str, batches: Sequence[str] = ()) -> Backfilled:
    """Pin the champion as the scorer of batches without one: those named, or all.

    A scorer that the store has lost is none. Raises UnknownName for a model or batch that is not
    there, and RequestError without a champion that can predict, or for a batch without usable
    rows; then nothing is pinned.
    """
    home, project = planner.home, planner.project
    if model not in project.models:
        raise UnknownName.of("model", model, project.models)
    champion = home.promotions.champion(home.env, model)
    if champion is None:
        raise RequestError(
            f"{model} has no champion in environment {home.env}, so nothing can score its "
            f"batches; see `ml-assets status {model}`"
        )
    held = home.records.held(home.env, f"{model}/features")
    usable = [batch for batch, current in held.items() if current.facts.get("usable", True)]
    _refuse_odd(model, batches, list(held), usable)
    wanted = project.ordered(model, batches or usable)
    asked = project.models[model].predictions.challenger
    other = home.promotions.challenger(home.env, model) if asked else None
    chosen = _lacking(home, model, wanted, champion, SCORER)
    beside = [] if other is None else _lacking(home, model, wanted, other, CHALLENGER)
    pins = {pin_name(model, batch): champion.digest for batch in chosen}
    if other is not None:
        pins |= {pin_name(model, batch, CHALLENGER): other.digest for batch in beside}
    home.pins.replace(home.env, pins)
    left = [batch for batch in wanted if batches and batch not in chosen]
    number = None if other is None else other.version
    return Backfilled(champion.version, tuple(chosen), tuple(left), number, tuple(beside))


def _lacking(
    home: Home, model: str, wanted: Sequence[str], by: LoggedVersion, role: Role
) -> list[str]:
    """Return the batches whose model in a role cannot predict; RequestError if `by` cannot."""
    known = {batch: digest for batch, digest in pinned(home, model, role).items() if digest}
    lost = {one for one in {by.digest, *known.values()} if scorer(home, model, one) is None}
    if by.digest in lost:
        raise RequestError(
            f"the store no longer has everything that v{by.version} of {model} needs to predict, "
            f"for example because rows were forgotten (`ml-assets recreate {model} v{by.version}` "
            "names what is missing); `ml-assets run` trains a new candidate"
        )
    return [batch for batch in wanted if known.get(batch) in (None, *lost)]


def _refuse_odd(
    model: str, batches: Sequence[str], held: Sequence[str], usable: Sequence[str]
) -> None:
    for batch in batches:
        if batch not in held:
            raise UnknownName.of(f"batch of {model}/features", batch, held)
    refused = [batch for batch in batches if batch not in usable]
    if refused:
        raise RequestError(
            f"{', '.join(refused)}: refused or withdrawn, so there are no rows to score; correct "
            "the file and run again"
        )
