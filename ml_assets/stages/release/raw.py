"""The files of a bundle by which raw rows are scored outside of the project.

Belongs here: code, specs and tables as files, golden raw rows. Does not belong here: reading them
(`serve/bundle`), what the code is (`engine/recipes/release`).

| file | content |
| --- | --- |
| `rows.json` | how rows are read, cleaned, judged and joined; the modules of `rows.zip` |
| `rows.zip` | the features function, and every module that it and reading reach |
| `snapshot_<name>.arrow` | the columns of a joined snapshot |
| `golden_rows.parquet` | raw rows of a batch; `golden_rows_<name>_<batch>.parquet`: joined ones |
| `golden_rows_predictions.csv` | the server's predictions for their features |
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ml_assets.stages.release.files import CODE, ROWS, archive, sha256
from ml_assets.stages.schema import LINE
from ml_assets.stages.train.predict import predict

if TYPE_CHECKING:
    from ml_assets.spec.columns import Column
    from ml_assets.spec.release import RawRows
    from ml_assets.stages.result import Handle

GOLDEN = "golden_rows.parquet"
EXPECTED = "golden_rows_predictions.csv"
FOLDER = "code"
"""The folder of `rows.zip` from which Python imports."""
COUNT = 24
"""Golden raw rows."""


def raw_files(
    spec: RawRows,
    model: Mapping[str, Any],
    family: Any,
    tables: Mapping[str, Handle],
    joins: Mapping[str, Mapping[str, Handle]],
    snapshots: Mapping[str, Handle],
) -> dict[str, bytes]:
    """Return the files; `tables` are `features` and `raw` of a batch, `joins` its joined rows."""
    files = {CODE: archive(FOLDER, {name: text.encode() for name, text in spec.modules.items()})}
    held = {name: f"snapshot_{name}.arrow" for name in spec.snapshots}
    for name, columns in spec.snapshots.items():
        files[held[name]] = _arrow(snapshots[name].table([LINE, *columns]))
    golden: dict[str, Any] = {"none": _why_not(spec, tables)}
    if golden["none"] is None:
        shown, names = _golden(spec, model, family, tables, joins)
        files |= shown
        golden = {"file": GOLDEN, "batch": spec.batch, "predictions": EXPECTED, "joins": names}
    document = {
        "score": spec.score.model_dump(mode="json"),
        "datasets": {name: item.model_dump(mode="json") for name, item in spec.datasets.items()},
        "joined": {name: item.model_dump(mode="json") for name, item in spec.joined.items()},
        "function": spec.function,
        "family": spec.family,
        "snapshots": held,
        "golden": golden,
        "modules": {name: sha256(text.encode()) for name, text in sorted(spec.modules.items())},
    }
    # Not sorted: the order of columns and of rules counts.
    return {**files, ROWS: json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"}


def _why_not(spec: RawRows, tables: Mapping[str, Handle]) -> str | None:
    if spec.secret:
        return f"{', '.join(spec.secret)} may not be shown"
    columns = [*spec.score.rows.contract.columns.values()]
    columns += [c for joined in spec.joined.values() for c in joined.ingest.columns.values()]
    if any(isinstance(column.source, tuple) for column in columns):
        return "a column is joined from several of the file"
    return None if "raw" in tables else "the raw rows of the newest features are not known"


def _golden(
    spec: RawRows,
    model: Mapping[str, Any],
    family: Any,
    tables: Mapping[str, Handle],
    joins: Mapping[str, Mapping[str, Handle]],
) -> tuple[dict[str, bytes], dict[str, dict[str, str]]]:
    """Return golden files, and the names of joined ones by dataset and batch."""
    features, raw = tables["features"].table(), tables["raw"].table()
    chosen = np.unique(np.linspace(0, len(features) - 1, min(COUNT, len(features))).astype(int))
    features = features.take(pa.array(chosen))
    at = np.searchsorted(raw[LINE].to_numpy(), features[LINE].to_numpy())
    prediction = predict(model, family, features)
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(_header(model))
    writer.writerows(
        [repr(value) for value in row] for row in prediction.reshape(len(prediction), -1).tolist()
    )
    columns = spec.score.rows.contract.columns
    files = {
        GOLDEN: _parquet(raw.take(pa.array(at)), columns),
        EXPECTED: sink.getvalue().encode(),
    }
    names: dict[str, dict[str, str]] = {}
    for dataset, batches in joins.items():
        for number, (batch, handle) in enumerate(batches.items()):
            odd = re.sub(r"[^A-Za-z0-9._-]", "_", batch)
            name = f"golden_rows_{dataset}_{odd}_{number}.parquet"
            files[name] = _parquet(handle.table(), spec.joined[dataset].ingest.columns)
            names.setdefault(dataset, {})[batch] = name
    return files, names


def _header(model: Mapping[str, Any]) -> list[str]:
    if model["task"] == "multiclass":
        return [f"probability_{name}" for name in model["classes"]]
    return ["prediction"]


def _parquet(table: pa.Table, columns: Mapping[str, Column]) -> bytes:
    """Return rows as a file that could land, with the file's names of columns."""
    plain = []
    for name in columns:
        column = table[name]
        kind = column.type
        plain.append(column.cast(kind.value_type) if pa.types.is_dictionary(kind) else column)
    names = [column.source or name for name, column in columns.items()]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays(plain, names=names).combine_chunks(), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _arrow(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    whole = table.replace_schema_metadata().unify_dictionaries().combine_chunks()
    with pa.ipc.new_file(sink, whole.schema) as writer:
        writer.write_table(whole)
    content: bytes = sink.getvalue().to_pybytes()
    return content
