"""What people ask of the pages behind the login."""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

DOMAIN = "example.test"
PASSWORDS = {"vera": "views", "olga": "operates"}
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Pages:
    """The proxy's address, and the authority that it made for itself."""

    port: int
    authority: Path
    host: str = "127.0.0.1"

    def context(self) -> ssl.SSLContext:
        """Return the settings of a client that trusts the authority."""
        return ssl.create_default_context(cafile=str(self.authority))

    def login(self, who: str | None) -> dict[str, str]:
        """Return the header of somebody who logs in."""
        if who is None:
            return {}
        word = base64.b64encode(f"{who}:{PASSWORDS[who]}".encode()).decode()
        return {"Authorization": f"Basic {word}"}

    def ask(
        self,
        who: str | None,
        site: str,
        path: str = "/",
        body: str | None = None,
        method: str | None = None,
        **headers: str,
    ) -> tuple[int, str]:
        """Send a request; return status and text."""
        sent = {**self.login(who), **JSON, **headers}
        with self._connected(site) as connection:
            sent["Host"] = f"{connection.host}:{self.port}"
            connection.request(method or ("GET" if body is None else "POST"), path, body, sent)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")

    def upgraded(self, who: str | None, origin: str) -> tuple[int, str | None]:
        """Ask for Dagster's websocket; return status and protocol."""
        sent = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
            "Sec-WebSocket-Protocol": "graphql-ws",
            "Origin": origin,
        }
        with self._connected("dagster") as connection:
            host = f"{connection.host}:{self.port}"
            connection.request("GET", "/graphql", None, {"Host": host, **self.login(who), **sent})
            answer = connection.getresponse()
            return answer.status, answer.getheader("Sec-WebSocket-Protocol")

    @contextmanager
    def _connected(self, site: str) -> Iterator[http.client.HTTPSConnection]:
        """Give a connection to the proxy, under the name of a site."""
        host = f"{site}.{DOMAIN}"
        connection = http.client.HTTPSConnection(host, self.port, timeout=60)
        sock = socket.create_connection((self.host, self.port), timeout=60)
        connection.sock = self.context().wrap_socket(sock, server_hostname=host)
        with closing(connection):
            yield connection
