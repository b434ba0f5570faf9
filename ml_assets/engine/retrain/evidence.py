"""What is known of new data: rows, times, and what monitoring reports say of them.

Belongs here: reading it from the store, what was read of a table once only. Does not belong here:
judging (`policy`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ml_assets.engine.retrain.policy import Evidence, Reading, reading
from ml_assets.spec.project import Project
from ml_assets.store import aside
from ml_assets.store.home import Home
from ml_assets.store.records import Current

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

FILE = "retrain.json"
KEPT = 5_000
"""How many tables are remembered."""
REPORT = "monitoring_report"
OWN = ("_line",)
"""Columns of features that say nothing of a row's content."""


@dataclass(frozen=True)
class Table:
    """What is counted of a features table."""

    rows: int
    labelled: int
    newest: str | None
    """The newest event time (ISO, UTC)."""


class Tables:
    """Counts of features tables, remembered in the environment's folder."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._path = home.folder / FILE
        self._known = _read(self._path)
        self._before = len(self._known)

    def of(self, digest: str) -> Table:
        """Return the counts of a table."""
        if digest not in self._known:
            self._known[digest] = _counted(self._home, digest)
        return Table(*self._known[digest])

    def changed(self, then: str, now: str) -> tuple[int, int]:
        """Return how many rows of a table are in no row of another: with and without a label."""
        place = f"{then} {now}"
        if place not in self._known:
            self._known[place] = list(_changed(self._home, then, now))
        labelled, unlabelled = self._known[place]
        return labelled, unlabelled

    def keep(self) -> None:
        """Remember what was counted."""
        if len(self._known) == self._before:
            return
        newest = dict(list(self._known.items())[-KEPT:])
        aside.write(self._path, json.dumps(newest).encode())


def rows_of(tables: Tables, then: Mapping[str, str], now: Mapping[str, str]) -> tuple[int, int]:
    """Return the new and changed rows, with and without a label; arguments are batch: digest."""
    labelled = unlabelled = 0
    for batch, digest in now.items():
        if batch not in then:
            table = tables.of(digest)
            more = (table.labelled, table.rows - table.labelled)
        elif then[batch] != digest:
            more = tables.changed(then[batch], digest)
        else:
            continue
        labelled, unlabelled = labelled + more[0], unlabelled + more[1]
    return labelled, unlabelled


def newest(tables: Tables, features: Mapping[str, str]) -> datetime | None:
    """Return the newest event time of some features."""
    times = [time for digest in features.values() if (time := tables.of(digest).newest)]
    return datetime.fromisoformat(max(times)) if times else None


def evidence(
    home: Home,
    project: Project,
    model: str,
    then: Mapping[str, str],
    now: Mapping[str, str],
    trained: Sequence[datetime],
    moment: datetime | None,
    asked: Collection[str] = (),
) -> Evidence:
    """Return what is known of the features `now` against those of `then`, by batch: digest.

    Of monitoring reports, what is `asked` for: drift, realized, estimated.
    """
    tables = Tables(home)
    labelled, unlabelled = rows_of(tables, then, now)
    tables.keep()
    fresh = {batch for batch in now if then.get(batch) != now[batch]}
    held = home.records.held(home.env, f"{model}/{REPORT}")
    order = [batch for batch in project.ordered(model, held) if batch in fresh][::-1]
    reports = {batch: held[batch] for batch in order}
    metric = project.models[model].training.metric
    readings = {
        "drift": _drift,
        "realized": lambda batch, report: _realized(batch, report, metric),
        "estimated": lambda batch, report: _estimated(home, batch, report, metric),
    }
    return Evidence(
        rows=labelled,
        unlabelled=unlabelled,
        withdrawn=[batch for batch in then if batch not in now],
        **{name: _first(reports, readings[name]) for name in asked},
        reports=len(reports),
        trained=trained,
        now=moment,
    )


def _first(reports: Mapping[str, Current], of: Any) -> Reading | None:
    """Return the figure of the newest report that has it."""
    found = (of(batch, report) for batch, report in reports.items())
    return next((one for one in found if one is not None), None)


def _check(report: Current, name: str) -> Mapping[str, Any]:
    """Return a check of a report that was judged, empty if it was not."""
    for check in report.checks:
        if check["name"] == name and check["passed"] is not None:
            return check
    return {}


def _drift(batch: str, report: Current) -> Reading | None:
    joint = _check(report, "joint_drift")
    if joint:
        told = joint["metadata"]
        return reading("drift", told["auc"], told["threshold"], not joint["passed"], batch)
    inputs = _check(report, "input_drift")
    if not inputs:
        return None
    told = inputs["metadata"]
    said = f"drift of {told['drifted_columns']} of {told['compared_columns']} inputs ({batch})"
    return Reading(not inputs["passed"], said)


def _realized(batch: str, report: Current, metric: str) -> Reading | None:
    check = _check(report, "realized_metric")
    if not check:
        return None
    told, over = check["metadata"], not check["passed"]
    return _loss("realized", metric, told["value"], told["on_test"], over, batch)


def _estimated(home: Home, batch: str, report: Current, metric: str) -> Reading | None:
    from ml_assets.stages.monitor.report import at_test, worse

    entry = home.objects.json(report.outputs["figures"].digest)["estimated"].get(metric)
    made = home.records.action(report.actions["report"])
    tested = None if made is None else made.ingredients["inputs"]["tested"]
    if entry is None or entry["value"] is None or tested is None or home.objects.missing([tested]):
        return None
    metrics = home.objects.json(tested)
    over, then = worse(metric, entry, metrics), at_test(metric, metrics)
    if over is None or then is None:
        return None
    return _loss("estimated", metric, entry["value"], then["value"], over, batch)


def _loss(kind: str, metric: str, value: float, test: float, over: bool, batch: str) -> Reading:
    made = reading(f"{kind} {metric}", value, None, over, batch)
    verb = "worse than" if over else "not clearly worse than"
    return Reading(over, f"{made.said}, {verb} {test:.4g} on test")


def _counted(home: Home, digest: str) -> list[Any]:
    import pyarrow.compute as pc

    table = home.objects.table(digest, ["_time", "_target"])
    latest = pc.max(table["_time"]).as_py() if len(table) else None
    if latest is not None:
        latest = latest.replace(tzinfo=latest.tzinfo or UTC).astimezone(UTC).isoformat()
    return [len(table), len(table) - table["_target"].null_count, latest]


def _changed(home: Home, then: str, now: str) -> tuple[int, int]:
    import numpy as np

    before, after = (home.objects.table(digest) for digest in (then, now))
    new = np.ones(len(after), dtype=bool)
    if set(before.column_names) == set(after.column_names):
        names = [name for name in after.column_names if name not in OWN]
        new = ~np.isin(_marks(after.select(names)), _marks(before.select(names)))
    labelled = int((after["_target"].is_valid().to_numpy() & new).sum())
    return labelled, int(new.sum()) - labelled


def _marks(table: pa.Table) -> NDArray[np.uint64]:
    """Return a hash of each row."""
    import numpy as np
    from pandas.util import hash_pandas_object

    from ml_assets.stages.frames import to_frame

    # A frame leaves out what begins with "_".
    named = table.rename_columns([f"row{name}" for name in table.column_names])
    return np.asarray(hash_pandas_object(to_frame(named), index=False), dtype=np.uint64)


def _read(path: Any) -> dict[str, list[Any]]:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
