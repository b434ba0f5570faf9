"""The newest monitoring reports' figures for Prometheus: of a model's batches and of its requests.

They are read from the home when they are asked for, by the worker that is asked, and not added up
over workers. A label is the name of a column, a check or a batch, never a value of a row.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from ml_assets.operations.watched import watched
from ml_assets.serve.service.followed import FAILURES
from ml_assets.spec.project import Project
from ml_assets.spec.requests_dataset import requests_name
from ml_assets.store.home import Home

LABELS = ("model", "of")
log = logging.getLogger("ml_assets.serve")


def monitored(home: Home, project: Project, models: Iterable[str]) -> bytes:
    """Return the figures in Prometheus' text format; nothing while the home is away."""
    registry = CollectorRegistry()
    figure = Gauge(
        "ml_assets_monitored",
        "A figure of the newest monitoring report.",
        [*LABELS, "figure"],
        registry=registry,
    )
    warns = Gauge(
        "ml_assets_monitoring_warns",
        "1 if a check of the newest monitoring report warns.",
        [*LABELS, "check"],
        registry=registry,
    )
    alarm = Gauge(
        "ml_assets_monitoring_alarm",
        "1 if there is an alarm over batches.",
        LABELS,
        registry=registry,
    )
    newest = Gauge(
        "ml_assets_monitoring_info", "The newest report.", [*LABELS, "batch"], registry=registry
    )
    try:
        for model in models:
            for of, group in (("batches", model), ("requests", requests_name(model))):
                found = watched(home, project, group)
                if found is None:
                    continue
                for name, value in found.figures.items():
                    figure.labels(model, of, name).set(value)
                for name in found.checks:
                    warns.labels(model, of, name).set(name in found.warns)
                alarm.labels(model, of).set(found.since is not None)
                newest.labels(model, of, found.batches[-1]).set(1)
    except FAILURES as error:
        log.warning("figures of monitoring: %s", error)
        return b""
    return generate_latest(registry)
