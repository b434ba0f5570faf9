"""Publishes a promotion that a command wrote to the log: MLflow's aliases, Dagster's asset.

A run does the same in its step. If the process dies first, the next run publishes the promotion,
since the transaction of the entry marks the asset as unpublished.
"""

from __future__ import annotations

from typing import Protocol

from ml_assets.engine.code_versions import code_versions
from ml_assets.engine.plan import Planner
from ml_assets.errors import PublishError
from ml_assets.graph.events import DATA_VERSION, materialization
from ml_assets.graph.instance import open_instance
from ml_assets.store.records import Current

ATTEMPTS = 5


class Shows(Protocol):
    """Can publish a model's log to MLflow (as `adapters.mlflow.process.Publisher`)."""

    def show_log(self, model: str) -> object:
        """Publish it; raises PublishError."""


def show(planner: Planner, model: str, outside: Shows) -> None:
    """Publish the current log of a model to MLflow and Dagster.

    Raises PublishError; the log is kept, and the next run publishes it.
    """
    home = planner.home
    for _ in range(ATTEMPTS):
        length = home.promotions.length(home.env, model)
        outside.show_log(model)
        current = home.records.current(home.env, f"{model}/champion")
        if current is None:
            # No gate has run, so Dagster has no asset on which to show it.
            return
        _report(planner, model, current)
        if home.promotions.mark_shown(home.env, model, current.token, length):
            return
    raise PublishError(
        f"{model}: its promotion log changed during publishing; the next run publishes the rest"
    )


def _report(planner: Planner, model: str, current: Current) -> None:
    version = code_versions(planner.project, planner.workspace, model)["champion"]
    with open_instance(planner.workspace) as instance:
        seen = instance.event_log_storage.get_maximum_record_id()
        event = materialization(planner.home, planner.project, current, False, version, seen)
        before = instance.get_latest_materialization_event(event.asset_key)
        shown = before.asset_materialization if before is not None else None
        if shown is not None and (shown.tags or {}).get(DATA_VERSION) == current.digest:
            # The decision is the same, so its inputs are as Dagster recorded them in the run.
            event = event._replace(tags={**(event.tags or {}), **(shown.tags or {})})
        instance.report_runless_asset_event(event)
