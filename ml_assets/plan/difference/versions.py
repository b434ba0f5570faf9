"""Two versions of an asset: every output of both, and more of a model."""

from __future__ import annotations

from typing import Any

from ml_assets.errors import RequestError
from ml_assets.plan.address import Found
from ml_assets.plan.difference import documents, tables
from ml_assets.plan.difference.tables import Reading
from ml_assets.plan.plan import Planner
from ml_assets.store.objects import Ref

MODEL = {"model", "leaderboard"}
"""Outputs by which a candidate is known."""


def compare(planner: Planner, a: Found, b: Found) -> dict[str, Any]:
    """Return the document that `ml-assets diff --json` prints.

    Raises RequestError where the two have no output in common.
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
        from ml_assets.plan.difference import models

        document["model"] = models.compare(planner, a, b)
        # Trees by path say nothing to a person; what they do is in `model`.
        pairs = {name: pair for name, pair in pairs.items() if name == "leaderboard"}
    how = reading(planner, a, b)
    document["outputs"] = {name: _output(planner, *pair, how) for name, pair in pairs.items()}
    return document


def reading(planner: Planner, a: Found, b: Found) -> Reading:
    """Return how the tables of two cells are read: their key, and the sensitive columns.

    Of a model a column is hidden if it is, or is made from, a sensitive column of any dataset.
    """
    project = planner.project
    sensitive = {
        f"{name}.{column}"
        for name, dataset in project.datasets.items()
        for column, spec in dataset.columns.items()
        if spec.sensitive
    }
    hidden = {name.split(".")[1] for name in sensitive}
    for group in {a.cell.group, b.cell.group} & set(project.models):
        model = project.models[group]
        hidden |= {name for name, c in model.features.columns.items() if sensitive & set(c.sources)}
        if hidden & set(_words(model.target)):
            hidden |= {"_target", "target", "prediction", "baseline"}
    hidden |= {f"_slice_{name}" for name in hidden}
    dataset = project.datasets.get(a.cell.group)
    if dataset is not None:
        # A quarantined record's text may hold anything.
        shown = {"text"} if any(c.sensitive for c in dataset.columns.values()) else set()
        return Reading(tuple(dataset.key), frozenset(hidden | shown))
    main = project.datasets[project.models[a.cell.group].dataset]
    return Reading((), frozenset(hidden), hide_key=bool(set(main.key) & hidden))


def _words(expression: str) -> list[str]:
    import re

    return re.findall(r"[A-Za-z_]\w*", expression)


def _named(found: Found) -> dict[str, Any]:
    return {
        "asset": found.cell.asset,
        "partition": found.cell.partition or None,
        "version": f"v{found.version.number}",
        "digest": found.version.digest,
        "created": found.version.created,
        "current": found.current is not None,
    }


def _pairs(a: Found, b: Found) -> dict[str, tuple[Ref, Ref]]:
    first, second = a.version.outputs, b.version.outputs
    pairs = {name: (first[name], second[name]) for name in first if name in second}
    if not pairs and len(first) == len(second) == 1:
        # raw beside cleaned: another name, the same rows.
        ((name, one),) = first.items()
        (other,) = second.values()
        pairs = {name: (one, other)} if one.kind == other.kind else {}
    if not pairs:
        raise RequestError(
            f"{a} holds {', '.join(first)} and {b} {', '.join(second)}: nothing to compare"
        )
    return pairs


def _output(planner: Planner, a: Ref, b: Ref, how: Reading) -> dict[str, Any]:
    if a.digest == b.digest:
        return {"kind": a.kind, "identical": True}
    objects = planner.home.objects
    document: dict[str, Any] = {"identical": False}
    if a.kind == b.kind == "table":
        return document | tables.compare(objects.table(a.digest), objects.table(b.digest), how)
    if a.kind == b.kind == "json":
        return document | documents.compare(objects.json(a.digest), objects.json(b.digest))
    return document | {"kind": "bytes", "digests": [a.digest, b.digest], "bytes": [a.rows, b.rows]}
