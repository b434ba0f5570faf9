"""The parts of a model's spec that its monitoring reports depend on.

Belongs here: choosing them. Does not belong here: tables and actions (`monitoring`).
"""

from __future__ import annotations

from collections.abc import Mapping

from ml_assets.assets.cells import Unit
from ml_assets.engine.recipes.evaluation import protected_spec
from ml_assets.engine.sensitive import Seen, sensitive_inputs
from ml_assets.spec.columns import Column
from ml_assets.spec.model import FeatureColumn, Task
from ml_assets.spec.monitored import (
    ExpectedSpec,
    KnownSpec,
    MonitorSpec,
    PageSpec,
    RealizedBySpec,
    ShiftSpec,
)
from ml_assets.spec.monitoring import Monitoring
from ml_assets.spec.project import Project
from ml_assets.spec.quality import Block, ReferenceSpec, ReportSpec

TIME = "_time"
COVERAGE = 0.9
"""The share of batches whose metric the interval of an estimate is to hold."""
Columns = Mapping[str, FeatureColumn]


def known_spec(
    project: Project, name: str, columns: Columns, known: Seen, blocks: int | None = None
) -> KnownSpec:
    """Return what the profile of a model's training rows depends on; `columns` are its inputs.

    `blocks` is how many blocks rows to be compared usually have, if not as many as a batch.
    """
    return KnownSpec(
        blocks=blocks,
        inputs=_reference_spec(project, name, _inputs(project, name, columns, known)),
        predictions=_reference_spec(project, name, _prediction(project, name)),
        seed=project.models[name].training.seed,
    )


def shift_spec(
    project: Project, name: str, columns: Columns, known: Seen, before: str
) -> ShiftSpec:
    """Return what comparing a batch depends on; `before` is the batch before."""
    return ShiftSpec(
        inputs=_compared_spec(project, name, _inputs(project, name, columns, known)),
        predictions=_compared_spec(project, name, _prediction(project, name)),
        before=before,
        seed=project.models[name].training.seed,
    )


def realized_spec(project: Project, name: str, known: Seen) -> RealizedBySpec:
    """Return what measuring a batch by slice depends on."""
    model, hidden = project.models[name], sensitive_inputs(project, name, known)
    asked = model.evaluation
    return RealizedBySpec(
        task=model.task,
        metric=model.training.metric,
        asked=(model.training.metric, *(n for n, hook in asked.metrics.items() if hook is None)),
        slices=tuple(column for column in asked.slices if column not in hidden),
        intervals=asked.intervals,
        seed=model.training.seed,
        protected=protected_spec(project, name, known) if asked.protected else None,
    )


def expected_spec(project: Project, name: str, task: Task, family: str | None) -> ExpectedSpec:
    """Return what estimating a batch depends on; `family` is a module of the project's own."""
    model = project.models[name]
    return ExpectedSpec(
        task=task,
        metric=model.training.metric,
        block=block_of(project, name),
        coverage=COVERAGE,
        family=family,
        seed=model.training.seed,
    )


def monitor_spec(
    project: Project,
    name: str,
    unit: Unit,
    version: str,
    reference: str,
    lacking: Mapping[str, str],
    *,
    late_days: float | None = None,
    challenger: str = "",
) -> MonitorSpec:
    """Return what the page of a unit depends on: a batch of a model, or a day of its requests."""
    model = project.models[name]
    return MonitorSpec(
        model=unit.group,
        batch=unit.partition,
        description=model.description,
        version=version,
        metric=model.training.metric,
        unit=model.target_unit or "",
        false_alarm_rate=_asked(project, name).false_alarm_rate,
        reference=reference,
        late_days=late_days,
        challenger=challenger,
        lacking=dict(lacking),
    )


def page_spec(spec: MonitorSpec) -> PageSpec:
    """Return the part of it that the page depends on besides the figures."""
    return PageSpec(**{name: getattr(spec, name) for name in PageSpec.model_fields})


def _asked(project: Project, name: str) -> Monitoring:
    return project.models[name].monitoring or Monitoring()


def block_of(project: Project, name: str) -> Block:
    """Return which rows of a model's dataset arrive together."""
    time = project.datasets[project.models[name].dataset].time
    return _asked(project, name).block or ("row" if time is None else "day")


def _inputs(project: Project, name: str, columns: Columns, known: Seen) -> dict[str, Column]:
    hidden = sensitive_inputs(project, name, known)
    inputs = {
        feature: Column(type=column.kind, nullable=True, sensitive=feature in hidden)
        for feature, column in columns.items()
    }
    return {**inputs, TIME: Column(type="timestamp", nullable=True)}


def _prediction(project: Project, name: str) -> dict[str, Column]:
    several = project.models[name].task == "multiclass"
    return {
        "prediction": Column(type="category" if several else "number"),
        TIME: Column(type="timestamp", nullable=True),
    }


def _skipped(project: Project, name: str, columns: Mapping[str, Column]) -> dict[str, str]:
    skipped = dict.fromkeys(_asked(project, name).ignore, "it is listed in monitoring.ignore")
    skipped |= {
        column: "it is a time, which always advances"
        for column, spec in columns.items()
        if spec.type in ("timestamp", "date")
    }
    return {column: why for column, why in skipped.items() if column in columns}


def _reference_spec(project: Project, name: str, columns: dict[str, Column]) -> ReferenceSpec:
    block = block_of(project, name)
    return ReferenceSpec(
        dataset=name,
        columns=columns,
        skipped=_skipped(project, name, columns),
        time=None if block == "row" else TIME,
        block=block,
        false_alarm_rate=_asked(project, name).false_alarm_rate,
    )


def _compared_spec(project: Project, name: str, columns: dict[str, Column]) -> ReportSpec:
    asked, block = _asked(project, name), block_of(project, name)
    return ReportSpec(
        dataset=name,
        batch="",
        description="",
        columns=columns,
        skipped=_skipped(project, name, columns),
        time=None if block == "row" else TIME,
        block=block,
        cleaning=(),
        filters={},
        read_by_filters=(),
        slices=(),
        smallest=asked.smallest,
        false_alarm_rate=asked.false_alarm_rate,
        reference="",
        in_reference=False,
    )
