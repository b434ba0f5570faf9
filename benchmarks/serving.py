"""Requests for predictions beside a bare FastAPI handler and `mlflow models serve`.

    ML_ASSETS_HOME=HOME python -m benchmarks.serving [--model flight_delay] [--requests 400]

HOME is a home of the demo. One row in each request, JSON, kept-alive connections from this process;
milliseconds at one connection (half and 99 % of the requests are quicker), rows a second at eight.
The first line is the client's own cost: the server's `/healthz`. The bare handler encodes a row of
features with the model's document and calls its family, and does nothing else.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.processes import ROOT
from ml_assets.cli.servers import free_port
from ml_assets.serve.model import load
from ml_assets.spec.project import read_valid
from ml_assets.workspace import locate

CONNECTIONS = 8
BIN = Path(sys.executable).parent
BARE = """
import json, sys, importlib
import pyarrow as pa
from fastapi import FastAPI, Request
from ml_assets.stages.train.predict import predict
document = json.load(open(sys.argv[1]))
family = importlib.import_module(sys.argv[2])
kinds = {"number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_()}
app = FastAPI()

@app.get("/healthz")
def healthz():
    return {}

@app.post("/")
async def answer(request: Request):
    (row,) = (await request.json())["rows"]
    of = document["columns"].items()
    columns = {n: pa.array([row[n]], kinds.get(k, pa.string())) for n, k in of}
    return {"predictions": predict(document, family, pa.table(columns)).tolist()}

import uvicorn
uvicorn.run(app, port=int(sys.argv[3]), log_level="warning", access_log=False)
"""


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="flight_delay")
    parser.add_argument("--requests", type=int, default=400)
    asked = parser.parse_args()
    workspace = locate()
    home = workspace.open_home()
    project, _ = read_valid(workspace.defs)
    scorer = load(home, project, asked.model).state.scorer
    own, bare, theirs = free_port(), free_port(), free_port()
    uri = f"sqlite:///{home.folder / 'mlflow' / 'mlflow.db'}"
    home.close()
    sys.stdout.write("| what | p50 ms | p99 ms | rows/s at 8 |\n| --- | --- | --- | --- |\n")
    path = f"/v1/models/{asked.model}/predict"
    command = [sys.executable, "-m", "ml_assets", "serve", asked.model, "--port", str(own)]
    with server(command, own, "/readyz"):
        with urllib.request.urlopen(f"http://127.0.0.1:{own}/v1/models/{asked.model}") as answer:
            model = json.load(answer)
        row = inputs(model, scorer.document)
        tell("the client (`/healthz`)", own, "/healthz", None, asked.requests)
        tell("a row of features", own, f"{path}?features=true", {"rows": [row]}, asked.requests)
        tell("a raw row", own, path, model["example"], asked.requests)
    document = workspace.home / "tmp" / "document.json"
    document.write_text(json.dumps(scorer.document))
    words = [sys.executable, "-c", BARE, str(document), scorer.family.__name__, str(bare)]
    with server(words, bare, "/healthz"):
        tell("bare FastAPI, features", bare, "/", {"rows": [row]}, asked.requests)
    uri_of = f"models:/{asked.model}-{workspace.env}@champion"
    words = [str(BIN / "mlflow"), "models", "serve", "-m", uri_of]
    words += ["--env-manager", "local", "--port", str(theirs)]
    with server(words, theirs, "/ping", MLFLOW_TRACKING_URI=uri):
        body = {"dataframe_records": [row]}
        tell("`mlflow models serve`, features", theirs, "/invocations", body, asked.requests)


def inputs(model: dict[str, Any], document: Any) -> dict[str, Any]:
    """Return a row of features: a known category, and one as a number."""
    return {
        item["name"]: next(iter(document["categories"].get(item["name"], ())), None)
        if item["type"] == "category"
        else (1 if item["type"] == "integer" else 1.0)
        for item in model["features"]
    }


@contextmanager
def server(words: list[str], port: int, path: str, **environ: str) -> Iterator[None]:
    """Run a server while it is measured."""
    started = subprocess.Popen(
        words,
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", **environ},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).close()
                break
            except OSError:
                if time.monotonic() > deadline or started.poll() is not None:
                    raise
                time.sleep(0.2)
        yield
    finally:
        os.killpg(started.pid, signal.SIGTERM)
        started.wait()


def tell(name: str, port: int, path: str, body: Any, requests: int) -> None:
    """Measure one kind of request and print its line."""
    ask = client(port, path, body)
    for _ in range(20):
        ask()
    took = sorted(ask() for _ in range(requests))
    begin = time.perf_counter()
    threads = [
        threading.Thread(target=lambda: repeat(client(port, path, body), requests // CONNECTIONS))
        for _ in range(CONNECTIONS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = requests // CONNECTIONS * CONNECTIONS / (time.perf_counter() - begin)
    half, most = statistics.median(took) * 1e3, took[int(len(took) * 0.99)] * 1e3
    sys.stdout.write(f"| {name} | {half:.1f} | {most:.1f} | {rate:.0f} |\n")
    sys.stdout.flush()


def repeat(ask: Callable[[], float], times: int) -> None:
    """Ask many times over one connection."""
    for _ in range(times):
        ask()


def client(port: int, path: str, body: Any) -> Callable[[], float]:
    """Return what sends a request over a connection of its own and returns its seconds."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}

    def ask() -> float:
        begin = time.perf_counter()
        connection.request("GET" if data is None else "POST", path, data, headers)
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status == 200, said
        return time.perf_counter() - begin

    return ask


if __name__ == "__main__":
    main()
