"""The process that runs stored code: it calls stage functions, independently of this package.

It is run as a script with the extracted sources in PYTHONPATH. So `ml_assets` is the stored one
here, and may only be imported by names from a call.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any


class File:
    """A lazy input, read from a file."""

    def __init__(self, digest: str, path: str) -> None:
        self.digest = digest
        self._path = Path(path)

    def table(self, columns: Sequence[str] | None = None) -> Any:
        """Return the table, or only some of its columns."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        wanted = None if columns is None else list(columns)
        # Not `read_table`, whose I/O thread may abort an ending process (`stages/parquet`).
        with pq.ParquetFile(pa.BufferReader(self._path.read_bytes())) as file:
            table = file.read(columns=wanted, use_threads=False)
        return table if wanted is None else table.select(wanted)

    def json(self) -> Any:
        """Return the JSON document."""
        return json.loads(self._path.read_bytes())

    def bytes(self) -> bytes:
        """Return the bytes."""
        return self._path.read_bytes()


def answering() -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Return the function that makes a call and returns its outputs' files (kind and path)."""
    return _answer


def _answer(request: Mapping[str, Any]) -> dict[str, Any]:
    out, more = Path(request["out"]), dict[str, Any]()
    if "model" in request:
        outputs = predict(request)
    else:
        result = call(request)
        outputs = result.outputs
        more = {"checks": [_check(check) for check in result.checks], "facts": result.metadata}
    return {
        "outputs": {name: _write(out / name, value) for name, value in outputs.items()},
        "kernels": kernels(),
        **more,
    }


def _check(check: Any) -> dict[str, Any]:
    names = ("name", "passed", "severity", "description")
    return {**{name: getattr(check, name) for name in names}, "metadata": dict(check.metadata)}


def call(request: Mapping[str, Any]) -> Any:
    """Return the result of a stage function."""
    stage = _named(request["stage"])
    params = _named(request["spec"]).model_validate_json(json.dumps(request["params"]))
    hooks = {
        name: _named(hook)
        if isinstance(hook, str)
        else {key: _named(one) for key, one in hook.items()}
        for name, hook in request["hooks"].items()
    }
    inputs = {name: _handle(tree, request["files"]) for name, tree in request["inputs"].items()}
    return stage(params, **inputs, **hooks)


def predict(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a table of predictions for each table of features, with a column for each class."""
    import numpy as np
    import pyarrow as pa

    model = _handle(request["model"], request["files"]).json()
    family = _named(request["family"])
    of = _named(request["predict"])
    outputs = {}
    for number, features in enumerate(request["inputs"]["features"]):
        predictions = np.asarray(of(model, family, _handle(features, request["files"]).table()))
        columns = predictions.reshape(len(predictions), -1).T
        outputs[str(number)] = pa.table({str(n): column for n, column in enumerate(columns)})
    return outputs


def kernels() -> dict[str, str]:
    """Return the loaded numerical libraries, and the CPU for which each was built."""
    import threadpoolctl

    return {
        str(pool["internal_api"]): str(said)
        for pool in threadpoolctl.threadpool_info()
        if (said := pool.get("architecture") or pool["version"])
    }


def _named(reference: str) -> Any:
    name, _, attribute = reference.partition(":")
    module = importlib.import_module(name)
    return getattr(module, attribute) if attribute else module


def _handle(tree: Any, files: Mapping[str, tuple[str, str]]) -> Any:
    if isinstance(tree, str):
        return File(*files[tree])
    if isinstance(tree, dict):
        return {name: _handle(item, files) for name, item in tree.items()}
    if isinstance(tree, list):
        return [_handle(item, files) for item in tree]
    return tree


def _write(path: Path, value: Any) -> dict[str, str]:
    if isinstance(value, bytes):
        path.write_bytes(value)
        return {"kind": "bytes", "path": str(path)}
    if isinstance(value, (dict, list)):
        path.write_text(json.dumps(value), encoding="utf-8")
        return {"kind": "json", "path": str(path)}
    import pyarrow as pa

    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, value.schema) as writer:
        writer.write_table(value)
    return {"kind": "table", "path": str(path)}
