"""The configuration of nginx in `deploy`, with the real nginx, TLS and the real service."""

from __future__ import annotations

import http.client
import json
import logging
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ml_assets.children.ports import free_port
from ml_assets_tests.processes import ROOT
from ml_assets_tests.projects import Toy, copied
from ml_assets_tests.serve.serving import PREDICT, serving

NAME = "models.example.org"
ASKED = {
    "rows": [{"sale": 7, "day": "2020-06-03", "store": "north", "promo": None}],
    "batch": "2020-06",
}
MAIN = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/ml_assets.conf;
}}
"""


@dataclass(frozen=True)
class Proxy:
    """A running nginx."""

    tls: int
    plain: int
    certificate: Path

    def opened(self) -> ssl.SSLSocket:
        """Open a connection as a client that trusts the certificate."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        sock = socket.create_connection(("127.0.0.1", self.tls), timeout=30)
        return context.wrap_socket(sock, server_hostname=NAME)

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        """Send a request; return status and body."""
        connection = http.client.HTTPSConnection(NAME, self.tls)
        connection.sock = self.opened()
        given = {"Content-Type": "application/json", "Host": NAME}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET" if body is None else "POST", path, body, given)
        found = connection.getresponse()
        said = found.status, found.read()
        connection.close()
        return said


@pytest.fixture(scope="module")
def proxy(predicting: Toy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Give nginx in front of a service."""
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    assert nginx, "no nginx here: install Debian's `nginx`; `make test` does"
    folder = tmp_path_factory.mktemp("nginx")
    certificate, key = folder / "fullchain.pem", folder / "privkey.pem"
    subject = ("-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}")
    made = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject)
    subprocess.run([*made, "-out", certificate, "-keyout", key], check=True, capture_output=True)
    with (
        copied(predicting, folder / "project") as toy,
        serving(toy, logged=True, hosts=[NAME], proxies=["127.0.0.1"]) as client,
    ):
        found = Proxy(free_port(), free_port(), certificate)
        text = (ROOT / "deploy" / "nginx.conf").read_text()
        for old, new in {
            "listen 80;": f"listen 127.0.0.1:{found.plain};",
            "listen 443 ssl;": f"listen 127.0.0.1:{found.tls} ssl;",
            "server 127.0.0.1:8000;": f"server 127.0.0.1:{client.port};",
            "/etc/ssl/ml_assets/": f"{folder}/",
            "client_header_timeout 10s": "client_header_timeout 1s",
            "client_body_timeout 10s": "client_body_timeout 1s",
        }.items():
            assert old in text
            text = text.replace(old, new)
        (folder / "ml_assets.conf").write_text(text)
        (folder / "nginx.conf").write_text(MAIN.format(folder=folder))
        server = subprocess.Popen([nginx, "-e", folder / "error.log", "-c", folder / "nginx.conf"])
        try:
            _await(found, server)
            yield found
        finally:
            server.terminate()
            server.wait(30)


def _await(proxy: Proxy, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert server.poll() is None
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", proxy.tls)):
                return
        time.sleep(0.05)
    pytest.fail("nginx does not listen")


def test_requests_come_through_with_the_address_of_the_client(
    proxy: Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "ml_assets.serve.access"):
        status, body = proxy.ask(
            PREDICT, json.dumps(ASKED).encode(), X_Forwarded_For="6.6.6.6", Forwarded="for=6.6.6.6"
        )
    found: Any = json.loads(body)
    assert (status, found["version"]) == (200, "v0")
    (line,) = (r.getMessage() for r in caplog.records if r.name == "ml_assets.serve.access")
    assert line.startswith("127.0.0.1 - POST "), "what the client says of itself is not believed"


def test_figures_are_not_public(proxy: Proxy) -> None:
    assert proxy.ask("/metrics")[0] == 404
    assert b"ml_assets" not in proxy.ask("/metrics")[1]
    assert proxy.ask("/healthz")[0] == 200


def test_plain_http_leads_to_tls(proxy: Proxy) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.plain, timeout=30)
    connection.request("GET", "/v1/models", headers={"Host": NAME})
    found = connection.getresponse()
    assert (found.status, found.headers["Location"]) == (301, f"https://{NAME}/v1/models")
    connection.close()


def test_large_requests_and_slow_clients_are_cut(proxy: Proxy) -> None:
    post = f"POST {PREDICT} HTTP/1.1\r\nHost: {NAME}\r\n".encode()
    for sent, wanted in {
        post + b"Content-Length: 100000000\r\n\r\n": b"HTTP/1.1 413 ",
        post + b"X-Long: " + b"a" * 100_000 + b"\r\n\r\n": b"HTTP/1.1 400 ",
        post + b"Content-Length: 100\r\n\r\n{": b"HTTP/1.1 408 ",
        b"GET /heal": b"",
        b"": b"",
    }.items():
        begin = time.monotonic()
        with proxy.opened() as sock:
            sock.sendall(sent)
            said = _rest(sock)
        assert time.monotonic() - begin < 20
        assert said.startswith(wanted) or not said, "nginx may close without a word"


def _rest(sock: ssl.SSLSocket) -> bytes:
    parts = []
    try:
        while part := sock.recv(65536):
            parts.append(part)
    except (ConnectionResetError, ssl.SSLEOFError):
        pass
    return b"".join(parts)
