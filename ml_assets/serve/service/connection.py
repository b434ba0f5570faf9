"""A connection of the service: uvicorn's own, with bounds that uvicorn does not have.

Belongs here: how long a client may take to send a request or to read its answer, and how large what
stands before a body may be. Does not belong here: limits of a body (`requests`).
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEAD_BYTES = 64 << 10
"""Of a request's first line and headers; the last piece in which they arrive may go beyond."""
HEAD_SECONDS = 10.0
"""For them to arrive, from the connection or their first byte on."""
BODY_SECONDS = 60.0
"""For the body to arrive; a route may give less."""
READ_SECONDS = 60.0
"""For a client to read on, once what is sent no longer fits into buffers."""
TOO_LARGE = b"The request's first line and headers are too large."


class Connection(HttpToolsProtocol):
    """One connection; it is cut where its client takes too long."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._in_head = False
        self._head = 0
        """Bytes of pieces that hold nothing but a part of the head."""
        self._headers = 0
        """Bytes of its headers so far."""
        self._arriving: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request, but not for ever."""
        super().connection_made(transport)
        self._arriving = self._later(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        super().connection_lost(exc)
        self._stop(self._arriving, self._unread)

    def data_received(self, data: bytes) -> None:
        """Take what the client sends."""
        before = self._in_head
        super().data_received(data)
        if self.transport.is_closing():
            return
        if before and self._in_head:
            self._head += len(data)
            if self._head > HEAD_BYTES:
                self.send_400_response("")
        elif self._arriving is None and self.cycle.response_complete:
            # Line ends after a request, of which none is the next.
            self._arriving = self._later(HEAD_SECONDS)

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._stop(self._arriving)
        self._in_head, self._head, self._headers = True, 0, 0
        self._arriving = self._later(HEAD_SECONDS)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; an error, which makes the parser stop, if all are too large."""
        super().on_header(name, value)
        self._headers += len(name) + len(value)
        if self._headers > HEAD_BYTES:
            raise ValueError(TOO_LARGE)

    def on_headers_complete(self) -> None:
        """Begin the body."""
        self._stop(self._arriving)
        self._in_head, self._arriving = False, self._later(BODY_SECONDS)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End a request; the next may follow."""
        self._stop(self._arriving)
        self._arriving = None
        super().on_message_complete()

    def pause_writing(self) -> None:
        """Wait until the client reads on."""
        super().pause_writing()
        self._unread = self._later(READ_SECONDS)

    def resume_writing(self) -> None:
        """Send on."""
        self._stop(self._unread)
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not a request, or too large for one."""
        if max(self._head, self._headers) <= HEAD_BYTES:
            super().send_400_response(msg)
            return
        size = str(len(TOO_LARGE)).encode()
        said = b"content-type: text/plain; charset=utf-8\r\ncontent-length: " + size
        end = b"\r\nconnection: close\r\n\r\n"
        self.transport.write(STATUS_LINE[431] + said + end + TOO_LARGE)
        self.transport.close()

    def _later(self, seconds: float) -> asyncio.TimerHandle:
        # Cut: a close would wait until the client has read what was sent.
        return self.loop.call_later(seconds, self.transport.abort)

    @staticmethod
    def _stop(*timers: asyncio.TimerHandle | None) -> None:
        for timer in timers:
            if timer is not None:
                timer.cancel()
