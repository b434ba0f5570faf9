"""The factory for every kind of unit: its assets, their checks, and the step that makes them.

A step first computes and records every batch, and only then reports to Dagster (`step`).
"""

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from ml_assets.assets.cells import Unit
from ml_assets.assets.edges import entry_of, partitioned
from ml_assets.assets.registry import KINDS, made_by
from ml_assets.engine.checks import checks_of
from ml_assets.errors import DamagedObject
from ml_assets.graph.describe import asset_spec
from ml_assets.graph.keys import asset_of, key_of
from ml_assets.graph.resource import Engine
from ml_assets.graph.step import publish
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.model import ModelSpec
from ml_assets.spec.project import Project


def unit_assets(
    project: Project,
    group: str,
    kind: str,
    partitions: dg.PartitionsDefinition[str] | None,
    code_version: str,
) -> dg.AssetsDefinition:
    """Return the assets and checks of one kind of unit of a dataset or model."""
    spec = project.datasets.get(group) or project.models[group]
    assets = [f"{group}/{entry.name}" for entry in made_by(kind)]
    own = partitions if partitioned(project, assets[0]) else None
    specs = [asset_spec(project, asset, partitions, code_version) for asset in assets]
    checks = list(check_specs(assets, spec, own))

    @dg.multi_asset(
        name=f"{group}__{kind}",
        specs=specs,
        check_specs=checks,
        partitions_def=own,
        backfill_policy=dg.BackfillPolicy.single_run() if own is not None else None,
        can_subset=True,
        op_tags={"dagster/priority": str(-list(KINDS).index(kind))},
    )
    def step(context: dg.AssetExecutionContext, engine: dg.ResourceParam[Engine]) -> Iterator[Any]:
        batches = list(context.partition_keys) if own is not None else [""]
        chosen = {asset_of(key) for key in context.selected_asset_keys}
        units = [Unit(group, kind, batch) for batch in batches]
        outcomes = list(engine.maker.make(units, chosen))
        # Dagster expects outputs in data-flow order.
        ordered = [asset for asset in assets if asset in chosen]
        try:
            yield from publish(context, engine, outcomes, ordered, code_version)
        except DamagedObject as error:
            # A plan notices missing objects; a damaged one would make every run fail again.
            engine.maker.planner.home.objects.forget(error.digest)
            raise dg.Failure(f"{error}; the next run rebuilds it", allow_retries=False) from None

    return step


def check_specs(
    assets: Sequence[str],
    spec: DatasetSpec | ModelSpec,
    partitions: dg.PartitionsDefinition[str] | None,
) -> Iterator[dg.AssetCheckSpec]:
    """Yield the checks shown on a unit's assets, the user's own included."""
    for asset in assets:
        name = asset.split("/")[1]
        described = {entry.name: entry.description for entry in checks_of(name, spec)}
        if entry_of(asset).own_checks:
            described |= {check: f"Custom check {hook}." for check, hook in spec.checks.items()}
        for check, text in described.items():
            with warnings.catch_warnings():
                # Checks by partition are a preview feature of Dagster; our use of them is tested.
                warnings.simplefilter("ignore", dg.PreviewWarning)
                check_spec = dg.AssetCheckSpec(
                    check, asset=key_of(asset), description=text, partitions_def=partitions
                )
            yield check_spec
