"""One request, many times over raw sockets: what a client in a process of its own sees.

    python -m benchmarks.load PORT CONNECTIONS REQUESTS FILE

FILE holds the bytes of the request. Each connection is kept and sends its next request when the
answer to the last one is whole. Prints JSON: seconds (half and 99 % of the answers are quicker),
answers a second, and this process's own CPU seconds for each of them.
"""

from __future__ import annotations

import json
import re
import select
import socket
import sys
import time
from pathlib import Path
from typing import Any

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)
END = b"\r\n\r\n"
WARM = 20
"""Requests of each connection before any is timed."""


class Kept:
    """A connection, and the answer that arrives on it."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.begin = 0.0
        self._data = b""

    def send(self, request: bytes) -> None:
        """Send a request."""
        self.begin = time.perf_counter()
        self.socket.sendall(request)

    def whole(self) -> bool:
        """Take what has arrived; return whether it is an answer."""
        part = self.socket.recv(1 << 20)
        self._data += part
        head, found, body = self._data.partition(END)
        if not found and part:
            return False
        length = LENGTH.search(head)
        if not head.startswith(b"HTTP/1.1 200") or length is None:
            raise SystemExit(f"wanted an answer of known length: {self._data[:500]!r}")
        if len(body) < int(length[1]):
            return False
        self._data = b""
        return True


def load(port: int, connections: int, requests: int, request: bytes) -> dict[str, Any]:
    """Send requests and return what they took."""
    kept = {(each := Kept(port)).socket.fileno(): each for _ in range(connections)}
    poll = select.epoll()
    for number, each in kept.items():
        poll.register(number, select.EPOLLIN)
        each.send(request)
    warm = WARM * connections
    left = warm + requests - connections
    took: list[float] = []
    cpu, begin = 0.0, 0.0
    while len(took) < warm + requests:
        for number, _ in poll.poll():
            each = kept[number]
            if not each.whole():
                continue
            took.append(time.perf_counter() - each.begin)
            if len(took) == warm:
                cpu, begin = time.process_time(), time.perf_counter()
            if left > 0:
                each.send(request)
                left -= 1
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    timed = sorted(took[warm:])
    return {
        "p50": timed[requests // 2],
        "p99": timed[int(requests * 0.99)],
        "rate": requests / seconds,
        "cpu": cpu / requests,
        "all": len(took),
    }


if __name__ == "__main__":
    PORT, CONNECTIONS, REQUESTS = map(int, sys.argv[1:4])
    found = load(PORT, CONNECTIONS, REQUESTS, Path(sys.argv[4]).read_bytes())
    sys.stdout.write(json.dumps(found))
