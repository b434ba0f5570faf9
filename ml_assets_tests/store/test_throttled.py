"""An S3 server that is asked too much: 503 SlowDown, now and then or for good."""

from __future__ import annotations

import http.client
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import s3fs

from ml_assets.errors import HomeError
from ml_assets.store.home import Home
from ml_assets_tests.processes import environment
from ml_assets_tests.shared import TABLE, s3

pytestmark = pytest.mark.slow
SLOW = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"


class _Front(BaseHTTPRequestHandler):
    """Passes requests on, or refuses as many of each path as it is told to."""

    protocol_version = "HTTP/1.1"
    behind = ""
    refuses = 0
    refused: dict[str, int]

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        count = self.refused.get(self.command + self.path, 0)
        if count < self.refuses:
            self.refused[self.command + self.path] = count + 1
            self._answer(503, {"Content-Type": "application/xml"}, SLOW)
            return
        connection = http.client.HTTPConnection(self.behind, timeout=30)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        text = answer.read()
        kept = {k: v for k, v in answer.getheaders() if k.lower() != "transfer-encoding"}
        self._answer(answer.status, kept, text)
        connection.close()

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() != "content-length" or self.command == "HEAD":
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(body)))
        elif "Content-Length" not in headers:
            self.send_header("Content-Length", "0")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def throttled(environ: dict[str, str], refuses: int) -> Iterator[dict[str, int]]:
    """Let objects be reached by a server that refuses the first requests of each path."""
    address = urlsplit(environ["AWS_ENDPOINT_URL"]).netloc
    refused: dict[str, int] = {}
    fields = {"behind": address, "refuses": refuses, "refused": refused}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Front", (_Front,), fields))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        # A filesystem that was opened before goes on with its own address.
        s3fs.S3FileSystem.clear_instance_cache()
        here = f"http://127.0.0.1:{server.server_port}"
        with environment({**os.environ, **environ, "AWS_ENDPOINT_URL": here}):
            yield refused
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
        server.shutdown()
        server.server_close()
        thread.join()


def test_requests_that_are_throttled_are_sent_again(tmp_path: Path) -> None:
    with s3() as environ:
        with throttled(environ, refuses=2) as refused:
            home = Home(tmp_path / "one", "dev", "", "s3://team/slow")
            ref = home.objects.put(TABLE)
            assert home.objects.table(ref.digest).equals(TABLE)
            assert home.objects.missing([ref.digest]) == []
            home.close()
            assert max(refused.values()) == 2
            assert any(asked.startswith("PUT/team/slow/") for asked in refused)
        with (
            throttled(environ, refuses=1_000_000),
            pytest.raises(
                HomeError, match=r"s3://team/always cannot be used: .*Service Unavailable"
            ),
        ):
            Home(tmp_path / "two", "dev", "", "s3://team/always")
