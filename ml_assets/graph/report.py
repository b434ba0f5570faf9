"""A candidate's leaderboard and its evaluation report as Dagster's page shows them.

Belongs here: formatting stored numbers as Markdown, with plots as inline images. Does not belong
here: computing anything.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from typing import Any

import dagster as dg

from ml_assets.adapters.mlflow.server import address
from ml_assets.engine.markdown import plain
from ml_assets.engine.reports import page
from ml_assets.spec.project import Project
from ml_assets.stages.evaluate.sections import change
from ml_assets.stages.evaluate.words import size
from ml_assets.store.home import Home
from ml_assets.store.records import Current

MLFLOW_URL = "ML_ASSETS_MLFLOW_URL"
"""The environment variable with the address of MLflow's page; `up` sets it."""
VIEW = "?workflowType=machine_learning"
"""Without it MLflow's page surrounds a run with tools for language models."""


def leaderboard(home: Home, current: Current) -> str:
    """Return the families by validation metric, with the cost of each, as Markdown.

    The seconds are those of the recorded fit, wherever it ran.
    """
    metric = current.facts["metric"]
    crossed = any("parts" in row for row in current.facts["families"])
    where = "by cross-validation" if crossed else "on validation"
    lines = [
        f"| family | {metric} {where} | trees | parameters | size | seconds |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in current.facts["families"]:
        name = row["family"]
        mark = " **chosen**" if name == current.facts["chosen"] else ""
        cost = row.get("cost", {})
        fitted = home.records.action(current.actions[f"fit:{name}"])
        cells = [
            f"{name}{mark}",
            _number(row["value"]),
            _count(row["trees"]),
            _count(cost.get("parameters")),
            "-" if "bytes" not in cost else size(cost["bytes"]),
            "-" if fitted is None else f"{fitted.seconds:.1f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def candidate_metadata(home: Home, _: Project, current: Current) -> dict[str, Any]:
    """Return the chosen family and the leaderboard as metadata."""
    return {
        "chosen": current.facts["chosen"],
        "leaderboard": dg.MetadataValue.md(leaderboard(home, current)),
    }


def report_metadata(home: Home, _: Project, current: Current) -> dict[str, Any]:
    """Return tables, plots and single figures of a report as metadata."""
    metrics = current.facts["metrics"]
    metadata: dict[str, Any] = {
        "report": dg.MetadataValue.md(_metrics(metrics)),
        "report_file": dg.MetadataValue.path(str(page(home, current))),
    }
    if metrics["slices"]:
        metadata["slices"] = dg.MetadataValue.md(_slices(metrics))
    worst = metrics.get("worst_slices", {}).get("worst")
    if worst:
        where = ", ".join(f"{name}: {value}" for name, value in worst["where"].items())
        metadata["worst_slice"] = f"{where} ({worst['rows']:,} rows, loss {worst['loss']:.4g}, "
        metadata["worst_slice"] += f"rest {worst['rest']:.4g})"
    if "plots" in current.outputs:
        plots = home.objects.json(current.outputs["plots"].digest)
        metadata["plots"] = dg.MetadataValue.md("\n\n".join(_plot(plot) for plot in plots))
    metadata["change"] = dg.MetadataValue.md(_change(home, current))
    metadata |= {f"test_{n}": v for n, v in metrics["test"].items() if v is not None}
    metadata |= {f"baseline_{n}": v for n, v in metrics["baseline"].items() if v is not None}
    return metadata


def mlflow_metadata(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return links to a candidate's run and version in MLflow, whose page `up` or a server has."""
    base = os.environ.get(MLFLOW_URL) or address() or "http://127.0.0.1:5000"
    run = f"{base}/#/experiments/{answer['experiment']}/runs/{answer['mlflow_run_id']}"
    version = f"{base}/#/models/{answer['name']}/versions/{answer['version']}"
    return {
        "mlflow_run": dg.MetadataValue.url(run + VIEW),
        "mlflow_version": dg.MetadataValue.url(version + VIEW),
    }


def _metrics(metrics: Mapping[str, Any]) -> str:
    lines = ["| metric | candidate | interval | baseline |", "| --- | ---: | --- | ---: |"]
    for name, value in metrics["test"].items():
        interval = _range(metrics["intervals"].get(name))
        base = metrics["baseline"].get(name)
        lines.append(f"| {name} | {_number(value)} | {interval} | {_number(base)} |")
    return "\n".join(lines)


def _slices(metrics: Mapping[str, Any]) -> str:
    metric = metrics["metric"]
    lines = [
        f"| slice | value | rows | {metric} | interval | baseline |",
        "| --- | --- | ---: | ---: | --- | ---: |",
    ]
    for entry in metrics["slices"]:
        cells = [plain(entry["slice"]), plain(entry["value"]), f"{entry['rows']:,}"]
        cells += [_number(entry["metrics"][metric]), _range(entry["interval"])]
        lines.append(f"| {' | '.join([*cells, _number(entry['baseline'])])} |")
    return "\n".join(lines)


def _change(home: Home, current: Current) -> str:
    """Return the comparison with the previous candidate, overall and by slice."""
    delta = home.objects.json(current.outputs["change"].digest)
    if delta["why"] is not None:
        return f"Not compared: {plain(delta['why'])}."
    versions = home.records.versions(f"{current.asset.split('/')[0]}/candidate")
    before = next((f"v{v.number}" for v in versions if v.digest == delta["previous"]), "before")
    metric, rows = delta["metric"], delta["rows"]
    lines = [
        f"On the {rows['left']:,} of {rows['test']:,} test rows unseen by both: "
        f"{change.verdict(delta)}. A slice is called better or worse only where that holds "
        "for all slices together (Holm's correction).",
        "",
        f"| slice | value | rows | {metric} | {before} | difference | interval | |",
        "| --- | --- | ---: | ---: | ---: | ---: | --- | --- |",
    ]
    whole = {"slice": "all", "value": "", "rows": rows["left"], **delta["figures"][metric]}
    for entry in (whole, *delta["slices"]):
        cells = [plain(entry["slice"]), plain(entry["value"]), f"{entry['rows']:,}"]
        cells += [_number(entry[name]) for name in ("now", "before", "difference")]
        mood = change.marked(metric, entry) if "adjusted" in entry else ""
        lines.append(f"| {' | '.join([*cells, _range(entry['interval']), mood])} |")
    return "\n".join(lines)


def _plot(plot: Mapping[str, Any]) -> str:
    data = base64.b64encode(plot["svg"].encode()).decode()
    title, text = plain(plot["title"]), plain(plot["text"])
    return f"**{title}**\n\n![{title}](data:image/svg+xml;base64,{data})\n\n{text}"


def _range(pair: Any) -> str:
    return "" if not pair or None in pair else f"{pair[0]:.4g} … {pair[1]:.4g}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
