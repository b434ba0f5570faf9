"""The complete graph of a project: assets, checks, jobs and the sensor."""

from __future__ import annotations

import functools
import warnings

import dagster as dg

from ml_assets.assets.edges import asset_keys, assets_of, entry_of, groups
from ml_assets.engine.code_versions import code_versions
from ml_assets.engine.plan import Planner, planner_here
from ml_assets.errors import MlAssetsError
from ml_assets.graph.alerts import alert_sensors
from ml_assets.graph.describe import asset_spec
from ml_assets.graph.keys import key_of
from ml_assets.graph.reload import can_reload
from ml_assets.graph.resource import Caller, engine_resource
from ml_assets.graph.runs import job_name
from ml_assets.graph.sensor import reconcile_sensor, repair_sensor
from ml_assets.graph.units import unit_assets
from ml_assets.keys.purity import impurities
from ml_assets.spec.project import Project
from ml_assets.workspace import Workspace


@functools.cache
def calendar(name: str) -> dg.DynamicPartitionsDefinition:
    """Return the partitions shared by all datasets on a calendar."""
    return dg.DynamicPartitionsDefinition(name=name)


def group_definitions(project: Project, group: str, workspace: Workspace) -> dg.Definitions:
    """Return the assets and checks of one dataset or model."""
    name = project.calendar_of(group)
    partitions = calendar(name) if name is not None else None
    versions = code_versions(project, workspace, group)
    units = [unit_assets(project, group, kind, partitions, versions[kind]) for kind in versions]
    observed = [
        asset_spec(project, f"{group}/{entry.name}", partitions)
        for entry in assets_of(project, group)
        if entry.unit is None
    ]
    return dg.Definitions(assets=[*observed, *units])


def jobs(project: Project) -> list[dg.UnresolvedAssetJobDefinition]:
    """Return a job for each calendar (a run cannot have two), and one for the rest."""
    assets = [a for a in asset_keys(project) if entry_of(a).unit is not None]
    calendars = {asset: project.calendar_of(asset.split("/")[0]) for asset in assets}
    # A snapshot is in every job, so that a model which joins it needs one run, not two.
    by_calendar = {
        name: [a for a in assets if calendars[a] in (name, None)]
        for name in sorted(set(calendars.values()), key=str)
    }
    return [
        dg.define_asset_job(
            job_name(name),
            description="What the sensor starts: makes what has changed, reuses the rest.",
            selection=dg.AssetSelection.assets(*[key_of(asset) for asset in chosen]),
            executor_def=dg.in_process_executor,
            tags={"dagster/max_runtime": "21600"},
        )
        for name, chosen in by_calendar.items()
    ]


class ImpureHook(UserWarning):
    """A hook's source seems to read something that is not among its inputs."""


def shared_definitions(
    project: Project, workspace: Workspace, caller: Caller | None = None
) -> dg.Definitions:
    """Return the definitions that all groups share: resources, executor, jobs and the sensor."""
    for impurity in impurities(workspace, project):
        # Shown when the definitions are loaded or checked (`dg check defs`).
        warnings.warn(str(impurity), ImpureHook, stacklevel=2)
    made = jobs(project)
    sensors = [reconcile_sensor(project, workspace, made), *alert_sensors(project)]
    return dg.Definitions(
        jobs=made,
        sensors=sensors if made else [],
        resources={"engine": engine_resource(caller or Caller())},
        executor=dg.in_process_executor,
    )


def definitions(planner: Planner, caller: Caller | None = None) -> dg.Definitions:
    """Return the definitions of a project; runs in this process belong to `caller`."""
    project, workspace = planner.project, planner.workspace
    parts = [group_definitions(project, group, workspace) for group in groups(project)]
    return dg.Definitions.merge(*parts, shared_definitions(project, workspace, caller))


def definitions_here() -> dg.Definitions:
    """Return the definitions of the project around the current folder.

    Raises MlAssetsError if they cannot be read, except in a code server that can reload. It gets
    a sensor that waits until they are repaired, since a location that failed to load would stay
    out of service until somebody pressed Reload.
    """
    try:
        planner = planner_here()
        planner.home.close()
        return definitions(planner)
    except MlAssetsError as error:
        if not can_reload():
            raise
        return dg.Definitions(sensors=[repair_sensor(str(error))])
