"""How long a trial of a model takes, from what two versions said of the same days.

Belongs here: simulating trials from a home's own past. Does not belong here: statistics
(`stages/trial`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml_assets.errors import RequestError
from ml_assets.history.decisions import candidates
from ml_assets.history.pairs import pairs
from ml_assets.spec.project import Project
from ml_assets.spec.trial import Contender, TrialRun, TrialSpec, trial_mismatches
from ml_assets.stages.metrics import parsed
from ml_assets.stages.train.encode import Array
from ml_assets.stages.trial.trial import LOSS, blocks_of, together
from ml_assets.stages.trial.verdict import judged
from ml_assets.store.home import Home

PLANTED = (0.0, -0.05, -0.1, -0.2)
"""Mean differences that are simulated, as a share of the largest possible."""
FEWEST = 10
"""With fewer blocks the past says too little."""
RUN = 5
"""Blocks that are drawn together, since neighbours are alike."""
VERDICTS = ("better", "worse", "equivalent", "undecided")


@dataclass(frozen=True)
class Line:
    """What becomes of trials with one planted difference."""

    planted: float
    difference: float
    """In the loss's own unit, at the mean bound of the past."""
    verdicts: Mapping[str, float]
    """The share of each."""
    median: float
    """Blocks until the verdict."""
    most: float
    """Nine of ten trials take at most so many."""


@dataclass(frozen=True)
class TrialPlan:
    """Simulated trials."""

    block: str
    loss: str
    blocks: int
    """Those of the past from which was drawn."""
    pairs: tuple[str, ...]
    """Whose predictions they are."""
    draws: int
    lines: tuple[Line, ...]


def planned(home: Home, project: Project, model: str, draws: int, seed: int = 1) -> TrialPlan:
    """Simulate trials from the batches that a champion and a challenger have both predicted.

    Their daily differences, less the mean, keep their spread and likeness from day to day; a
    difference is added. RequestError if there are too few days, or the spec allows no trial.
    """
    spec = project.models[model]
    rules = spec.gate.trial or TrialSpec()
    asked = spec.model_copy(
        update={"gate": spec.gate.model_copy(update={"mode": "trial", "trial": rules})}
    )
    wrong = [said for _, said in trial_mismatches(asked, project.datasets[spec.dataset])]
    if wrong:
        raise RequestError(f"{model}: {'; '.join(wrong)}")
    batches = list(pairs(home, project, model))
    names = {version.digest: f"v{version.number}" for version in candidates(home, model)}
    nobody = Contender(version="", digest="")
    run = TrialRun(
        model=model,
        task=spec.task,
        metric=spec.training.metric,
        trial=rules,
        champion=nobody,
        challenger=nobody,
    )
    _, rows = together([pair.rows for pair in batches])
    past = None if rows is None else blocks_of(run, rows)
    if past is None or len(past.start) < FEWEST:
        known = 0 if past is None else len(past.start)
        raise RequestError(
            f"{model}: {known} {rules.block}s with labels were predicted by a champion and a "
            f"challenger that were not trained on them, wanted at least {FEWEST}; while a "
            f"challenger waits, `ml-assets score {model} --backfill` also predicts earlier batches "
            "with it"
        )
    spread = past.values - past.values.mean()
    rng = np.random.default_rng(seed)
    width = float(past.bound.mean())
    return TrialPlan(
        rules.block,
        LOSS[parsed(spec.training.metric)[0]],
        len(past.start),
        tuple(
            sorted({f"{names.get(p.challenger)} beside {names.get(p.champion)}" for p in batches})
        ),
        draws,
        tuple(_line(rng, rules, spread, mean, width, draws) for mean in PLANTED),
    )


def _line(
    rng: np.random.Generator,
    rules: TrialSpec,
    spread: Array,
    planted: float,
    width: float,
    draws: int,
) -> Line:
    ended, days = list[str](), list[int]()
    for _ in range(draws):
        values = np.clip(_drawn(rng, spread, rules.max_blocks) + planted, -1.0, 1.0)
        made = judged(values, alpha=rules.alpha, equivalent=rules.equivalent, most=rules.max_blocks)
        ended.append(made.verdict)
        days.append(rules.max_blocks if made.at is None else made.at + 1)
    shares = {name: ended.count(name) / draws for name in VERDICTS}
    median, most = np.quantile(days, [0.5, 0.9])
    return Line(planted, planted * width, shares, float(median), float(most))


def _drawn(rng: np.random.Generator, spread: Array, many: int) -> Array:
    """Return `many` values: runs of neighbours, drawn with replacement, round the end."""
    starts = rng.integers(0, len(spread), -(-many // RUN))
    places = (starts[:, None] + np.arange(RUN)) % len(spread)
    return np.asarray(spread[places.ravel()[:many]])
