"""Effects of a finished unit outside the store: MLflow's run, the promotion log, a check.

The registry (`assets/registry`) names them. An effect is idempotent; if it fails, the step reports
it and the next run tries it again. Does not belong here: events of Dagster (`step`, `publish`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ml_assets.errors import Conflict, LogBroken, MlAssetsError, PublishError
from ml_assets.graph.report import mlflow_metadata
from ml_assets.graph.resource import Engine
from ml_assets.history.decisions import log_decision
from ml_assets.history.trials import log_verdict
from ml_assets.release.verify import verified
from ml_assets.store.home import Home
from ml_assets.store.records import Current


def mark_published(home: Home, current: Current) -> None:
    """Record that Dagster shows a record."""
    home.records.mark_published(home.env, current.asset, current.partition, current.token)


@dataclass(frozen=True)
class Effect:
    """The result of an effect."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Metadata added to the materialization's own."""
    problem: str | None = None
    """Why it failed; then nothing is marked as published."""
    mark: Callable[[Home, Current], None] = mark_published
    """Marks a record as published."""


def log_to_mlflow(engine: Engine, current: Current) -> Effect:
    """Publish a report's candidate to MLflow."""
    try:
        return Effect(mlflow_metadata(engine.publish(current.asset.split("/")[0])))
    except PublishError as error:
        return Effect(problem=str(error))


def record_decision(engine: Engine, current: Current) -> Effect:
    """Write a decision to the promotion log, and publish the log to MLflow."""
    home, model = engine.maker.planner.home, current.asset.split("/")[0]
    try:
        log_decision(home, model, current)
        length = home.promotions.length(home.env, model)
        engine.show_log(model)
    except (PublishError, Conflict, LogBroken) as error:
        return Effect(problem=str(error))

    def mark(home: Home, current: Current) -> None:
        home.promotions.mark_shown(home.env, model, current.token, length)

    return Effect(mark=mark)


def end_trial(engine: Engine, current: Current) -> Effect:
    """Write a trial's verdict to the promotion log, and publish the log to MLflow.

    A log that cannot be published is published by the champion's step, of this run or the next.
    """
    home, model = engine.maker.planner.home, current.asset.split("/")[0]
    try:
        if log_verdict(home, model, current) is not None:
            engine.show_log(model)
    except (PublishError, Conflict, LogBroken) as error:
        return Effect(problem=str(error))
    return Effect()


def verify(engine: Engine, current: Current) -> Effect:
    """Verify a release in a fresh process."""
    try:
        return Effect(verified(engine.maker.planner.home, current))
    except MlAssetsError as error:
        return Effect(problem=str(error))
