"""The prediction service: every protocol, every kind of wrong request, over real connections."""

from __future__ import annotations

import io
import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

from ml_assets.serve.model import load
from ml_assets.serve.service.requests import Limits
from ml_assets_tests.projects import Toy, copied
from ml_assets_tests.serve.serving import PREDICT, Client, serving

ROW: dict[str, Any] = {"sale": 7, "day": "2020-06-03", "store": "north", "promo": None}
BATCH = "2020-06"
INFER = "/v2/models/forecast/infer"
ARROW = "application/vnd.apache.arrow.stream"


@pytest.fixture(scope="module")
def toy(predicting: Toy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toy]:
    """Give a copy that no test changes."""
    with copied(predicting, tmp_path_factory.mktemp("served") / "project") as found:
        yield found


@pytest.fixture(scope="module")
def client(toy: Toy) -> Iterator[Client]:
    """Give a client of a server that no test changes."""
    with serving(toy, Limits(bytes=100_000, seconds=1.0)) as found:
        yield found


@pytest.fixture(scope="module")
def wanted(toy: Toy) -> float:
    """Give the prediction for the row."""
    planner = toy.planner()
    answer = load(planner.home, planner.project, "forecast").predict([ROW], batch=BATCH)
    return float(answer["prediction"][0].as_py())


