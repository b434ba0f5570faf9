"""Atheris on the bodies of the prediction service: whatever is sent, no answer is a 500.

    python3.11 -m venv build/fuzz && build/fuzz/bin/pip install atheris
    PYTHONPATH=.:.venv/lib/python3.11/site-packages ML_ASSETS_HOME=COPY \
        build/fuzz/bin/python scripts/fuzz_bodies.py MODEL [CORPUS] -max_total_time=300

COPY is a copy of a home in which MODEL has a champion. The whole application is asked in this
process, by every protocol, with bodies that keep their form (a value of JSON is another, bytes of
an Arrow stream are others). It ends with an error, and leaves the body in a file, at an exception
or a status of 500, after 20 seconds with one body, and beyond 4 GB of memory. Options with one dash
are libFuzzer's.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["ml_assets.serve", "ml_assets.stages"]):
    import ml_assets.serve.service.start as service

import pyarrow as pa
import pyarrow.csv

from ml_assets.serve.service.worker_settings import SETTINGS, WorkerSettings

JSON, CSV, ARROW = "application/json", "text/csv", "application/vnd.apache.arrow.stream"
QUERIES = ("", "interval=true&explain=true", "features=true", "features=true&explain=true")
ODD: list[Any] = [
    *(None, True, "", "\0", "\ud7ff", "é" * 99, " 1 ", "1e999", "nan", "2013-02-30", "24:00"),
    *(0, -1, 2**31, 2**53 + 1, 2**63, -(2**64), 10**400, 1e308, -0.0, 5e-324, 0.1),
    *([], {}, [None], [[]], {"": None}, "2013-11-02T03:00:00+99:99", "9999-12-31T23:59:59Z"),
]


class Asked:
    """The application, and what it answers."""

    def __init__(self, model: str) -> None:
        settings = WorkerSettings([model], None, ["*"], True, False, None, 32 << 20, 1000)
        os.environ[SETTINGS] = settings.dump()
        self.app = service.create()
        self.loop = asyncio.new_event_loop()
        self.model = model
        predict = f"/v1/models/{model}/predict"
        self.routes = [
            *((predict, kind) for kind in (JSON, CSV, ARROW)),
            *(("/invocations", kind) for kind in (JSON, CSV)),
            (f"/v2/models/{model}/infer", JSON),
        ]

    def send(self, path: str, kind: str, query: str, body: bytes) -> tuple[int, bytes]:
        """Return status and body of the answer."""
        return self.loop.run_until_complete(self._send(path, kind, query, body))

    async def _send(self, path: str, kind: str, query: str, body: bytes) -> tuple[int, bytes]:
        status, parts = 0, []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)
            parts.append(message.get("body", b""))

        headers = [(b"host", b"localhost"), (b"content-type", kind.encode())]
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("localhost", 80),
            "scheme": "http",
            "http_version": "1.1",
        }
        await self.app(scope, receive, send)
        return status, b"".join(parts)

    def seeds(self) -> list[bytes]:
        """Return bodies that are answered, each behind the bytes of its route and query."""
        model = self.app.openapi()["paths"]["/v1/models/{name}/predict"]["post"]
        given = model["requestBody"]["content"][JSON]["example"]
        table = pa.Table.from_pylist(given["rows"] * 3)
        lines, stream = io.BytesIO(), io.BytesIO()
        pyarrow.csv.write_csv(table, lines)
        with pa.ipc.new_stream(stream, table.schema) as writer:
            writer.write_table(table)
        tensors = [
            {"name": name, "shape": [3], "datatype": "BYTES", "data": values}
            for name, values in table.to_pydict().items()
        ]
        options = {key: value for key, value in given.items() if key != "rows"}
        split = {"columns": table.column_names, "data": [list(given["rows"][0].values())]}
        documents = [given, {"dataframe_split": split, "params": options}]
        documents += [{"inputs": table.to_pydict()}, {"inputs": tensors, "parameters": options}]
        bodies = [json.dumps(documents[0]).encode(), lines.getvalue(), stream.getvalue()]
        bodies += [json.dumps(documents[1]).encode(), lines.getvalue()]
        bodies += [json.dumps(documents[3]).encode()]
        found = []
        for route, body in enumerate(bodies):
            found += [bytes([route, query]) + body for query in range(len(QUERIES))]
        return [*found, bytes([3, 0]) + json.dumps(documents[2]).encode()]


def changed(data: bytes, most: int, seed: int) -> bytes:
    """Return another input: half of JSON keeps its form."""
    draw = random.Random(seed)
    if draw.random() < 0.5 and data[2:3] in (b"{", b"["):
        try:
            document = json.loads(data[2:])
        except (ValueError, RecursionError):
            document = None
        if document:
            _change(document, draw)
            found = data[:2] + json.dumps(document).encode()
            if len(found) <= most:
                return found
    found: bytes = atheris.Mutate(data, most)
    return found


def _change(document: Any, draw: random.Random) -> None:
    """Put an odd value in some place of a document."""
    while True:
        keys = list(document) if isinstance(document, dict) else range(len(document))
        if not keys:
            return
        key = draw.choice(keys)
        inner = document[key]
        if isinstance(inner, dict | list) and inner and draw.random() < 0.9:
            document = inner
            continue
        if isinstance(document, dict) and draw.random() < 0.1:
            document[str(draw.choice(ODD))] = document.pop(key)
        else:
            document[key] = draw.choice(ODD)
        return


def main() -> None:
    """Send bodies until the time is over."""
    asked = Asked(sys.argv.pop(1))
    if not any(not word.startswith("-") for word in sys.argv[1:]):
        sys.argv.insert(1, tempfile.mkdtemp())
    folder = Path(next(word for word in sys.argv[1:] if not word.startswith("-")))
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(asked.seeds()):
        (folder / f"seed-{number}").write_bytes(seed)

    def one(data: bytes) -> None:
        if len(data) < 2:
            return
        path, kind = asked.routes[data[0] % len(asked.routes)]
        status, said = asked.send(path, kind, QUERIES[data[1] % len(QUERIES)], data[2:])
        if status >= 500:
            raise RuntimeError(f"{path} answers {status}: {said[:300]!r}")

    options = ["-max_len=20000", "-timeout=20", "-rss_limit_mb=4096"]
    atheris.Setup([sys.argv[0], *options, *sys.argv[1:]], one, custom_mutator=changed)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
