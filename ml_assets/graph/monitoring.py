"""A monitoring report as Dagster's page shows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ml_assets.engine.markdown import plain
from ml_assets.graph.quality import report_metadata
from ml_assets.operations.watched import Followed, followed
from ml_assets.spec.project import Project
from ml_assets.store.home import Home
from ml_assets.store.records import Current

_read: ContextVar[dict[str, Followed | None] | None] = ContextVar("_read", default=None)


@contextmanager
def read_once() -> Iterator[None]:
    """Have the reports of each model be read once, for the metadata of all batches of a step.

    Reading all of them for each batch would take as long as the square of their number.
    """
    token = _read.set({})
    try:
        yield
    finally:
        _read.reset(token)


def monitoring_metadata(home: Home, project: Project, current: Current) -> dict[str, Any]:
    """Return the report inline, its file, the numbers that are plotted over batches, and alarms.

    An alarm is of all batches up to this one, as they are held now.
    """
    said, group = current.facts["monitoring"], current.asset.split("/")[0]
    reports = _followed(home, project, group)
    seen = None if reports is None else reports.upto(current.partition)
    warns = [check["name"] for check in current.checks if check["passed"] is False]
    first = f"Predicted by **{said['model']}**."
    alarms: dict[str, Any] = {"warnings": len(warns)}
    if seen is not None:
        first += f" {plain(seen.line()).capitalize()}."
        alarms |= {"alarm": int(seen.since is not None), "changed_for_good": len(seen.columns)}
    metadata = report_metadata(home, current, said, first=first, column="input", mark="changed")
    return {**metadata, **alarms}


def _followed(home: Home, project: Project, group: str) -> Followed | None:
    read = _read.get()
    if read is None:
        return followed(home, project, group)
    if group not in read:
        read[group] = followed(home, project, group)
    return read[group]