def stream(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def tensors(row: dict[str, Any]) -> list[dict[str, Any]]:
    kinds = {"sale": "INT64", "promo": "BOOL"}
    return [
        {"name": name, "shape": [1], "datatype": kinds.get(name, "BYTES"), "data": [value]}
        for name, value in row.items()
    ]


def test_a_row_has_the_same_prediction_over_every_protocol(client: Client, wanted: float) -> None:
    asked = f"{PREDICT}?batch={BATCH}"
    params = {"batch": BATCH}
    native = client.ask(asked, {"rows": [ROW]})
    assert native.headers["x-model-version"] == "v0"
    assert native.json == {
        "model": "forecast",
        "version": "v0",
        "predictions": [{"prediction": wanted, "unseen": None, "missing_joins": None}],
    }
    assert client.ask(PREDICT, {"rows": [ROW], "batch": BATCH}).json == native.json
    assert client.ask(asked, [ROW]).json == native.json
    text = b"sale,day,store,promo\n7,2020-06-03,north,\n"
    found = client.ask(asked, text, "text/csv", Accept="text/csv")
    assert found.body.decode().splitlines()[1] == f"{wanted!r},,"
    table = pa.Table.from_pylist([ROW]).set_column(3, "promo", pa.array([None], pa.bool_()))
    found = client.ask(asked, stream(table), ARROW, Accept=ARROW)
    assert pa.ipc.open_stream(found.body).read_all()["prediction"].to_pylist() == [wanted]
    for body in (
        {"dataframe_records": [ROW]},
        {"dataframe_split": {"columns": list(ROW), "data": [list(ROW.values())]}},
        {"instances": [ROW]},
        {"inputs": {name: [value] for name, value in ROW.items()}},
    ):
        for path in ("/invocations", "/models/forecast/invocations"):
            found = client.ask(path, {**body, "params": params})
            assert found.json == {"predictions": [wanted]}, body
    found = client.ask(INFER, {"id": "a", "inputs": tensors(ROW), "parameters": params})
    assert found.json == {
        "id": "a",
        "model_name": "forecast",
        "model_version": "0",
        "outputs": [{"name": "prediction", "datatype": "FP64", "shape": [1], "data": [wanted]}],
    }


def test_mlflows_own_client(client: Client, wanted: float) -> None:
    theirs = ScoringServerClient("127.0.0.1", client.port)
    theirs.wait_server_ready(timeout=5)
    found = theirs.invoke(pd.DataFrame([ROW]), params={"batch": BATCH})
    assert found.get_predictions("dataframe")[0].tolist() == [wanted]


def test_feature_rows(client: Client) -> None:
    row = {"promo": True, "store": "north", "price": 12.0, "rise": None}
    (found,) = client.ask(f"{PREDICT}?features=true", [row]).json["predictions"]
    assert np.isfinite(found["prediction"])
    other = {"promo": True, "store": "moon", "price": 12.0, "rise": None}
    found = client.ask(PREDICT, {"rows": [other], "features": True}).json
    assert found["predictions"][0]["unseen"] == "store"
    assert b'ml_assets_unseen_total{column="store",model="forecast"} 1.0' in (
        client.ask("/metrics").body
    )


def test_contributions_add_up(client: Client, wanted: float) -> None:
    (found,) = client.ask(f"{PREDICT}?batch={BATCH}&explain=true", [ROW]).json["predictions"]
    parts = [value for name, value in found.items() if name.startswith("contribution_")]
    assert sum(parts) + found["base"] == pytest.approx(wanted)


def test_every_problem_is_told_by_row_and_column_and_no_value_repeated(client: Client) -> None:
    secret = "s3cret"
    rows = [ROW, {**ROW, "sale": secret, "day": secret}, {**ROW, "store": None}]
    found = client.ask(f"{PREDICT}?batch={BATCH}", rows)
    assert found.status == 422
    assert secret not in found.body.decode()
    assert found.json["error"] == "2 rows break the contract, of 3"
    told = [(item["row"], item["column"], item["rule"]) for item in found.json["problems"]]
    assert told == [
        (1, "day", "parse.date"),
        (1, "sale", "parse.integer"),
        (2, "store", "store.not_null"),
    ]
    figures = client.ask("/metrics").body
    assert b'ml_assets_problems_total{model="forecast",rule="store.not_null"} 1.0' in figures


def tensors_and(**more: Any) -> bytes:
    """Return the body of a request by the v2 protocol with more in it."""
    return json.dumps({"inputs": tensors(ROW), "parameters": {"batch": BATCH}, **more}).encode()


@pytest.mark.parametrize(
    ("path", "body", "kind", "status", "said"),
    [
        (PREDICT, b"{", "application/json", 400, "not JSON"),
        (PREDICT, b'{"rows": [{"sale": NaN}]}', "application/json", 400, "write null"),
        (PREDICT, b"[" * 90_000, "application/json", 400, "nested too deeply"),
        (PREDICT, b"\xff\xfe", "application/json", 400, "not JSON"),
        (PREDICT, b'[{"\xed\xa0\x80": 1}]', "application/json", 400, "not JSON"),
        (PREDICT, b'[{"\\ud800": [1]}]', "application/json", 400, "half a surrogate pair"),
        (PREDICT, b'{"rows": [{}], "batch": "\\uD800"}', "application/json", 400, "half a surrog"),
        (
            PREDICT,
            b'[{"\\ud83d\\ude00": [1]}]',
            "application/json",
            422,
            "not a single value: \U0001f600",
        ),
        (PREDICT, b"7", "application/json", 400, "list of objects"),
        (PREDICT, b'{"row": []}', "application/json", 400, "rows, features, batch"),
        (PREDICT, b'{"rows": [], "batch": 7}', "application/json", 400, "batch: wanted a text"),
        (PREDICT, b"[]", "application/json", 422, "the list is empty"),
        (PREDICT, b'[{"sale": [1]}]', "application/json", 422, "not a single value: sale"),
        (PREDICT, b'[{"sale": 1}]', "application/json", 422, "no column day, store, promo"),
        (PREDICT, b"sale\n7\n", "text/csv", 422, "no column day, store, promo"),
        (PREDICT, b"", "text/csv", 422, "cannot be read"),
        (PREDICT, b"no stream", ARROW, 400, "not an Arrow stream"),
        (PREDICT, b"sale", "text/plain", 415, "text/csv"),
        (PREDICT, b" " * 100_001, "application/json", 413, "more than 100,000 bytes"),
        (f"{PREDICT}?explain=perhaps", b"[]", "application/json", 422, "explain: "),
        (f"{PREDICT}?batch=2020-31", b"", "application/json", 400, "not JSON"),
        ("/v1/models/moon/predict", b"[]", "application/json", 404, "available: forecast"),
        ("/invocations", b"{}", "application/json", 400, "dataframe_split"),
        ("/invocations", b'{"instances": [[1]]}', "application/json", 400, "list of objects"),
        (
            "/invocations",
            b'{"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}',
            "application/json",
            422,
            "1 values in each row",
        ),
        (
            "/invocations",
            b'{"inputs": {"a": [1], "b": []}}',
            "application/json",
            422,
            "of one length",
        ),
        (INFER, b"[]", "application/json", 400, "inputs"),
        (
            INFER,
            b'{"inputs": [{"name": "a", "shape": [1], "data": [1]}], "parameters": [1]}',
            "application/json",
            400,
            "parameters: wanted an object",
        ),
        (
            INFER,
            b'{"id": "\\ud800", "inputs": []}',
            "application/json",
            400,
            "half a surrogate pair",
        ),
        (INFER, tensors_and(outputs={}), "application/json", 400, "outputs: wanted a list"),
        (INFER, tensors_and(outputs=[1]), "application/json", 400, "outputs: wanted a list"),
        (INFER, tensors_and(id=7), "application/json", 400, "id: wanted a text"),
        (INFER, tensors_and(parameters=0), "application/json", 400, "parameters: wanted an obj"),
        (
            "/invocations",
            json.dumps({"dataframe_records": [ROW], "params": []}).encode(),
            "application/json",
            400,
            "params: wanted features",
        ),
        ("/invocations", b'{"inputs": {"\\ud800": [1]}}', "application/json", 400, "half a surrog"),
        (INFER, b'{"inputs": []}', "application/json", 400, "list of tensors"),
        (
            INFER,
            b'{"inputs": [{"name": "a", "shape": [2], "data": [1]}]}',
            "application/json",
            422,
            "1 values, wanted 2",
        ),
        (
            INFER,
            b'{"inputs": [{"name": "a", "shape": [1, 2], "data": [1, 2]}]}',
            "application/json",
            422,
            "shape [rows]",
        ),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(
    client: Client, path: str, body: bytes, kind: str, status: int, said: str
) -> None:
    found = client.ask(path, body, kind)
    assert found.status == status
    assert said in found.json["error"]


def test_binary_tensors_are_refused_with_what_a_client_can_do(client: Client) -> None:
    body = b'{"inputs": []}\xff\xff'
    found = client.ask(INFER, body, Inference_Header_Content_Length="14")
    assert (found.status, "binary_data=False" in found.json["error"]) == (415, True)


def test_encoded_bodies_other_hosts_and_slow_clients_are_refused(client: Client) -> None:
    assert client.ask(PREDICT, [ROW], Content_Encoding="gzip").status == 415
    assert client.ask("/healthz", Host="evil.example").status == 400
    with socket.create_connection(("127.0.0.1", client.port)) as slow:
        head = f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n["
        slow.sendall(head.encode())
        assert b"408" in slow.recv(100)


def test_who_it_is_and_how_it_is(client: Client) -> None:
    assert client.ask("/healthz").json == {"alive": True}
    assert client.ask("/readyz").json == {
        "ready": True,
        "models": {"forecast": {"version": "v0", "why": None}},
    }
    for path in ("/ping", "/v2/health/live", "/v2/health/ready", "/v2/models/forecast/ready"):
        assert client.ask(path).status == 200
        head = client.ask(path, method="HEAD")
        assert (head.status, head.body) == (200, b"")
    assert client.ask("/v2").json["name"] == "ml_assets"
    metadata = client.ask("/v2/models/forecast").json
    assert [(t["name"], t["datatype"]) for t in metadata["inputs"]] == [
        ("sale", "INT64"),
        ("day", "BYTES"),
        ("store", "BYTES"),
        ("promo", "BOOL"),
    ]
    model = client.ask("/v1/models/forecast").json
    assert client.ask("/v1/models").json == {"models": [model]}
    assert [column["name"] for column in model["columns"]] == ["sale", "day", "store", "promo"]
    assert [item["name"] for item in model["features"]] == ["promo", "store", "price", "rise"]
    for path in ("/v1/models/moon", "/v2/models/moon", "/v2/models/moon/ready", "/nowhere"):
        assert client.ask(path).status == 404
    figures = client.ask("/metrics").body
    assert b'ml_assets_version{model="forecast"} 0.0' in figures
    assert b'ml_assets_behind{model="forecast"} 0.0' in figures


def test_the_examples_of_the_documentation_work(client: Client) -> None:
    paths = client.ask("/openapi.json").json["paths"]
    for path in (
        "/v1/models/{name}/predict",
        "/invocations",
        "/models/{name}/invocations",
        "/v2/models/{name}/infer",
    ):
        post = paths[path]["post"]
        example = post["requestBody"]["content"]["application/json"]["example"]
        assert BATCH in json.dumps(example), "the model joins batches, and no time says which"
        found = client.ask(path.format(name="forecast"), example)
        assert found.status == 200, found.body
        names = [each["schema"] for each in post.get("parameters", ()) if each["in"] == "path"]
        assert [each["enum"] for each in names] == [["forecast"]] * path.count("{")


def test_a_wrong_path_or_method_is_told_as_all_errors_are(client: Client) -> None:
    assert client.ask("/nowhere").json == {"error": "no such path; /openapi.json lists them"}
    found = client.ask("/healthz", {})
    assert (found.status, found.json, found.headers["allow"]) == (
        405,
        {"error": "Method Not Allowed"},
        "GET",
    )


def test_what_is_asked_at_once_is_answered_by_one_version(client: Client, wanted: float) -> None:
    rows = [ROW] * 200
    found = client.ask(f"{PREDICT}?batch={BATCH}", rows).json["predictions"]
    assert {item["prediction"] for item in found} == {wanted}


def test_a_model_without_a_champion_is_not_ready(tmp_path: Path, predicting: Toy) -> None:
    with copied(predicting, tmp_path / "project") as toy, serving(toy) as client:
        assert client.ask("/readyz").status == 200
    with copied(predicting, tmp_path / "other") as toy:
        shutil.rmtree(toy.root / "data")
        with serving(toy) as client:
            found = client.ask("/readyz")
            assert found.status == 503
            assert "no champion" in found.json["models"]["forecast"]["why"]
            assert client.ask(PREDICT, [ROW]).status == 503
            assert client.ask("/v2/models/forecast").status == 503
            assert client.ask("/v1/models/forecast").json["ready"] is False
            assert json.loads(client.ask("/healthz").body) == {"alive": True}
