"""Serving parity: one row, a batch, a permuted batch, HTTP and ONNX give the same prediction.

Belongs here: the sample, the questions to a fresh process, the comparison. Does not belong here:
whether features depend on other rows (`check/row_independence`), what parity decides (`rules`).

The fresh process (`child`) gets the stored document, the name of the family's module and this
process's import path, and nothing else of this one.
"""

from __future__ import annotations

import http.client
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ml_assets.faults import StageError
from ml_assets.stages.gate import child
from ml_assets.stages.result import Result
from ml_assets.stages.train import folds
from ml_assets.stages.train.encode import Array
from ml_assets.stages.train.predict import predict

if TYPE_CHECKING:
    from ml_assets.spec.gate import ParitySpec
    from ml_assets.stages.result import Handle

FORMAT = 1
REPEATS = 30
"""Predictions of one row, of which the fastest is the latency."""
SECONDS = 120
WAYS = {
    "fresh": "in a fresh process",
    "alone": "one by one",
    "permuted": "in another order",
    "http": "over HTTP",
    "onnx": "as ONNX",
}


def parity(
    spec: ParitySpec,
    *,
    family: Any,
    model: Handle,
    test: Handle,
    features: Mapping[str, Handle],
    onnx: Callable[[Any], bytes] | None = None,
) -> Result:
    """Return `parity` (JSON): a verdict for each way to predict, size, latency within budget.

    Latency in ms is in the metadata alone: it is measured once, and differs from run to run.
    """
    document = model.json()
    rows = sample(test.table(), features, sorted(document["columns"]), spec.parity.rows)
    converted, why = _converted(document, onnx)
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    order = np.random.default_rng(0).permutation(len(rows))
    repeats = REPEATS if spec.max_latency_ms is not None else 0
    with _asked(family.__name__, text, rows, order, converted or b"", repeats) as process:
        # Meanwhile the fresh process imports what it needs.
        wanted = predict(document, family, rows)
        found = _answered(process, rows)
    latency = found.pop("latency_ms", None)
    if isinstance(found.get("permuted"), list):
        found["permuted"] = np.array(found["permuted"])[np.argsort(order)].tolist()
    checks = [
        _compared(name, wanted, found[name], spec.parity.onnx_tolerance if name == "onnx" else 0.0)
        for name in WAYS
        if name in found
    ]
    if why is not None:
        checks.append(_check("onnx", None, 0, 0.0, f"not compared as ONNX: {why}"))
    budget = spec.max_latency_ms
    within = None if budget is None else latency is not None and latency <= budget
    outcome = {
        "format": FORMAT,
        "model": model.digest,
        "rows": len(rows),
        "bytes": len(text),
        "latency": None if budget is None else {"budget_ms": budget, "within": within},
        "checks": checks,
    }
    return Result({"parity": outcome}, {"rows": len(rows), "latency_ms": latency})


def sample(
    test: pa.Table, features: Mapping[str, Handle], columns: list[str], most: int
) -> pa.Table:
    """Return at most `most` rows of the fold, evenly taken, categories as text."""
    count = int((test["stop"].to_numpy() - test["start"].to_numpy()).sum())
    wanted = np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))
    parts, start = [], 0
    for _, table in folds.read(test, features, columns):
        inside = wanted[(wanted >= start) & (wanted < start + len(table))] - start
        parts.append(_texts(table.take(pa.array(inside))))
        start += len(table)
    return pa.concat_tables(parts).combine_chunks()


def _texts(table: pa.Table) -> pa.Table:
    for place, column in enumerate(table.columns):
        if pa.types.is_dictionary(column.type):
            table = table.set_column(place, table.column_names[place], column.cast(pa.string()))
    return table


def _converted(
    document: Mapping[str, Any], onnx: Callable[[Any], bytes] | None
) -> tuple[bytes | None, str | None]:
    if onnx is None:
        return None, None
    try:
        return onnx(document), None
    except StageError as error:
        return None, str(error)


@contextmanager
def _asked(
    module: str, document: bytes, rows: pa.Table, order: Any, onnx: bytes, repeats: int
) -> Iterator[subprocess.Popen[bytes]]:
    """Start the fresh process and give it what it is to predict; it ends with the context."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    parts = [document, sink.getvalue(), onnx]
    request = {
        "module": module,
        "path": sys.path,
        "order": order.tolist(),
        "repeats": repeats,
        "lengths": [len(part) for part in parts],
    }
    process = subprocess.Popen(
        [sys.executable, "-I", child.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with process:
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n" + b"".join(parts))
            process.stdin.flush()
            yield process
        finally:
            process.stdin.close()


def _answered(process: subprocess.Popen[bytes], rows: pa.Table) -> dict[str, Any]:
    """Return what the fresh process answers: a list of predictions, or a text, by way."""
    assert process.stdout is not None
    answer = process.stdout.readline()
    if not answer:
        return {"fresh": f"the process ended with code {process.wait(SECONDS)}"}
    found = json.loads(answer)
    if "error" in found:
        return {"fresh": str(found["error"])}
    return {**found["ways"], "http": _over_http(found["port"], rows)}


def _over_http(port: int, rows: pa.Table) -> Any:
    """Return the predictions as the server's JSON gives them, or what it answered instead."""
    data = [list(row.values()) for row in rows.to_pylist()]
    body = json.dumps({"dataframe_split": {"columns": rows.column_names, "data": data}})
    connection = http.client.HTTPConnection(child.LOCAL, port, timeout=SECONDS)
    try:
        connection.request("POST", "/invocations", body)
        response = connection.getresponse()
        content = response.read().decode()
    finally:
        connection.close()
    return json.loads(content)["predictions"] if response.status == 200 else content


def _compared(way: str, wanted: Array, got: Any, tolerance: float) -> dict[str, Any]:
    if isinstance(got, str):
        return _check(way, False, len(wanted), None, f"fails {WAYS[way]}: {got}")
    found = np.asarray(got, dtype=np.float64)
    if found.shape != wanted.shape:
        text = f"{WAYS[way]} the shape is {list(found.shape)}, wanted {list(wanted.shape)}"
        return _check(way, False, len(wanted), None, text)
    apart = np.abs(found - wanted)
    # Written so that NaN is a difference, except where both are.
    near = apart <= tolerance * np.maximum(1.0, np.abs(wanted))
    same = near | (np.isnan(found) & np.isnan(wanted))
    rows = np.asarray(same.reshape(len(wanted), -1).all(axis=1))
    differing = int((~rows).sum())
    largest = float(np.nanmax(apart, initial=0.0))
    if differing:
        mean = float(np.nanmean(apart.reshape(len(apart), -1)[~rows]))
        text = (
            f"{differing} of {len(rows)} predictions differ {WAYS[way]}, by {mean:.4g} on average"
        )
    else:
        text = f"the same {WAYS[way]}" + (f" within {tolerance:g}" if tolerance else ", to the bit")
    return _check(way, differing == 0, differing, largest, text)


def _check(
    name: str, passed: bool | None, differing: int, largest: float | None, text: str
) -> dict[str, Any]:
    return {
        "name": name,
        "passed": passed,
        "differing": differing,
        "largest": largest,
        "text": text,
    }
