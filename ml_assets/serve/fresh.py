"""The fresh process in which a model is loaded and served, as `fresh_process` asks.

Belongs here: loading a stored document with its family's module, predicting in every way, a tiny
HTTP server with the protocol of MLflow's scoring server. Does not belong here: comparing. It is
run as a script, which finds this package through the import path that its parent passes.
"""

from __future__ import annotations

import io
import json
import os
import sys
import threading
import time
from base64 import b64decode
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

LOCAL = "127.0.0.1"
TREES = ("ml_assets.stages.train.lightgbm", "ml_assets.stages.train.lightgbm_tuned")


class Served:
    """A model document and its family's module, imported by name in this process."""

    def __init__(self, module: str, document: bytes) -> None:
        import importlib

        self.model = json.loads(document)
        self.family = importlib.import_module(module)

    def predict(self, table: Any) -> Any:
        """Return the predictions for a table of unencoded features."""
        from ml_assets.stages.train.predict import predict

        return predict(self.model, self.family, table)

    def answer(self, body: bytes) -> bytes:
        """Return the response to `{"dataframe_split": {"columns": […], "data": [[…], …]}}`."""
        import pyarrow as pa

        split = json.loads(body)["dataframe_split"]
        kinds = {
            "number": pa.float64(),
            "integer": pa.int64(),
            "category": pa.string(),
            "boolean": pa.bool_(),
            "text": pa.string(),
        }
        times = {"date": pa.date32(), "timestamp": pa.timestamp("us", "UTC")}
        arrays = {}
        for place, name in enumerate(split["columns"]):
            kind, given = self.model["columns"][name], [row[place] for row in split["data"]]
            if kind in times:
                arrays[name] = pa.array(given, pa.string()).cast(times[kind])
            else:
                arrays[name] = pa.array(given, kinds[kind])
        return json.dumps({"predictions": self.predict(pa.table(arrays)).tolist()}).encode()


def ways(served: Served, table: Any, order: list[int], onnx: bytes, repeats: int) -> dict[str, Any]:
    """Return predictions by way, as lists, or the reason why a way failed."""

    def alone() -> Any:
        import numpy as np

        return np.concatenate([served.predict(table.slice(row, 1)) for row in range(len(table))])

    by_way = {"fresh": _tried(lambda: served.predict(table)), "alone": _tried(alone)}
    by_way["permuted"] = _tried(lambda: served.predict(table.take(order)))
    if onnx:
        by_way["onnx"] = _tried(lambda: _by_onnx(served.model, table, onnx))
    if repeats and isinstance(by_way["alone"], list):
        by_way["latency_ms"] = _latency(served, table, repeats)
    return by_way


def _tried(way: Any) -> Any:
    try:
        return way().tolist()
    except Exception as error:
        # Not hidden: parity fails with this text.
        return f"{type(error).__name__}: {error}"


def _latency(served: Served, table: Any, repeats: int) -> float:
    """Return this thread's smallest CPU time for one row, in ms, as it is the least disturbed."""
    times = []
    for number in range(repeats):
        row = table.slice(number % len(table), 1)
        started = time.thread_time()
        served.predict(row)
        times.append(time.thread_time() - started)
    return min(times) * 1000.0


def _by_onnx(model: dict[str, Any], table: Any, onnx: bytes) -> Any:
    """Return onnxruntime's predictions; inputs as `stages/release/onnx.py` declares them."""
    import numpy as np
    import onnxruntime
    import pyarrow as pa

    from ml_assets.stages.train.prepare import seconds

    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    missing = session.get_modelmeta().custom_metadata_map.get("missing", "")
    feed = {}
    for item in session.get_inputs():
        column = table[item.name]
        kind = model["columns"][item.name]
        if kind == "category":
            values = np.array(column.cast(pa.string()).fill_null(missing).to_pylist(), dtype=object)
        elif kind in ("date", "timestamp"):
            values = np.full(len(column), np.nan)
            values[column.is_valid().to_numpy()] = seconds(column.drop_null())
        else:
            values = column.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy()
        feed[item.name] = values.reshape(-1, 1)
    return np.asarray(session.run(None, feed)[0], dtype=np.float64)


def _server(served: Served) -> HTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                status, content = 200, served.answer(body)
            except Exception as error:
                status, content = 500, f"{type(error).__name__}: {error}".encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: Any) -> None:
            return

    return HTTPServer((LOCAL, 0), Handler)


def answering() -> Callable[[Any], dict[str, Any]]:
    """Return the function that answers the parent: load, predict, serve until the process ends."""
    # OpenMP's threads spin between single rows, for longer on a busier machine.
    os.environ["OMP_NUM_THREADS"] = "1"
    return _answer


def _answer(request: Any) -> dict[str, Any]:
    document, rows, onnx = map(b64decode, request["parts"])
    sys.path[:] = request["path"]
    import pyarrow as pa

    if request["module"] in TREES:
        from ml_assets.children.optional import Hidden

        sys.meta_path.insert(0, Hidden)
    served = Served(request["module"], document)
    table = pa.ipc.open_stream(io.BytesIO(rows)).read_all()
    by_way = ways(served, table, request["order"], onnx, request["repeats"])
    server = _server(served)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return {"port": server.server_port, "ways": by_way}
