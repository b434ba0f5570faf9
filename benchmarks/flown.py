"""The flights of a home in which December has been run, as the first champion saw them.

Belongs here: reading a home. Does not belong here: what is estimated of the rows (`estimates`).
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import pyarrow as pa

from ml_assets.stages.memory import InMemory
from ml_assets.stages.monitor.reference import Reference
from ml_assets.stages.train import folds, prepare
from ml_assets.stages.train.encode import values
from ml_assets.stages.train.predict import predict
from ml_assets.store.home import Home

NEW = "2013-12"


def flown(folder: Path, model: str) -> tuple[str, Reference, Reference]:
    """Return the task, the first champion's test rows, and those of December; a day is a batch."""
    home = Home(folder, "dev")
    try:
        made = home.records.versions(f"{model}/candidate")
        splits = home.records.versions(f"{model}/test_split")
        first = min(made, key=lambda one: one.number)
        split = min(splits, key=lambda one: one.number)
        document = home.objects.json(first.outputs["model"].digest)
        names = [*sorted(document["columns"]), "_time", "_target"]
        held = home.records.held("dev", f"{model}/features")
        features = {
            name: InMemory(home.objects.table(one.outputs["features"].digest, names))
            for name, one in held.items()
        }
        test = home.objects.table(split.outputs["test"].digest)
        old = [table for _, table in folds.read(test, features, names)]
        new = features[NEW].table()
    finally:
        home.close()
    return document["task"], _rows(document, old), _rows(document, [new])


def _rows(document: dict[str, object], tables: list[pa.Table]) -> Reference:
    family = import_module(f"ml_assets.stages.train.{document['family']}")
    parts = []
    for table in tables:
        target = folds.labels(table, document["classes"])  # type: ignore[arg-type]
        known = np.isfinite(target)
        kept = table.filter(pa.array(known))
        encoded = prepare.encoded(document, kept)
        matrix = np.column_stack([values(encoded, name) for name in encoded.column_names])
        day = np.asarray(kept["_time"].to_numpy(), dtype="datetime64[D]")
        said = predict(document, family, kept)
        parts.append((matrix, said, target[known], day))
    matrix, said, target, day = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(day, kind="stable")
    return Reference(matrix[order], said[order], target[order], [str(one) for one in day[order]])
