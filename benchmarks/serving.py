"""Requests for predictions, beside MLflow's server, BentoML's and a bare handler.

    ML_ASSETS_HOME=HOME python -m benchmarks.serving [--requests 2000] [--only WORD …] [--memory]
        [--paired ROUNDS] [--granian FOLDER] [--bento PYTHON]

HOME is a copy of a home of the demo: requests are kept in it, as in production. One row in each
request, JSON, from `benchmarks.load` in a process of its own; every server predicts with the same
model document, on the same machine, one after the other. `--granian` is a folder with granian
(`pip install --target`), `--bento` the Python of an environment with BentoML that also finds the
packages of this one. `--memory` also asks 100,000 times. `--paired` keeps the servers running
side by side and asks each in turn for a row of features, so that other work of the machine meets
all alike. The model is one of LightGBM's trees,
which the bare handler asks directly.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from benchmarks.processes import ROOT, tell
from ml_assets.children.ports import free_port
from ml_assets.serve.model import LoadedVersion, load
from ml_assets.serve.service.worker_settings import SETTINGS, WorkerSettings
from ml_assets.spec.project import read_valid
from ml_assets.workspace import locate

BLOCK = 100
"""Requests to one server, before the next is asked."""
BIN = Path(sys.executable).parent
CONNECTIONS = (1, 32)
HEAD = (
    "| what | p50 ms | p99 ms | rows/s | p50 ms, 32 | p99 ms, 32 | rows/s, 32 "
    "| server CPU ms | client |"
)
HANDLER = """
import json, os
import lightgbm
import numpy as np
document = json.load(open(os.environ["DOCUMENT"]))
booster = lightgbm.Booster(model_str=document["state"]["model"])
codes = {n: {v: c for c, v in enumerate(known)} for n, known in document["categories"].items()}

def predicted(row):
    values = [codes[n].get(row[n]) if n in codes else row[n] for n in document["columns"]]
    return booster.predict(np.array([values], dtype=np.float64)).tolist()
"""
BARE = f"""{HANDLER}
from fastapi import FastAPI, Request
app = FastAPI()

@app.get("/healthz")
def healthz():
    return {{}}

@app.post("/")
async def answer(request: Request):
    (row,) = (await request.json())["rows"]
    return {{"predictions": predicted(row)}}
"""
BENTO = f"""{HANDLER}
import bentoml

@bentoml.service(workers=int(os.environ["WORKERS"]), logging={{"access": {{"enabled": False}}}})
class Bench:
    @bentoml.api(route="/")
    def answer(self, rows: list[dict]) -> dict:
        return {{"predictions": predicted(rows[0])}}
"""


@dataclass(frozen=True)
class Server:
    """A server that is measured: `{{port}}` and `{{workers}}` stand in its words."""

    name: str
    words: list[str]
    ready: str
    asked: Mapping[str, tuple[str, Any]]
    """What is asked: a path and a body, None for GET."""
    environ: Mapping[str, str] = field(default_factory=dict)
    workers: tuple[int, ...] = (1,)


def main() -> None:
    """Measure and print tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="flight_delay")
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--granian", type=Path)
    parser.add_argument("--bento", type=Path)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--paired", type=int)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        servers = list(_servers(given, Path(folder)))
        wanted = [s for s in servers if not given.only or any(w in s.name for w in given.only)]
        if given.paired:
            paired(wanted, given.paired)
            return
        tell(HEAD)
        tell("| --- |" + " ---: |" * 8)
        for server in wanted:
            for workers in server.workers:
                with running(server, workers) as (port, process):
                    for what, (path, body) in server.asked.items():
                        name = f"{server.name}: {what}" + (f", {workers} workers" * (workers > 1))
                        line(name, port, process, request(path, body), given.requests)
        if given.memory:
            memory(servers[0])


