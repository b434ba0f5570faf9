"""Serving parity: one row, a batch, a permuted batch, HTTP and ONNX give the same prediction.

Belongs here: the sample and the comparison. Does not belong here: processes and servers, whether
features depend on other rows (`check/row_independence`), what parity decides (`rules`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ml_assets.faults import StageError
from ml_assets.stages.result import Result
from ml_assets.stages.train import folds
from ml_assets.stages.train.encode import Array
from ml_assets.stages.train.predict import predict

if TYPE_CHECKING:
    from ml_assets.spec.gate import ParitySpec
    from ml_assets.stages.result import Handle

FORMAT = 1
REPEATS = 30
"""Number of timed single-row predictions; the fastest is the latency."""
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
    served: Callable[..., AbstractContextManager[Callable[[], dict[str, Any]]]],
    onnx: Callable[[Any], bytes] | None = None,
) -> Result:
    """Return `parity` (JSON): a verdict for each way to predict, size, latency within budget.

    `served` starts a fresh process with a model (`serve/fresh_process`) and returns a function that
    waits for its answers by way. Latency in ms is only in the metadata: it is measured once, and
    differs from run to run.
    """
    document = model.json()
    rows = sample(test.table(), features, sorted(document["columns"]), spec.parity.rows)
    converted, why = _converted(document, onnx)
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    order = np.random.default_rng(0).permutation(len(rows))
    repeats = REPEATS if spec.max_latency_ms is not None else 0
    with served(family.__name__, text, rows, order.tolist(), converted or b"", repeats) as answers:
        # Meanwhile the fresh process imports what it needs.
        wanted = predict(document, family, rows)
        replies = answers()
    latency = replies.pop("latency_ms", None)
    if isinstance(replies.get("permuted"), list):
        replies["permuted"] = np.array(replies["permuted"])[np.argsort(order)].tolist()
    checks = [
        _compared(
            name, wanted, replies[name], spec.parity.onnx_tolerance if name == "onnx" else 0.0
        )
        for name in WAYS
        if name in replies
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
    """Return at most `most` evenly spaced rows of the fold, categories as text."""
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


def _compared(way: str, wanted: Array, got: Any, tolerance: float) -> dict[str, Any]:
    if isinstance(got, str):
        return _check(way, False, len(wanted), None, f"fails {WAYS[way]}: {got}")
    actual = np.asarray(got, dtype=np.float64)
    if actual.shape != wanted.shape:
        text = f"{WAYS[way]} the shape is {list(actual.shape)}, wanted {list(wanted.shape)}"
        return _check(way, False, len(wanted), None, text)
    apart = np.abs(actual - wanted)
    # Written so that NaN is a difference, unless both are NaN.
    near = apart <= tolerance * np.maximum(1.0, np.abs(wanted))
    same = near | (np.isnan(actual) & np.isnan(wanted))
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
