"""A replay as one document: the matrix, each policy with its cost, and what follows.

Belongs here: which policies are compared, and their words. Does not belong here: simulating
(`policies`), pages (`page`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from ml_assets.engine.plan import Planner
from ml_assets.errors import RequestError
from ml_assets.operations.policy_past import past_of
from ml_assets.operations.replay.matrix import Listener, Replay
from ml_assets.operations.replay.policies import (
    Outcome,
    Past,
    Rule,
    Setting,
    always,
    drifted,
    every,
    fixed,
    hindsight,
    never,
    simulated,
    slope,
    stale,
    worse,
)
from ml_assets.spec.retrain import Retrain
from ml_assets.stages.counted import counted
from ml_assets.stages.quality.words import number

FEWEST = 2
"""Batches on which policies are compared: on the first all have the same model."""
NEVER, ALWAYS, BEST, OWN = "never", "always", "best in hindsight", "the spec's policy"
SHOWN = 3
"""How many batches a message names."""


@dataclass(frozen=True)
class Asked:
    """What a replay is asked for."""

    price: float = 0.0
    delay: int = 0
    warm_up: int = 3
    tried: Retrain | None = None
    """Another policy to compare."""
    named: str = ""
    """That policy in the words in which it was asked for."""


@dataclass(frozen=True)
class Row:
    """A policy and what became of it."""

    name: str
    outcome: Outcome
    said: str = ""
    """Its parameter, and where that is from."""


def replayed(
    planner: Planner, model: str, asked: Asked, listener: Listener = lambda _: None
) -> dict[str, Any]:
    """Return the document of a replay; raises UnknownName and RequestError."""
    if not math.isfinite(asked.price) or asked.price < 0:
        raise RequestError(f"--price: got {asked.price}, wanted a number of 0 or more")
    replay = Replay(planner, model)
    setting = Setting(
        replay.matrix(listener), cache(replay.drift), asked.delay, asked.price, asked.warm_up
    )
    _check(model, setting)
    rows = [
        *_plain(setting),
        *_fixed(setting),
        *_stated(planner, model, setting, asked),
        Row(BEST, hindsight(setting, setting.judged), "exact, by dynamic programming"),
    ]
    return _document(planner, replay, setting, rows)


def _check(model: str, setting: Setting) -> None:
    """Raise RequestError unless there are batches to fix parameters on and to compare on."""
    found, wanted = len(setting.served), setting.warm_up + FEWEST
    if found >= wanted:
        return
    matrix = setting.matrix
    bare = [
        batch
        for place, batch in enumerate(matrix.batches)
        if setting.fresh(place) and not setting.rows(place)
    ]
    parts = [
        f"{model}: got {counted(found, 'batch', 'batches')} with labels for which a model was "
        f"there, wanted {wanted} ({setting.warm_up} of --warm-up and {FEWEST} to compare on)",
        f"there are {counted(len(matrix.batches), 'usable batch', 'usable batches')}, and "
        f"--label-delay is {setting.delay}",
    ]
    if matrix.waiting:
        batch, why = list(matrix.waiting.items())[-1]
        parts.append(f"no model could be trained up to {batch}: {why}")
    if bare:
        more = ", …" if len(bare) > SHOWN else ""
        parts.append(f"no label has come for {', '.join(bare[:SHOWN])}{more}")
    raise RequestError("; ".join([*parts, "land more batches, or ask for less"]))


def _plain(setting: Setting) -> list[Row]:
    """Return the policies that look at nothing but the number of batches."""
    places = setting.judged
    counts = range(2, len(places))
    return [
        Row(NEVER, simulated(setting, places, never)),
        Row(ALWAYS, simulated(setting, places, always), "a new model before every batch"),
        *(Row(f"every {n}", simulated(setting, places, every(n))) for n in counts),
    ]


def _fixed(setting: Setting) -> list[Row]:
    """Return the policies with parameters, which are fixed on the first batches."""
    rows: list[Row] = []
    words = {"drift": "drift above {}", "loss": "loss {} above that on test"}
    rules: Mapping[str, Any] = {"drift": drifted, "loss": worse}
    for name, text in words.items():
        limit = fixed(setting, name)
        rule: Rule = never if limit is None else rules[name](limit)
        said = f"no limit paid on the first {setting.warm_up}, so never"
        if limit is not None:
            said = text.format(number(limit) if name == "drift" else f"{100 * limit:.1f}%")
        rows.append(Row(name, simulated(setting, setting.judged, rule), said))
    start = setting.judged[0]
    known = slope(Past(setting, start, setting.fresh(start), [], []))
    said = f"{number(known)} a row and batch of age on the first {setting.warm_up}"
    return [*rows, Row("cost-aware", simulated(setting, setting.judged, stale), said)]


def _stated(planner: Planner, model: str, setting: Setting, asked: Asked) -> list[Row]:
    """Return the policy of the spec, if it has one, and the one that is asked for."""
    own = planner.project.models[model].retrain
    stated = {} if own.always else {OWN: own}
    if asked.tried is not None:
        stated[asked.named] = asked.tried
    rows = []
    for name, policy in stated.items():
        rule = _as_then(planner, model, setting, policy)
        said = "by the monitoring reports that there are"
        rows.append(Row(name, simulated(setting, setting.judged, rule), said))
    return rows


def _as_then(planner: Planner, model: str, setting: Setting, policy: Retrain) -> Rule:
    """Return the rule that trains when a policy would have, by what is recorded."""
    steps = past_of(planner, model, policy, setting.judged[0])
    wanted = {step.batch for step in steps if step.train}

    def rule(past: Past) -> bool:
        start = past.since[-1] if past.since else past.place - 1
        return not wanted.isdisjoint(setting.matrix.batches[start : past.place])

    return rule


def _document(
    planner: Planner, replay: Replay, setting: Setting, rows: Sequence[Row]
) -> dict[str, Any]:
    matrix, best = setting.matrix, rows[-1].outcome.cost
    return {
        "model": replay.name,
        "environment": planner.home.env,
        "metric": replay.model.training.metric,
        "unit": replay.model.target_unit or "",
        "label_delay": setting.delay,
        "price": setting.price,
        "warm_up": [matrix.batches[place] for place in setting.first],
        "compared": [matrix.batches[place] for place in setting.judged],
        "models": [_model(one) for one in matrix.models.values()],
        "waiting": dict(matrix.waiting),
        "policies": [_policy(setting, row, best) for row in rows],
        "break_even": _break_even(rows),
        "said": _said(setting, rows),
        "executed": replay.counted.executed,
        "actions": len(replay.counted.asked),
    }


def _model(one: Any) -> dict[str, Any]:
    return {
        "trained_up_to": one.batch,
        "batches": one.number,
        "family": one.family,
        "seconds": round(one.seconds, 3),
        "test": one.test.mean,
        "losses": {
            batch: {"rows": loss.rows, "loss": loss.total, "mean": loss.mean}
            for batch, loss in one.later.items()
        },
    }


def _policy(setting: Setting, row: Row, best: float) -> dict[str, Any]:
    found, matrix = row.outcome, setting.matrix
    served = zip(setting.judged, found.models, strict=True)
    return {
        "name": row.name,
        "parameter": row.said,
        "trainings": len(found.trained),
        "trained_before": [matrix.batches[place] for place in found.trained],
        "loss": found.loss,
        "mean": found.loss / found.rows,
        "cost": found.cost,
        "above_best": found.cost - best,
        "served_by": {matrix.batches[p]: matrix.models[model].batch for p, model in served},
    }


def _break_even(rows: Sequence[Row]) -> float | None:
    """Return the price up to which `always` costs less than `never`; None if it trains never."""
    found = {row.name: row.outcome for row in rows}
    trained = len(found[ALWAYS].trained)
    return (found[NEVER].loss - found[ALWAYS].loss) / trained if trained else None


def _said(setting: Setting, rows: Sequence[Row]) -> list[str]:
    """Return in words which policies cost least, and what a training was worth."""
    ours = [row for row in rows if row.name != BEST]
    least = min(row.outcome.cost for row in ours)
    names = [row.name for row in ours if row.outcome.cost <= least * (1 + 1e-12)]
    above = least - rows[-1].outcome.cost
    said = [f"least cost: {', '.join(names)}"]
    if above > 0:
        said[0] += f" ({number(above)} above the best in hindsight)"
    worth = _break_even(rows)
    if worth is not None and worth > 0:
        said.append(
            f"a training of `always` saved {number(worth)} on average, so it is worth its price "
            f"up to that; the price is {number(setting.price)}"
        )
    elif worth is not None:
        said.append("newer models did not lose less: `never` costs less than `always` at any price")
    few = len(setting.judged)
    said.append(
        f"compared on {counted(few, 'batch', 'batches')}: differences of a percent or so are chance"
    )
    return said
