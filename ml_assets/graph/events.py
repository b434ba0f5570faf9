"""Dagster's events, built from the store's current records by digest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from ml_assets.assets.cells import Unit
from ml_assets.assets.edges import entry_of, partitioned, sources_of
from ml_assets.assets.registry import function
from ml_assets.graph.keys import key_of
from ml_assets.graph.preview import preview
from ml_assets.spec.project import Project
from ml_assets.store.home import Home
from ml_assets.store.records import Current

DATA_VERSION = "dagster/data_version"
CODE_VERSION = "dagster/code_version"
INPUT = "dagster/input_data_version/"
POINTER = "dagster/input_event_pointer/"


def materialization(
    home: Home,
    project: Project,
    current: Current,
    reused: bool,
    code_version: str,
    seen: int | None,
) -> dg.AssetMaterialization:
    """Return the event for a batch's record, with exact data version and provenance.

    `seen` is the id of the last event in Dagster's log; newer events make the batch stale.
    """
    return dg.AssetMaterialization(
        asset_key=key_of(current.asset),
        partition=current.partition or None,
        description="reused" if reused else None,
        metadata=metadata(home, project, current, reused),
        tags={
            DATA_VERSION: current.digest,
            CODE_VERSION: code_version,
            **_provenance(home, project, current, seen),
        },
    )


def _provenance(home: Home, project: Project, current: Current, seen: int | None) -> dict[str, str]:
    """Return the data versions of a batch's inputs, which decide Dagster's stale marks."""
    tags: dict[str, str] = {}
    for source in sources_of(project, current.asset, implied=False):
        partition = current.partition if partitioned(project, source) else ""
        if source.endswith("/landing"):
            # Dagster reads no events of assets that it does not make; this tells it to skip the
            # comparison.
            digest, pointer = current.facts.get("landing"), "NULL"
        else:
            held = home.records.current(home.env, source, partition)
            digest, pointer = None if held is None else held.digest, str(seen or "NULL")
        if digest is not None:
            key = key_of(source).to_user_string()
            tags |= {f"{INPUT}{key}": digest, f"{POINTER}{key}": pointer}
    return tags


def observation(unit: Unit, digest: str) -> dg.AssetObservation:
    """Return the event for the landed bytes of a batch."""
    return dg.AssetObservation(
        asset_key=key_of(f"{unit.group}/landing"),
        partition=unit.partition or None,
        tags={DATA_VERSION: digest},
        metadata={"digest": digest},
    )


def metadata(home: Home, project: Project, current: Current, reused: bool) -> dict[str, Any]:
    """Return the metadata of a current record for Dagster's page."""
    entries: dict[str, Any] = {
        "version": f"v{current.number}",
        "digest": current.digest,
        "reused": reused,
    }
    counts = [ref.rows for ref in current.outputs.values() if ref.kind == "table"]
    if counts and counts[0] is not None:
        entries["dagster/row_count"] = counts[0]
    for key in (
        "landed",
        "filtered",
        "quarantined",
        "unlabelled",
        "dummy",
        "refused",
        "withdrawn",
        "follows",
        "file",
        "onnx",
        "code",
    ):
        value = current.facts.get(key)
        if value not in (None, {}):
            entries[key] = _plain(value)
    first = preview(home, project, current)
    if first is not None:
        entries["preview"] = dg.MetadataValue.md(first)
    record = entry_of(current.asset).record
    if record:
        entries |= function(record)(home, project, current)
    return entries


def check_evaluation(
    asset: str, partition: str | None, check: Mapping[str, Any]
) -> dg.AssetCheckEvaluation:
    """Return a recorded check as Dagster's event; a check that does not apply passes."""
    severity = check["severity"]
    return dg.AssetCheckEvaluation(
        asset_key=key_of(asset),
        check_name=check["name"],
        passed=check["passed"] is not False,
        severity=(
            dg.AssetCheckSeverity.WARN if severity == "warn" else dg.AssetCheckSeverity.ERROR
        ),
        description=check["description"],
        metadata={k: _plain(v) for k, v in check["metadata"].items()},
        partition=partition,
    )


def _plain(value: Any) -> Any:
    return dg.MetadataValue.json(value) if isinstance(value, (dict, list)) else value
