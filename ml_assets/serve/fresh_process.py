"""A model served in a process that knows nothing of this one, for the gate's parity check.

Belongs here: the process, its parts, the question over HTTP. Does not belong here: what is
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
"""That the server may take for an answer."""
Ways = dict[str, Any]
"""By way: a list of predictions, or a text that says why it failed; `latency_ms` if asked."""


@contextmanager
def served(
    module: str, document: bytes, rows: pa.Table, order: Sequence[int], onnx: bytes, repeats: int
) -> Iterator[Callable[[], Ways]]:
    """Start a fresh process and tell it what to predict; give the function that waits for it.

    It gets the stored document, the name of the family's module and this process' import path,
    and nothing else of this one.
    """
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    # Through the pipe: rows in a file outside the home would be left there by a kill.
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
        found = child.answer()
    except ChildError as error:
        return {"fresh": str(error)}
    return {**found["ways"], "http": _over_http(found["port"], rows)}


def _over_http(port: int, rows: pa.Table) -> Any:
    """Return the predictions as the server's JSON gives them, or what it answered instead."""
    data = [list(row.values()) for row in rows.to_pylist()]
    body = json.dumps({"dataframe_split": {"columns": rows.column_names, "data": data}})
    connection = http.client.HTTPConnection(fresh.LOCAL, port, timeout=SECONDS)
    try:
        connection.request("POST", "/invocations", body)
        response = connection.getresponse()
        content = response.read().decode()
    finally:
        connection.close()
    return json.loads(content)["predictions"] if response.status == 200 else content
