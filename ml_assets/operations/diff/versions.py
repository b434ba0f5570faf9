"""Compares two versions of an asset: every output of both, and more for a model."""

from __future__ import annotations

from typing import Any

from ml_assets.engine.address import FoundVersion
from ml_assets.engine.plan import Planner
from ml_assets.engine.sensitive import hidden_columns, seen
from ml_assets.errors import RequestError
from ml_assets.operations.diff import documents, tables
from ml_assets.operations.diff.tables import TableOptions
from ml_assets.store.objects import Ref

MODEL = {"model", "leaderboard"}
"""Outputs that only a candidate has."""


def compare(planner: Planner, a: FoundVersion, b: FoundVersion) -> dict[str, Any]:
    """Return the document that `ml-assets diff --json` prints.

    Raises RequestError if the two have no output in common.
    """
    document: dict[str, Any] = {
        "a": _named(a),
        "b": _named(b),
        "identical": a.version.digest == b.version.digest,
        "outputs": {},
    }
    if document["identical"]:
        return document
    pairs = _pairs(a, b)
    if MODEL.issubset(a.version.outputs) and MODEL.issubset(b.version.outputs):
        from ml_assets.operations.diff import models

        document["model"] = models.compare(planner, a, b)
        # Differences of trees by path mean nothing to a person; `model` compares their behaviour.
        pairs = {name: pair for name, pair in pairs.items() if name == "leaderboard"}
    how = reading(planner, a, b)
    document["outputs"] = {name: _output(planner, *pair, how) for name, pair in pairs.items()}
    return document


def reading(planner: Planner, a: FoundVersion, b: FoundVersion) -> TableOptions:
    """Return how to read the tables of two cells: their key, and the hidden columns."""
    project, hidden = planner.project, set[str]()
    for group in {a.cell.group, b.cell.group}:
        known = seen(planner.home, project, group) if group in project.models else {}
        hidden |= hidden_columns(project, group, known)
    dataset = project.datasets.get(a.cell.group)
    key = () if dataset is None else tuple(dataset.key)
    return TableOptions(key, frozenset(hidden), hide_key="_key" in hidden)


def _named(revision: FoundVersion) -> dict[str, Any]:
    return {
        "asset": revision.cell.asset,
        "partition": revision.cell.partition or None,
        "version": f"v{revision.version.number}",
        "digest": revision.version.digest,
        "created": revision.version.created,
        "current": revision.current is not None,
    }


def _pairs(a: FoundVersion, b: FoundVersion) -> dict[str, tuple[Ref, Ref]]:
    first, second = a.version.outputs, b.version.outputs
    pairs = {name: (first[name], second[name]) for name in first if name in second}
    if not pairs and len(first) == len(second) == 1:
        # raw and cleaned name the output differently, but can be compared.
        ((name, one),) = first.items()
        (other,) = second.values()
        pairs = {name: (one, other)} if one.kind == other.kind else {}
    if not pairs:
        raise RequestError(
            f"{a} holds {', '.join(first)} and {b} {', '.join(second)}; nothing to compare"
        )
    return pairs


def _output(planner: Planner, a: Ref, b: Ref, how: TableOptions) -> dict[str, Any]:
    if a.digest == b.digest:
        return {"kind": a.kind, "identical": True}
    objects = planner.home.objects
    document: dict[str, Any] = {"identical": False}
    if a.kind == b.kind == "table":
        return document | tables.compare(objects.table(a.digest), objects.table(b.digest), how)
    if a.kind == b.kind == "json":
        return document | documents.compare(objects.json(a.digest), objects.json(b.digest))
    return document | {"kind": "bytes", "digests": [a.digest, b.digest], "bytes": [a.rows, b.rows]}
