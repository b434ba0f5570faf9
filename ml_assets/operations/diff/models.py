"""Compares two candidates: parameters, metrics, and predictions for the same rows."""

from __future__ import annotations

from typing import Any

from ml_assets.engine.address import FoundVersion
from ml_assets.engine.plan import Planner
from ml_assets.engine.run import Recent, Stored
from ml_assets.errors import MlAssetsError, NotMaterialized, RequestError, UnknownName
from ml_assets.history.reported import newest_report
from ml_assets.operations.diff.documents import changes
from ml_assets.operations.fitted import family_of
from ml_assets.store.objects import Ref


def compare(planner: Planner, a: FoundVersion, b: FoundVersion) -> dict[str, Any]:
    """Return the parameters and metrics that differ, and predictions on common rows.

    Common rows are those of the environment's current test fold; if a model cannot predict
    them, `predictions` says why. Raises DamagedObject for a model whose object no longer
    exists.
    """
    documents = [
        planner.home.objects.json(revision.version.outputs["model"].digest) for revision in (a, b)
    ]
    said = [
        _parameters(planner, revision, doc) for revision, doc in zip((a, b), documents, strict=True)
    ]
    metrics = [_metrics(planner, revision) for revision in (a, b)]
    return {
        "families": [document["family"] for document in documents],
        "parameters": _differences(*said),
        "metrics": _differences(*metrics),
        "predictions": _predictions(planner, a.cell.group, documents),
    }


def _differences(a: dict[str, Any], b: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"path": path, "a": x, "b": y} for path, x, y in changes(a, b)]


def _parameters(
    planner: Planner, revision: FoundVersion, document: dict[str, Any]
) -> dict[str, Any]:
    """Return the family's settings in the spec, and those that it chose itself."""
    known = planner.home.records.actions(sorted(revision.version.actions.values()))
    model = revision.version.outputs["model"].digest
    made = [r for r in known.values() if r.outputs.get("model") == Ref(model, "json")]
    asked = made[0].ingredients["params"] if made else {}
    limits = revision.version.outputs.get("limits")
    intervals = {} if limits is None else planner.home.objects.json(limits.digest)
    return {
        "columns": dict(document["columns"]),
        "settings": document["settings"],
        **{name: asked[name] for name in ("metric", "seed", "threads") if name in asked},
        "intervals": {name: intervals[name] for name in ("coverage", "by", "all") if intervals},
    }


def _metrics(planner: Planner, revision: FoundVersion) -> dict[str, Any]:
    """Return each family's metrics on validation, and the report's metrics on test."""
    home = planner.home
    board = home.objects.json(revision.version.outputs["leaderboard"].digest)
    document: dict[str, Any] = {"validation": board["families"]}
    report = newest_report(home, revision.cell.group, revision.version.outputs)
    if report is not None:
        document["test"] = home.objects.json(report.outputs["metrics"].digest)["test"]
    return document


def _predictions(planner: Planner, group: str, documents: list[dict[str, Any]]) -> dict[str, Any]:
    try:
        tables = _test_rows(planner, group, documents)
        return _compared(planner, group, documents, tables)
    except MlAssetsError as error:
        return {"rows": 0, "why": f"not on common rows: {error}"}


def _test_rows(planner: Planner, group: str, documents: list[dict[str, Any]]) -> list[Any]:
    """Return the test rows of the current folds, one table for each batch."""
    from ml_assets.stages.train import folds

    home = planner.home
    held = home.records.all_current(home.env)
    fold = held.get((f"{group}/test_split", ""))
    if fold is None:
        raise NotMaterialized(f"{group}/test_split is not materialized in environment {home.env}")
    features = {
        part: Stored(home, now.outputs["features"], Recent(1), f"features {part}")
        for (asset, part), now in held.items()
        if asset == f"{group}/features"
    }
    columns = sorted({name for document in documents for name in document["columns"]})
    test = home.objects.table(fold.outputs["test"].digest)
    for batch in dict.fromkeys(test["batch"].to_pylist()):
        absent = sorted({*columns} - {*_columns(planner, features[batch].digest)})
        if absent:
            raise UnknownName(f"the current features lack {', '.join(absent)}")
    return [rows for _, rows in folds.read(test, features, [*columns, "_target"])]


def _columns(planner: Planner, digest: str) -> list[str]:
    """Return the columns of a stored table, without reading its rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names: list[str] = pq.read_schema(pa.BufferReader(planner.home.objects.read(digest))).names
    return names


def _compared(
    planner: Planner, group: str, documents: list[dict[str, Any]], tables: list[Any]
) -> dict[str, Any]:
    import numpy as np

    from ml_assets.stages.metrics import measure
    from ml_assets.stages.train import folds
    from ml_assets.stages.train.predict import predict

    first, second = documents
    if first["task"] != second["task"] or first["classes"] != second["classes"]:
        raise RequestError("the two models have different tasks or classes")
    if not tables:
        raise NotMaterialized("the test fold is empty")
    said = []
    for document in documents:
        family = family_of(planner, group, document)
        said.append(np.concatenate([predict(document, family, rows) for rows in tables]))
    target = np.concatenate([folds.labels(rows, first["classes"]) for rows in tables])
    apart = np.abs(said[0] - said[1])
    metrics = [measure(first["task"], target, prediction)[0] for prediction in said]
    return {
        "rows": len(target),
        "identical": int((apart == 0).reshape(len(target), -1).all(axis=1).sum()),
        "mean_difference": float(apart.mean()),
        "greatest_difference": float(apart.max()),
        "metrics": {name: [metrics[0][name], metrics[1][name]] for name in metrics[0]},
    }
