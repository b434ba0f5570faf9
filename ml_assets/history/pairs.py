"""What champion and challenger said of the same batches, for whoever compares the two.

Belongs here: which batches have both, and their tables. Does not belong here: pairing rows
(`stages/score/pairs`), judging.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from ml_assets.spec.project import Project
from ml_assets.stages.schema import LINE
from ml_assets.stages.score.pairs import paired
from ml_assets.store.home import Home
from ml_assets.store.records import Current


@dataclass(frozen=True)
class Pair:
    """A batch that both have predicted, each by the version that is pinned for it."""

    batch: str
    champion: str
    """The digest of the candidate that was champion."""
    challenger: str
    rows: pa.Table
    """As `stages/score/pairs` pairs them; `_target` is null where a row has no label."""


def pairs(home: Home, project: Project, model: str) -> Iterator[Pair]:
    """Yield the batches that champion and challenger have both predicted, in calendar order.

    A batch where one of them predicts another target than the model has today is left out, as its
    labels say nothing of that one, and so is one whose rows a run has yet to make again.
    """
    names = [f"{model}/{name}" for name in ("predictions", "challenger_predictions", "features")]
    champion, challenger, features = (home.records.held(home.env, name) for name in names)
    for batch in project.ordered(model, challenger):
        if batch not in champion or batch not in features:
            continue
        if challenger[batch].facts.get("target") != project.models[model].target:
            continue
        pair = _pair(home, batch, champion[batch], challenger[batch], features[batch])
        if pair is not None:
            yield pair


def _pair(
    home: Home, batch: str, champion: Current, challenger: Current, features: Current
) -> Pair | None:
    ours, theirs = (
        home.objects.table(held.outputs["predictions"].digest) for held in (champion, challenger)
    )
    rows = home.objects.table(features.outputs["features"].digest)
    if not ours[LINE].equals(theirs[LINE]) or not ours[LINE].equals(rows[LINE]):
        return None
    said = [str(held.facts["candidate"]) for held in (champion, challenger)]
    return Pair(batch, said[0], said[1], paired(ours, theirs, rows))
