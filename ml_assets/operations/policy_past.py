"""What a policy of training would have done on the past, batch by batch.

Belongs here: walking through a model's batches. Does not belong here: judging (`engine/retrain`).

Rows, times and monitoring reports are those that are in the store now: a report is by the model
that was champion then, and labels count from their batch on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import yaml
from pydantic import ValidationError

from ml_assets.engine.plan import Planner
from ml_assets.engine.retrain.evidence import Tables, evidence, newest
from ml_assets.engine.retrain.policy import asked_of, judge
from ml_assets.errors import RequestError
from ml_assets.spec.model import ModelSpec
from ml_assets.spec.retrain import Retrain, retrain_mismatches
from ml_assets.spec.split import TimeSplit


@dataclass(frozen=True)
class Step:
    """What a policy would have said when a batch was there."""

    batch: str
    train: bool
    said: str


def read_policy(texts: Sequence[str]) -> Retrain:
    """Return the policy of some conditions, any of which is enough; raises RequestError.

    >>> read_policy(["new_rows=5000", "drift", "at_most=1 a week"]).at_most
    '1 a week'
    """
    rest: dict[str, Any] = {}
    conditions: list[Any] = []
    for text in texts:
        name, _, value = text.partition("=")
        if name in ("at_most", "time"):
            rest[name] = value
        elif text.startswith("{"):
            conditions.append(_parsed(text))
        else:
            conditions.append({name: _parsed(value)} if value else name)
    when = {"any": conditions} if len(conditions) > 1 else conditions[0] if conditions else "always"
    try:
        return Retrain.model_validate({"when": when, **rest})
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        said = "; ".join(wrong).replace("Value error, ", "").replace("Input should be", "wanted")
        raise RequestError(
            f"--try {' '.join(texts)}: {said}; wanted e.g. new_rows=5000, drift, loss=realized, "
            "'every=1 month', 'at_most=1 a week'"
        ) from None


def _parsed(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def past_of(planner: Planner, name: str, policy: Retrain, start: int | None = None) -> list[Step]:
    """Return what a policy would have done with each batch of a model, from the first training on.

    That is when `start` batches are there, or else as many as a training needs. Raises RequestError
    for a policy that reads what the model does not have.
    """
    home, project = planner.home, planner.project
    model = project.models[name]
    dataset = project.datasets[model.dataset]
    wrong = retrain_mismatches(model.model_copy(update={"retrain": policy}), dataset)
    if said := [f"{place[-1]}: {what}" for place, what in wrong]:
        raise RequestError("; ".join(said))
    held = home.records.held(home.env, f"{name}/features")
    batches = [b for b in project.ordered(name, held) if held[b].facts.get("usable", True)]
    features = {batch: held[batch].digest for batch in batches}
    first = start or _first(model)
    if len(batches) < first:
        return []
    then = dict(list(features.items())[:first])
    trained = [_time(planner, name, policy, then)]
    steps = [Step(batches[first - 1], True, "the first training")]
    for number in range(first, len(batches)):
        now = dict(list(features.items())[: number + 1])
        moment = _time(planner, name, policy, now)
        times = [time for time in trained if time is not None]
        known = evidence(home, project, name, then, now, times, moment, asked_of(policy))
        judged = judge(policy, known)
        steps.append(Step(batches[number], judged.train, judged.said))
        if judged.train:
            then, trained = now, [*trained, moment]
    return steps


def _first(model: ModelSpec) -> int:
    """Return how many batches a first training needs."""
    split = model.split
    if isinstance(split, TimeSplit) and isinstance(split.test, int):
        return split.test + (split.validation if isinstance(split.validation, int) else 0) + 1
    return 1


def _time(
    planner: Planner, name: str, policy: Retrain, features: dict[str, str]
) -> datetime | None:
    """Return the time by which a policy goes when the newest of some batches is there."""
    if policy.time == "data":
        tables = Tables(planner.home)
        found = newest(tables, features)
        tables.keep()
        return found
    dataset = planner.project.models[name].dataset
    landed = planner.home.batches.landed()
    times = [item.landed for b in features for item in landed.get((dataset, b), [])[-1:]]
    return datetime.fromisoformat(max(times)).astimezone(UTC) if times else None
