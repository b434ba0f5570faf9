"""Clients that are slow or send too much, over raw sockets: each costs little, and not for long."""

from __future__ import annotations

import io
import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import pyarrow as pa
import pytest

from ml_assets.serve.service import connection
from ml_assets.serve.service.counting import end_of_line
from ml_assets.serve.service.requests import Limits
from ml_assets_tests.projects import Toy, copied
from ml_assets_tests.serve.serving import PREDICT, Client, serving

ROW = {"sale": 7, "day": "2020-06-03", "store": "north", "promo": None}
ASKED = {"rows": [ROW], "batch": "2020-06"}
LINE = b"7,2020-06-03,north,\n"
ARROW = "application/vnd.apache.arrow.stream"
POST = f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n".encode()
LONG = 30.0


@pytest.fixture(scope="module")
def client(predicting: Toy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Give a client of a server with short times and small limits."""
    folder = tmp_path_factory.mktemp("slow")
    patch = pytest.MonkeyPatch()
    patch.setattr(connection, "HEAD_SECONDS", 2.0)
    patch.setattr(connection, "BODY_SECONDS", 1.0)
    patch.setattr(connection, "READ_SECONDS", 0.5)
    limits = Limits(bytes=200_000, seconds=0.5, rows=50, at_once=2)
    with copied(predicting, folder / "project") as toy, serving(toy, limits) as found:
        yield found
    patch.undo()


def opened(client: Client) -> socket.socket:
    return socket.create_connection(("127.0.0.1", client.port), timeout=LONG)


def rest(sock: socket.socket) -> bytes:
    """Return what comes until the server closes or cuts the connection."""
    parts = []
    try:
        while part := sock.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def flooded(client: Client, begin: bytes, more: bytes, most: int) -> tuple[bytes, int]:
    """Return what is answered to a flood, and how many bytes of it were sent."""
    sent = 0
    with opened(client) as sock:
        try:
            sock.sendall(begin)
            while sent < most:
                sock.sendall(more)
                sent += len(more)
        except (ConnectionResetError, BrokenPipeError):
            pass
        return rest(sock), sent


def test_a_flood_of_headers_is_cut(client: Client) -> None:
    begin = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
    most = 50 << 20
    for start, more in (
        (begin, b"X-More: " + b"a" * 1000 + b"\r\n"),
        (begin + b"X-Long: ", b"a" * 1000),
        (b"GET /", b"a" * 1000),
    ):
        said, sent = flooded(client, start, more, most)
        assert sent < most / 4, "the rest was not taken"
        assert said.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400")) or not said
    whole = begin + b"X-More: " + b"a" * 100_000 + b"\r\n\r\n"
    said, _ = flooded(client, whole, b"", 0)
    assert said.startswith(b"HTTP/1.1 431 ")
    assert client.ask("/healthz").status == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /hea",
        b"GET /healthz HTTP/1.1\r\nHost: local",
        POST + b"Content-Length: 100\r\n\r\n{",
        POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
    ],
)
def test_a_client_that_stops_is_not_waited_for(client: Client, sent: bytes) -> None:
    begin = time.monotonic()
    with opened(client) as sock:
        sock.sendall(sent)
        said = rest(sock)
    assert time.monotonic() - begin < LONG / 2
    if POST in sent:
        assert said.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in said.lower()
    else:
        assert said == b""


def test_line_ends_do_not_keep_a_connection_open(client: Client) -> None:
    with opened(client) as sock:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
        begin = time.monotonic()
        with suppress(ConnectionResetError, BrokenPipeError):
            while time.monotonic() - begin < LONG:
                sock.sendall(b"\r\n")
                time.sleep(0.05)
    assert time.monotonic() - begin < LONG / 2


def test_a_body_that_is_too_large_is_not_read(client: Client) -> None:
    said, sent = flooded(
        client, POST + b"Content-Length: 100000000\r\n\r\n", b" " * 65536, 100_000_000
    )
    assert said.startswith(b"HTTP/1.1 413 ") or not said, "a reset may overtake the answer"
    assert sent < 50_000_000


def test_a_body_may_be_larger_than_a_head(client: Client) -> None:
    body = json.dumps(ASKED).encode() + b" " * 150_000
    with opened(client) as sock:
        for _ in range(2):
            sock.sendall(POST + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
            assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_half_sent_bodies_share_bounded_room(client: Client) -> None:
    head = POST + b"Content-Length: 190000\r\n\r\n"
    socks = [opened(client) for _ in range(6)]
    try:
        for sock in socks:
            sock.sendall(head + b" " * 180_000)
        found = sorted(rest(sock)[9:12] for sock in socks)
    finally:
        for sock in socks:
            sock.close()
    assert found == [b"408"] * 2 + [b"503"] * 4
    assert client.ask(PREDICT, ASKED).status == 200, "the room is free again"


def test_many_connections_that_are_kept_cost_no_answers(client: Client) -> None:
    socks = [opened(client) for _ in range(200)]
    try:
        for sock in socks:
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert all(sock.recv(4096).startswith(b"HTTP/1.1 200 ") for sock in socks)
        assert client.ask(PREDICT, ASKED).status == 200
    finally:
        for sock in socks:
            sock.close()


def bomb(rows: int, columns: int = 1) -> bytes:
    """Return a small stream that would fill memory."""
    zeros = pa.array([0] * rows, pa.int64())
    table = pa.table({f"c{n}": zeros for n in range(columns)})
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue()


def test_small_bodies_that_would_be_large_are_refused(client: Client) -> None:
    packed = bomb(2_000_000)
    assert len(packed) < 10_000
    before = pa.total_allocated_bytes()
    found = client.ask(PREDICT, packed, ARROW)
    assert (found.status, found.json) == (
        413,
        {"error": "the Arrow stream holds more than 1,600,000 bytes"},
    )
    assert pa.total_allocated_bytes() - before < 2_000_000
    nulls = pa.Array.from_buffers(pa.null(), 10**9, [None])
    none = pa.record_batch([nulls], names=["a"])
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, none.schema) as writer:
        writer.write_batch(none)
    assert client.ask(PREDICT, sink.getvalue(), ARROW).status == 413
    for body in (b"[" * 190_000, b'{"rows":[' + b"{}," * 60_000 + b"{}]}"):
        assert client.ask(PREDICT, body).status in (400, 413)
    gzip = client.ask(PREDICT, b"x", content_encoding="gzip")
    assert gzip.status == 415


def test_the_compressed_stream_of_few_rows_is_read(client: Client) -> None:
    table = pa.Table.from_pylist([ROW] * 50).set_column(3, "promo", pa.nulls(50, pa.bool_()))
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    found = client.ask(f"{PREDICT}?batch=2020-06", sink.getvalue(), ARROW)
    assert (found.status, len(found.json["predictions"])) == (200, 50)


@pytest.mark.parametrize("rows", [50, 51])
def test_rows_are_counted_in_every_format(client: Client, rows: int) -> None:
    many = [ROW] * rows
    columns = {name: [value] * rows for name, value in ROW.items()}
    text = b"sale,day,store,promo\n" + LINE * rows
    params = {"batch": "2020-06"}
    tensors = [
        {"name": name, "shape": [rows], "datatype": "BYTES", "data": values}
        for name, values in columns.items()
    ]
    split = {"columns": list(ROW), "data": [list(ROW.values())] * rows}
    asked = [
        (f"{PREDICT}?batch=2020-06", json.dumps(many).encode(), "application/json"),
        (f"{PREDICT}?batch=2020-06", text, "text/csv"),
        ("/invocations", json.dumps({"inputs": columns, "params": params}).encode(), ""),
        ("/invocations", json.dumps({"dataframe_split": split, "params": params}).encode(), ""),
        (
            "/v2/models/forecast/infer",
            json.dumps({"inputs": tensors, "parameters": params}).encode(),
            "application/json",
        ),
    ]
    for path, body, kind in asked:
        found = client.ask(path, body, kind or "application/json")
        assert found.status == (200 if rows == 50 else 413), (path, found.body)
        if rows > 50:
            assert found.json == {"error": "wanted at most 50 rows in one request"}


def test_a_quoted_line_end_is_no_row(client: Client) -> None:
    lines = b'7,2020-06-03,"no\n\n\nrth",\n' * 40
    found = client.ask(f"{PREDICT}?batch=2020-06", b"sale,day,store,promo\n" + lines, "text/csv")
    assert found.status != 413
    many = b'7,2020-06-03,"' + b"\n" * 200 + b'",\n' + LINE * 60
    found = client.ask(f"{PREDICT}?batch=2020-06", b"sale,day,store,promo\n" + many, "text/csv")
    assert found.status == 413


def test_the_end_of_a_line_is_found_in_any_block(monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"ab\ncd\r\n\nefg"
    whole = [end_of_line(text, line) for line in range(1, 7)]
    assert whole == [3, 6, 7, 8, 11, 11]
    for size in (1, 2, 3):
        monkeypatch.setattr("ml_assets.serve.service.counting.BLOCK", size)
        assert [end_of_line(text, line) for line in range(1, 7)] == whole
