"""Showing in Dagster what the store holds: events made from current records, by digest."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

import dagster as dg

from ml_assets.adapters.decision import rules_table, standing
from ml_assets.graph.describe import feature_lineage
from ml_assets.plan.cells import Unit
from ml_assets.plan.lineage import edges, partitioned
from ml_assets.spec.project import Project
from ml_assets.store.home import Home
from ml_assets.store.records import Current

DATA_VERSION = "dagster/data_version"
CODE_VERSION = "dagster/code_version"
INPUT = "dagster/input_data_version/"
POINTER = "dagster/input_event_pointer/"


def key_of(asset: str) -> dg.AssetKey:
    """Return Dagster's key of an asset."""
    return dg.AssetKey(asset.split("/"))


def materialization(
    home: Home, project: Project, current: Current, reused: bool, code_version: str
) -> dg.AssetMaterialization:
    """Return the event that shows a batch's record, its data version and provenance exact."""
    return dg.AssetMaterialization(
        asset_key=key_of(current.asset),
        partition=current.partition or None,
        description="reused" if reused else None,
        metadata=metadata(home, project, current, reused),
        tags={
            DATA_VERSION: current.digest,
            CODE_VERSION: code_version,
            **_provenance(home, project, current),
        },
    )


def _provenance(home: Home, project: Project, current: Current) -> dict[str, str]:
    """Return the data versions of what a batch was made from; Dagster's stale marks read them."""
    found: dict[str, str] = {}
    for source in edges(project)[current.asset]:
        partition = current.partition if partitioned(project, source) else ""
        if source.endswith("/landing"):
            digest = current.facts.get("landing")
        else:
            held = home.records.current(home.env, source, partition)
            digest = None if held is None else held.digest
        if digest is not None:
            key = key_of(source).to_user_string()
            found |= {f"{INPUT}{key}": digest, f"{POINTER}{key}": "NULL"}
    return found


def observation(unit: Unit, digest: str) -> dg.AssetObservation:
    """Return the event that shows which landed bytes a batch was made from."""
    return dg.AssetObservation(
        asset_key=key_of(f"{unit.group}/landing"),
        partition=unit.partition or None,
        tags={DATA_VERSION: digest},
        metadata={"digest": digest},
    )


def metadata(home: Home, project: Project, current: Current, reused: bool) -> dict[str, Any]:
    """Return what Dagster's page says about a current record."""
    found: dict[str, Any] = {
        "version": f"v{current.number}",
        "digest": current.digest,
        "reused": reused,
    }
    rows = [ref.rows for ref in current.outputs.values() if ref.kind == "table"]
    if rows and rows[0] is not None:
        found["dagster/row_count"] = rows[0]
    for key in (
        "landed",
        "filtered",
        "quarantined",
        "refused",
        "withdrawn",
        "follows",
        "file",
        "onnx",
    ):
        value = current.facts.get(key)
        if value not in (None, {}):
            found[key] = dg.MetadataValue.json(value) if isinstance(value, dict) else value
    group, name = current.asset.split("/")
    if name == "features":
        found["dagster/column_lineage"] = feature_lineage(project.models[group])
    if name == "candidate":
        found["chosen"] = current.facts["chosen"]
        found["leaderboard"] = dg.MetadataValue.md(leaderboard(current.facts))
    if name == "evaluation_report":
        found |= _report(home, current)
    if name == "champion":
        found |= log_metadata(home, group, current)
    if name == "quality_report":
        found |= _quality(home, current)
    return found


def leaderboard(facts: Mapping[str, Any]) -> str:
    """Return the families by their validation metric, as a Markdown table."""
    metric = facts["metric"]
    lines = [f"| family | {metric} on validation |", "| --- | ---: |"]
    for row in facts["families"]:
        value = row["value"]
        shown = "-" if value is None else f"{value:.4g}"
        mark = " **chosen**" if row["family"] == facts["chosen"] else ""
        lines.append(f"| {row['family']}{mark} | {shown} |")
    return "\n".join(lines)


def _report(home: Home, current: Current) -> dict[str, Any]:
    metrics = current.facts["metrics"]
    lines = ["| metric | candidate | interval | baseline |", "| --- | ---: | --- | ---: |"]
    for name, value in metrics["test"].items():
        low_high = metrics["intervals"].get(name)
        interval = (
            "" if not low_high or None in low_high else f"{low_high[0]:.4g} … {low_high[1]:.4g}"
        )
        base = metrics["baseline"].get(name)
        lines.append(f"| {name} | {_number(value)} | {interval} | {_number(base)} |")
    found: dict[str, Any] = {
        "report": dg.MetadataValue.md("\n".join(lines)),
        "report_file": dg.MetadataValue.path(
            str(home.objects.path(current.outputs["report"].digest))
        ),
    }
    found |= {f"test_{n}": v for n, v in metrics["test"].items() if v is not None}
    found |= {f"baseline_{n}": v for n, v in metrics["baseline"].items() if v is not None}
    return found


def log_metadata(home: Home, model: str, current: Current) -> dict[str, Any]:
    """Return what the promotion log says of a model and its candidate, and the decision."""
    found: dict[str, Any] = {
        name: value for name, value in standing(home, model).items() if value is not None
    }
    decision = home.objects.json(current.outputs["decision"].digest)
    entry = home.promotions.decided(
        home.env, model, current.facts["candidate"], current.facts["policy"]
    )
    if entry is not None:
        found |= {"verdict": entry.action, "reason": entry.reason, "candidate": f"v{entry.version}"}
    found["rules"] = dg.MetadataValue.md(rules_table(decision))
    report = home.records.current(home.env, f"{model}/evaluation_report")
    if report is not None:
        path = str(home.objects.path(report.outputs["report"].digest))
        found["report_file"] = dg.MetadataValue.path(path)
    return found


def _quality(home: Home, current: Current) -> dict[str, Any]:
    """Return the report inline, its file, and the figures that are plotted over batches."""
    said = current.facts["quality"]
    lines = ["| | | |", "| --- | --- | --- |"]
    lines += [f"| **{title}** | {word} | {_cell(text)} |" for title, word, text in said["verdicts"]]
    lines += ["", "| column | of | effect | limit | |", "| --- | --- | ---: | ---: | --- |"]
    lines += [
        f"| {_cell(column)} | {kind} | {effect} | {limit} | {'**drift**' if alarm else ''} |"
        for column, kind, effect, limit, alarm in said["drift"]
    ]
    return {
        "report": dg.MetadataValue.md("\n".join(lines)),
        "report_file": dg.MetadataValue.path(
            str(home.objects.path(current.outputs["report"].digest))
        ),
        **said["numbers"],
    }


def _cell(text: str) -> str:
    """Return a text as it stands in a cell of a Markdown table, without any markup of its own."""
    escaped = html.escape(text, quote=False)
    return re.sub(r"([\\`*_\[\]|!])", r"\\\1", escaped).replace("\n", " ")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


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
