"""The first rows of a table for Dagster's page, with sensitive columns masked.

Belongs here: a few rows to Markdown. Does not belong here: statistics (the quality report).
"""

from __future__ import annotations

from typing import Any

from ml_assets.assets.edges import entry_of
from ml_assets.assets.registry import PREDICTED
from ml_assets.engine.markdown import plain
from ml_assets.engine.sensitive import hidden_columns, seen
from ml_assets.spec.expressions import grammar
from ml_assets.spec.project import Project
from ml_assets.stages.shown import MASK, shortened
from ml_assets.store.home import Home
from ml_assets.store.records import Current

ROWS = 5
LONGEST = 40
"""Most characters of a value; a quarantined record may have more."""
LONGEST_RECORD = 160


def preview(home: Home, project: Project, current: Current) -> str | None:
    """Return the first rows of a batch as a Markdown table; None if there are none."""
    group, name = current.asset.split("/")
    table = next((ref for ref in current.outputs.values() if ref.kind == "table"), None)
    if not entry_of(current.asset).rows or table is None or not table.rows:
        return None
    known = seen(home, project, group) if group in project.models else {}
    columns, hidden = _columns(project, group, name), hidden_columns(project, group, known)
    head = home.objects.head(table.digest, ROWS, columns)
    if name in PREDICTED:
        if _hides_its_target(project, group):
            return None
        columns = [column for column in head.column_names if not column.startswith("_")]
    names = [column for column in columns or head.column_names if column in head.column_names]
    longest = LONGEST_RECORD if name == "quarantine" else LONGEST
    lines = [
        f"First {len(head)} of {table.rows:,} rows.",
        "",
        f"| {' | '.join(map(plain, names))} |",
        f"|{' --- |' * len(names)}",
    ]
    for row in head.to_pylist():
        cells = [MASK if n in hidden else _cell(row[n], longest) for n in names]
        lines.append(f"| {' | '.join(map(plain, cells))} |")
    return "\n".join(lines)


def _columns(project: Project, group: str, name: str) -> list[str] | None:
    """Return the columns to show, None for all."""
    if name in ("quarantine", *PREDICTED):
        return None
    spec = project.models[group].features if name == "features" else project.datasets[group]
    return list(spec.columns)


def _hides_its_target(project: Project, model: str) -> bool:
    """Return whether predictions would show what a sensitive column holds."""
    spec = project.models[model]
    columns = project.datasets[spec.dataset].columns
    read = grammar.names(grammar.parse(spec.target, columns))
    return any(columns[name].sensitive for name in read)


def _cell(value: Any, longest: int) -> str:
    if value is None:
        return ""
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return shortened(text, longest)
