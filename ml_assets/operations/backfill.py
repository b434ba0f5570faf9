"""Batches that were there before a model's first promotion get its champion as their scorer.

Belongs here: which batches, and pinning. Does not belong here: predicting (a run does).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ml_assets.engine.plan import Planner
from ml_assets.engine.recipes.scorer import pin_name, pinned, scorer
from ml_assets.errors import RequestError, UnknownName


@dataclass(frozen=True)
class Backfilled:
    """What a backfill will score."""

    version: int
    """The champion that is now the scorer of these batches."""
    batches: tuple[str, ...]
    scored: tuple[str, ...]
    """Batches asked for that have a scorer already; it stays."""


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
    known = {batch: digest for batch, digest in pinned(home, model).items() if digest}
    lost = {one for one in {champion.digest, *known.values()} if scorer(home, model, one) is None}
    if champion.digest in lost:
        raise RequestError(
            f"the store has lost what v{champion.version} of {model} needs to predict, such as "
            f"forgotten rows (`ml-assets recreate {model} v{champion.version}` says what); "
            "`ml-assets run` makes another"
        )
    wanted = project.ordered(model, batches or usable)
    chosen = [batch for batch in wanted if known.get(batch) in (None, *lost)]
    home.pins.replace(home.env, {pin_name(model, batch): champion.digest for batch in chosen})
    left = [batch for batch in wanted if batches and batch not in chosen]
    return Backfilled(champion.version, tuple(chosen), tuple(left))


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