def _servers(given: argparse.Namespace, folder: Path) -> Iterator[Server]:
    """Yield what is measured, which all predict with one model document."""
    workspace = locate()
    home = workspace.open_home()
    project, _ = read_valid(workspace.defs)
    state = load(home, project, given.model).state
    uri = f"sqlite:///{home.folder / 'mlflow' / 'mlflow.db'}"
    home.close()
    scorer = state.scorer
    document = folder / "document.json"
    document.write_text(json.dumps(scorer.document))
    for name, text in (("bare", BARE), ("bento_service", BENTO)):
        (folder / f"{name}.py").write_text(text)
    one = {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT}:{folder}"}
    made = {**one, "DOCUMENT": str(document)}
    row, example = inputs(state), _example(given.model)
    path = f"/v1/models/{given.model}/predict"
    own = {
        "nothing (`/healthz`)": ("/healthz", None),
        "features": (f"{path}?features=true", {"rows": [row]}),
        "raw row": (path, example),
    }
    serve = [sys.executable, "-m", "ml_assets", "serve", given.model]
    serve += ["--port", "{port}", "--workers", "{workers}"]
    yield Server("ml_assets", serve, "/readyz", own, one, (1, 2))
    if given.granian is not None:
        words = [sys.executable, "-m", "granian", "--interface", "asgi", "--factory", "--no-ws"]
        words += ["--port", "{port}", "ml_assets.serve.service.start:create"]
        settings = WorkerSettings([given.model], None, ["*"], False, False, None, 32 << 20, 100_000)
        more = {**one, "PYTHONPATH": f"{ROOT}:{given.granian}", SETTINGS: settings.dump()}
        yield Server("ml_assets on granian", words, "/readyz", own, more)
    features = {"features": ("/", {"rows": [row]})}
    uvicorn = [sys.executable, "-m", "uvicorn", "--port", "{port}", "--workers", "{workers}"]
    uvicorn += ["--log-level", "warning", "--no-access-log"]
    yield Server("bare FastAPI", [*uvicorn, "bare:app"], "/healthz", features, made, (1, 2))
    model = f"models:/{given.model}-{workspace.env}@champion"
    words = [str(BIN / "mlflow"), "models", "serve", "-m", model, "--env-manager", "local"]
    words += ["--port", "{port}", "--workers", "{workers}"]
    records = {"features": ("/invocations", {"dataframe_records": [row]})}
    tracked = {"MLFLOW_TRACKING_URI": uri, "PYTHONPATH": str(ROOT)}
    yield Server("`mlflow models serve`", words, "/ping", records, tracked, (1, 2))
    split = {"dataframe_split": {"columns": list(row), "data": [list(row.values())]}}
    tuned = {**one, **tracked, "__pyfunc_model_path__": _downloaded(model, uri, folder)}
    words = [*uvicorn, "--loop", "uvloop", "mlflow.pyfunc.scoring_server.app:app"]
    yield Server(
        "MLflow, tuned", words, "/ping", {"features": ("/invocations", split)}, tuned, (1, 2)
    )
    if given.bento is not None:
        words = [str(given.bento), "-m", "bentoml", "serve", "bento_service:Bench"]
        words += ["--port", "{port}", "--working-dir", str(folder)]
        more = {**made, "BENTOML_DO_NOT_TRACK": "True"}
        yield Server("BentoML", words, "/readyz", features, more, (1, 2))


def inputs(state: LoadedVersion) -> dict[str, Any]:
    """Return a row of features: a known category, and one as a number."""
    document = state.scorer.document
    kinds = {name: document["columns"][name] for name in state.inputs.contract.columns}
    return {
        name: next(iter(document["categories"].get(name, ())), None)
        if kind == "category"
        else (1 if kind == "integer" else 1.0)
        for name, kind in kinds.items()
    }


def _example(model: str) -> Any:
    """Return a raw row that works, as the service itself says."""
    words = [sys.executable, "-m", "ml_assets", "serve", model, "--port", "{port}"]
    with running(Server("", words, "/readyz", {}), 1) as (port, _):
        return example_of(port, model)


