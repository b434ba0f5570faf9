"""What the service is asked becomes a dataset; nothing answered is lost, or there twice."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from ml_assets.children.ports import free_port
from ml_assets.engine.sealing import release, seal
from ml_assets.errors import RequestError
from ml_assets.serve.recording.recorder import Recorder
from ml_assets.store.pseudonyms import hashed
from ml_assets.store.segments import folder_of, segments
from ml_assets_tests import processes
from ml_assets_tests.asked import FAR, MADE, ROW, ids, keep, sealed
from ml_assets_tests.projects import FORECAST, SALES, Toy
from ml_assets_tests.serve.serving import PREDICT, Client, serving

ASKED = f"{PREDICT}?batch=2020-06"


@pytest.fixture
def keeping(promoted: Toy) -> Toy:
    """Give a project with a champion, whose service keeps what it is asked."""
    keep(promoted)
    return promoted


def test_every_protocol_leaves_the_same_record(keeping: Toy) -> None:
    tensors = [
        {"name": name, "shape": [1], "datatype": "BYTES", "data": [value]}
        for name, value in ROW.items()
    ]
    asked = {"inputs": tensors, "parameters": {"batch": "2020-06"}}
    csv = b"sale,day,store,promo\n7,2020-06-03,north,true\n"
    with serving(keeping) as client:
        native = client.ask(ASKED, [ROW])
        text = client.ask(ASKED, csv, "text/csv")
        mlflow = client.ask(
            "/invocations", {"dataframe_records": [ROW], "params": {"batch": "2020-06"}}
        )
        v2 = client.ask("/v2/models/forecast/infer", asked)
        assert client.ask(ASKED, [{**ROW, "day": "no day"}]).status == 422
        other = client.ask("/v2/models/forecast/infer", {**asked, "outputs": [{"name": "x"}]})
        assert (other.status, other.json["error"]) == (422, "outputs: wanted some of prediction")
    home = keeping.planner().home
    seal(home, keeping.planner().project, MADE, FAR)
    ((day, rows),) = sealed(keeping).items()
    names = [answer.headers["x-request-id"] for answer in (native, text, mlflow, v2)]
    assert [row["request_id"] for row in rows] == names == sorted(names)
    assert (native.json["request_id"], v2.json["id"]) == (names[0], names[3])
    assert [row["request_protocol"] for row in rows] == ["native", "native", "mlflow", "v2"]
    assert {row["request_prediction"] for row in rows} == {
        native.json["predictions"][0]["prediction"]
    }
    assert {row["request_at"][:10] for row in rows} == {day}
    assert not keeping.make("group:forecast_requests").faults
    home = keeping.planner().home
    table = home.records.held("dev", f"{MADE}/cleaned")[day].outputs["cleaned"]
    given = home.objects.table(table.digest, list(ROW)).to_pylist()
    typed = {**ROW, "day": datetime(2020, 6, 3).date()}
    assert given == [typed] * 4


def test_rows_of_features_are_kept_as_json(keeping: Toy) -> None:
    features = {"promo": True, "store": "north", "price": 7.0, "rise": 1.0}
    with serving(keeping) as client:
        answer = client.ask(PREDICT, {"rows": [features], "features": True})
        assert answer.status == 200, answer.body
    seal(keeping.planner().home, keeping.planner().project, MADE, FAR)
    ((row,),) = sealed(keeping).values()
    assert json.loads(row["request_features"]) == features
    assert (row["sale"], row["request_row"]) == (None, 0)


def test_a_full_log_refuses_or_answers_without_a_record(promoted: Toy) -> None:
    keep(promoted, "{max_bytes: 65536, on_full: refuse}")
    with serving(promoted) as client:
        first = client.ask(ASKED, [ROW] * 400)
        full = client.ask(ASKED, [ROW] * 400)
        assert (first.status, full.status) == (200, 503)
        assert full.json["error"].startswith("requests cannot be kept now")
        assert b'ml_assets_requests_log_lost_total{model="forecast"} 1.0' in metrics(client)
    promoted.edit(FORECAST, "on_full: refuse", "on_full: unlogged")
    with serving(promoted) as client:
        assert client.ask(ASKED, [ROW] * 400).status == 200
        assert b'ml_assets_requests_log_lost_total{model="forecast"} 1.0' in metrics(client)
        assert b'ml_assets_requests_log_full{model="forecast"}' in metrics(client)
    planner = promoted.planner()
    (day,) = seal(planner.home, planner.project, MADE, FAR)
    assert day.rows == 400


def metrics(client: Client) -> bytes:
    """Return the service's figures."""
    return client.ask("/metrics").body


def test_a_disk_that_is_full_is_said_until_there_is_room(promoted: Toy) -> None:
    keep(promoted, "{on_full: refuse}")
    folder = folder_of(promoted.planner().home.folder, "forecast")
    folder.parent.mkdir(parents=True)
    with serving(promoted) as client:
        # A file where the folder is to be: the write fails as on a full disk.
        folder.touch()
        assert client.ask(ASKED, [ROW]).status == 503
        ready = client.ask("/readyz")
        assert (ready.status, ready.json["ready"]) == (503, False)
        assert ready.json["models"]["forecast"]["requests_not_kept"] == "Not a directory"
        folder.unlink()
        assert client.ask(ASKED, [ROW]).status == 200
        assert client.ask("/readyz").status == 200


