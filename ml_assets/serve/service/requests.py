"""Reading a request and counting it: sizes, times, errors; the same for every protocol."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from ml_assets.serve.recording.log import Full
from ml_assets.serve.recording.recorder import Recorder
from ml_assets.serve.service.figures import Figures
from ml_assets.serve.service.predicting import Options, Reply, reply
from ml_assets.serve.service.refused import Refused
from ml_assets.serve.service.served import Served


@dataclass(frozen=True)
class Limits:
    """What a request may cost."""

    bytes: int = 32 << 20
    seconds: float = 30.0
    """For the whole body to arrive."""
    rows: int = 100_000
    at_once: int = 4
    """Bodies of the greatest size that are held in memory at once."""
    small: int = 1 << 20
    """Bytes of a body that need not wait for larger ones."""


@dataclass
class Room:
    """Room for bodies that are arriving or worked on, in one worker."""

    bytes: int
    taken: int = 0

    @contextmanager
    def held(self) -> Iterator[Callable[[int], None]]:
        """Give what takes room until the end; it is Refused if there is none."""
        own = 0

        def take(size: int) -> None:
            nonlocal own
            if self.taken + size > self.bytes:
                raise Refused(
                    503, "the server holds too many request bodies at once; try again later"
                )
            self.taken += size
            own += size

        try:
            yield take
        finally:
            self.taken -= own


@dataclass(frozen=True)
class Service:
    """What all routes share."""

    models: Mapping[str, Served]
    figures: Figures
    limits: Limits = Limits()
    recorder: Recorder = field(default_factory=lambda: Recorder({}))
    monitored: Callable[[], bytes] = bytes
    """Returns the figures of monitoring reports."""

    @cached_property
    def room(self) -> Room:
        """The room for bodies."""
        return Room(self.limits.bytes * self.limits.at_once)

    def model(self, name: str) -> Served:
        """Return a model by its name."""
        if name not in self.models:
            raise Refused(404, f"no such model; available: {', '.join(self.models)}")
        return self.models[name]

    def only(self) -> Served:
        """Return the model, where one is served."""
        if len(self.models) > 1:
            names = ", ".join(self.models)
            raise Refused(404, f"several models are served ({names}): ask /models/NAME/invocations")
        return next(iter(self.models.values()))

    async def answered(
        self,
        request: Request,
        protocol: str,
        find: Callable[[], Served],
        work: Callable[[Served, bytes], Response],
    ) -> Response:
        """Return the answer to a request with a body, or what is wrong with it, counted."""
        begin, name, arrived = time.perf_counter(), "", False
        try:
            model = find()
            name = model.name
            with self.room.held() as take:
                body = await self._body(request, take)
                arrived = True
                async with self._turn(len(body)):
                    worked = await run_in_threadpool(_worked, work, model, body)
                if isinstance(worked, Refused):
                    raise worked
                response = worked
        except Refused as refused:
            # What is left of a body is not waited for.
            left = {} if arrived else {"Connection": "close"}
            response = JSONResponse(refused.document(), refused.status, left)
        self.figures.requests.labels(name, protocol, response.status_code).inc()
        self.figures.seconds.labels(name, protocol).observe(time.perf_counter() - begin)
        return response

    def reply(
        self, model: Served, protocol: str, reading: Callable[..., Any], options: Options
    ) -> Reply:
        """Return the predictions, counted and written down."""
        replied = reply(model, reading, options, self.figures, protocol, self.limits.rows)
        try:
            request = self.recorder.record(model.name, replied.answered)
        except Full as full:
            raise Refused(503, f"requests cannot be kept now: {full}") from None
        self.figures.rows.labels(model.name, protocol).inc(len(replied.table))
        return replace(replied, request=request)

    @cached_property
    def _turns(self) -> tuple[asyncio.Semaphore, asyncio.Semaphore]:
        return asyncio.Semaphore(), asyncio.Semaphore()

    @asynccontextmanager
    async def _turn(self, size: int) -> AsyncIterator[None]:
        """Wait until a body of this size may be worked on.

        One small and one large are, at a time: threads that take turns at the interpreter take
        longer for all together, and the rows of a large one many times its size in memory.
        """
        turn = self._turns[size > self.limits.small]
        try:
            async with asyncio.timeout(self.limits.seconds):
                await turn.acquire()
        except TimeoutError:
            raise Refused(503, "too many requests wait; try again later") from None
        try:
            yield
        finally:
            turn.release()

    async def _body(self, request: Request, take: Callable[[int], None]) -> bytes:
        encoding = request.headers.get("content-encoding", "identity")
        if encoding != "identity":
            raise Refused(415, "Content-Encoding is not supported; send the body uncompressed")
        try:
            async with asyncio.timeout(self.limits.seconds):
                return await self._received(request, take)
        except TimeoutError:
            raise Refused(408, "the body did not arrive in time") from None
        except ClientDisconnect:
            raise Refused(400, "the client went away") from None

    async def _received(self, request: Request, take: Callable[[int], None]) -> bytes:
        parts, size = [], 0
        async for part in request.stream():
            size += len(part)
            if size > self.limits.bytes:
                raise Refused(413, f"the body has more than {self.limits.bytes:,} bytes")
            take(len(part))
            parts.append(part)
        return b"".join(parts)


def _worked(
    work: Callable[[Served, bytes], Response], model: Served, body: bytes
) -> Response | Refused:
    """Return the answer, or the refusal alone: its traceback would hold the rows in memory."""
    try:
        return work(model, body)
    except Refused as refused:
        return Refused(refused.status, refused.message, refused.problems)