def example_of(port: int, model: str) -> Any:
    """Return the body of a request that works, as a service says."""
    address = f"http://127.0.0.1:{port}/v1/models/{model}"
    return json.loads(urllib.request.urlopen(address).read())["example"]


def _downloaded(model: str, uri: str, folder: Path) -> str:
    import mlflow

    mlflow.set_tracking_uri(uri)
    return str(mlflow.artifacts.download_artifacts(model, dst_path=str(folder / "mlflow")))


@contextmanager
def running(server: Server, workers: int) -> Iterator[tuple[int, psutil.Process]]:
    """Run a server; give its port and its first process."""
    port = free_port()
    said_of = {"{port}": str(port), "{workers}": str(workers)}
    started = subprocess.Popen(
        [said_of.get(word, word) for word in server.words],
        env={
            **os.environ,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "WORKERS": str(workers),
            **server.environ,
        },
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    try:
        _await(f"http://127.0.0.1:{port}{server.ready}", started)
        yield port, psutil.Process(started.pid)
    finally:
        os.killpg(started.pid, signal.SIGTERM)
        started.wait()


def _await(address: str, started: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 180
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            if time.monotonic() > deadline or started.poll() is not None:
                raise
            time.sleep(0.2)


def request(path: str, body: Any) -> bytes:
    """Return the bytes of a request."""
    content = b"" if body is None else json.dumps(body).encode()
    method = "GET" if body is None else "POST"
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
    lines += [f"Content-Length: {len(content)}", "", ""]
    return "\r\n".join(lines).encode() + content


def line(name: str, port: int, process: psutil.Process, request: bytes, requests: int) -> None:
    """Measure one kind of request and print its line."""
    cells, server, client = [], 0.0, 0.0
    for connections in CONNECTIONS:
        before = cpu_of(process)
        found = asked(port, connections, requests, request)
        server = (cpu_of(process) - before) / found["all"] * 1e3
        client = max(client, found["cpu"] * found["rate"])
        half, most = found["p50"] * 1e3, found["p99"] * 1e3
        cells += [f"{half:.2f}", f"{most:.2f}", f"{found['rate']:.0f}"]
    tell(f"| {name} | {' | '.join(cells)} | {server:.2f} | {client:.0%} |")


def paired(servers: list[Server], rounds: int) -> None:
    """Ask servers in turn for a row of features on one connection, and print their medians."""
    blocks: dict[str, list[dict[str, Any]]] = {server.name: [] for server in servers}
    with ExitStack() as stack:
        ports = {s.name: stack.enter_context(running(s, 1))[0] for s in servers}
        requests = {server.name: request(*server.asked["features"]) for server in servers}
        for _ in range(rounds):
            for name, port in ports.items():
                blocks[name].append(asked(port, 1, BLOCK, requests[name]))
    tell("| what | p50 ms: median | least |")
    tell("| --- | ---: | ---: |")
    for name, found in blocks.items():
        half = [block["p50"] * 1e3 for block in found]
        tell(f"| {name} | {median(half):.2f} | {min(half):.2f} |")


def asked(port: int, connections: int, requests: int, request: bytes) -> dict[str, Any]:
    """Return what a client sees that asks from a process of its own."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(request)
        file.flush()
        words = [sys.executable, "-m", "benchmarks.load", str(port)]
        words += [str(connections), str(requests), file.name]
        found: dict[str, Any] = json.loads(subprocess.check_output(words, cwd=ROOT))
        return found


def cpu_of(process: psutil.Process) -> float:
    """Return the CPU seconds of a process and its children."""
    each = [process, *process.children(recursive=True)]
    return float(sum(sum(one.cpu_times()[:2]) for one in each))


def memory(server: Server) -> None:
    """Print the memory of the service after 1,000 and after 100,000 requests."""
    path, body = server.asked["features"]
    with running(server, 1) as (port, process):
        for count, more in ((1_000, 1_000), (100_000, 99_000)):
            asked(port, 32, more, request(path, body))
            tell(f"{count:,} requests: {process.memory_info().rss / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