def test_a_sensitive_column_is_never_written_down(
    promoted: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    promoted.edit(SALES, "store: {type: category,", "store: {type: category, sensitive: true,")
    keep(promoted, "{sensitive: hmac}")
    planner = promoted.planner()
    with pytest.raises(
        RequestError,
        match="are stored as HMAC, which needs a secret: set ML_ASSETS_SENSITIVE_KEY_FILE",
    ):
        Recorder.of(planner.home, planner.project, ["forecast"])
    monkeypatch.setenv("ML_ASSETS_REQUESTS_KEY", "k" * 32)
    with serving(promoted) as client:
        assert client.ask(ASKED, [ROW]).status == 200
    promoted.edit(FORECAST, "sensitive: hmac", "sensitive: leave_out")
    with serving(promoted) as client:
        assert client.ask(ASKED, [ROW]).status == 200
    folder = folder_of(promoted.planner().home.folder, "forecast")
    written = b"".join(segment.path.read_bytes() for segment in segments(folder))
    assert b"north" not in written
    assert written.count(hashed(b"k" * 32, "north").encode()) == 1


def test_a_sample_says_its_weight(promoted: Toy) -> None:
    keep(promoted, "{sample: 0.25}")
    with serving(promoted) as client:
        for _ in range(60):
            assert client.ask(ASKED, [ROW]).status == 200
    planner = promoted.planner()
    seal(planner.home, planner.project, MADE, FAR)
    ((_, rows),) = sealed(promoted).items()
    # Outside with a chance of 1e-4.
    assert 3 <= len(rows) <= 29
    assert {row["request_weight"] for row in rows} == {4.0}


SEAL = """
import sys, time
from ml_assets.engine.plan import planner_here
from ml_assets.errors import RequestError
from ml_assets.engine.sealing import release, seal
from ml_assets.serve.recording.recorder import Recorder
from ml_assets.store.pseudonyms import hashed
from ml_assets.store.segments import folder_of, segments
planner = planner_here()
while True:
    release(folder_of(planner.home.folder, "forecast"), 1.0)
    seal(planner.home, planner.project, "forecast_requests", "2199-01-01")
"""


def test_killed_workers_and_sealers_lose_and_double_nothing(keeping: Toy) -> None:
    port, environ = free_port(), {**os.environ, "PYTHONPATH": str(processes.ROOT)}
    command = [sys.executable, "-m", "ml_assets.cli.main"]
    server = subprocess.Popen(
        [*command, "serve", "forecast", "--port", str(port), "--workers", "2"],
        cwd=keeping.root,
        env=environ,
        stderr=subprocess.DEVNULL,
    )
    drawn = random.Random(7)
    asking = Asking(port)
    threads = [threading.Thread(target=asking.ask) for _ in range(3)]
    try:
        asking.until(1)
        for thread in threads:
            thread.start()
        for _ in range(3):
            sealer = processes.start(SEAL, cwd=keeping.root)
            asking.until(len(asking.acknowledged) + 40)
            time.sleep(drawn.random())
            os.kill(drawn.choice(workers(server.pid)), signal.SIGKILL)
            time.sleep(drawn.random())
            sealer.kill()
            sealer.communicate()
        asking.done.set()
        for thread in threads:
            thread.join()
    finally:
        asking.done.set()
        for pid in (*workers(server.pid), server.pid):
            os.kill(pid, signal.SIGKILL)
        server.wait()
    planner = keeping.planner()
    assert release(folder_of(planner.home.folder, "forecast")) == []
    seal(planner.home, planner.project, MADE, FAR)
    counted = Counter(name for names in ids(keeping).values() for name in names)
    assert set(counted.values()) == {1}
    assert asking.acknowledged <= set(counted)


class Asking:
    """Clients that remember what was answered."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.acknowledged: set[str] = set()
        self.done = threading.Event()

    def ask(self) -> None:
        """Ask until it is done; a connection that breaks acknowledges nothing."""
        while not self.done.is_set():
            self.once()

    def once(self) -> None:
        """Ask once."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(
                "POST", ASKED, json.dumps([ROW]), {"Content-Type": "application/json"}
            )
            answer = connection.getresponse()
            self.acknowledged.add(json.loads(answer.read())["request_id"])
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
        finally:
            connection.close()

    def until(self, count: int) -> None:
        """Wait until so many were answered."""
        deadline = time.monotonic() + 240
        while len(self.acknowledged) < count:
            assert time.monotonic() < deadline, "the service does not answer"
            self.once()


def workers(pid: int) -> list[int]:
    """Return the processes that answer: children of the server that are no helper of Python's."""
    names = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [
        int(name)
        for name in names
        if b"resource_tracker" not in Path(f"/proc/{name}/cmdline").read_bytes()
    ]
