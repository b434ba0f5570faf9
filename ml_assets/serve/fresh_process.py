"""Serves a model in a process independent of this one, for the gate's parity check.

Belongs here: the process, its requests, the HTTP request. Does not belong here: what is
predicted there (`fresh`), how the answers are compared (`stages/gate/parity`).
"""

from __future__ import annotations

import http.client
import io
import json
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from ml_assets.children.child import Child, ChildError
from ml_assets.serve import fresh

SECONDS = 120.0
"""How long the server may take to answer."""
Ways = dict[str, Any]
"""By way: a list of predictions, or the reason why it failed; `latency_ms` if requested."""


@contextmanager
def served(
    module: str, document: bytes, rows: pa.Table, order: Sequence[int], onnx: bytes, repeats: int
) -> Iterator[Callable[[], Ways]]:
    """Start a fresh process that predicts; return the function that waits for its result.

    It receives only the stored document, the name of the family's module and this process's
    import path.
    """
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    # Through the pipe, since a kill would leave a file with rows outside the home.
    parts = (document, sink.getvalue(), onnx)
    with Child(f"{fresh.__file__}:answering", isolated=True) as child:
        child.tell(
            {
                "module": module,
                "path": sys.path,
                "order": list(order),
                "repeats": repeats,
                "parts": [b64encode(part).decode() for part in parts],
            }
        )
        yield lambda: _answered(child, rows)


def _answered(child: Child, rows: pa.Table) -> Ways:
    try:
        reply = child.answer()
    except ChildError as error:
        return {"fresh": str(error)}
    return {**reply["ways"], "http": _over_http(reply["port"], rows)}


def _over_http(port: int, rows: pa.Table) -> Any:
    """Return the predictions in the server's JSON, or what it answered instead."""
    data = [list(row.values()) for row in rows.to_pylist()]
    body = json.dumps(
        {"dataframe_split": {"columns": rows.column_names, "data": data}}, default=str
    )
    connection = http.client.HTTPConnection(fresh.LOCAL, port, timeout=SECONDS)
    try:
        connection.request("POST", "/invocations", body)
        response = connection.getresponse()
        content = response.read().decode()
    finally:
        connection.close()
    return json.loads(content)["predictions"] if response.status == 200 else content
