"""Reading a request and counting it: sizes, times, errors; the same for every protocol."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from ml_assets.serve.model import Predictor
from ml_assets.serve.recording.log import Full
from ml_assets.serve.recording.recorder import Recorder
from ml_assets.serve.service.beside import Beside, Job
from ml_assets.serve.service.figures import Figures
from ml_assets.serve.service.predicting import Options, Reply, reply
from ml_assets.serve.service.refused import Refused
from ml_assets.serve.service.served import Asked, Served
from ml_assets.store.segments import Writer

KEY = "x-request-key"
"""The header by which requests are drawn, where a trial splits them."""
log = logging.getLogger("ml_assets.serve")


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
    def beside(self) -> Beside:
        """What scores by the other version of a trial."""
        return Beside(self.recorder, self.figures, self.limits.rows, self.limits.bytes)

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
        work: Callable[[Asked, bytes], Response],
    ) -> Response:
        """Return the answer to a request with a body, or what is wrong with it, counted."""
        begin, name, arrived = time.perf_counter(), "", False
        try:
            model = find()
            name = model.name
            with self.room.held() as take:
                body = await self._body(request, take)
                arrived = True
                key = request.headers.get(KEY, "").encode() or body
                asked = Asked(model, key, len(body))
                async with self._turn(len(body)):
                    with self.beside.first():
                        loop = asyncio.get_running_loop()
                        worked = await loop.run_in_executor(
                            self._threads, _worked, work, asked, body
                        )
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
        self, asked: Asked, protocol: str, reading: Callable[..., Any], options: Options
    ) -> Reply:
        """Return the predictions, counted and written down; the other version's follow later."""
        model, challenger = asked.served, asked.served.drawn(asked.key)
        replied, failed = None, False
        if challenger is not None:
            replied, failed = self._by_challenger(asked, challenger, protocol, reading, options)
        if replied is None:
            most = self.limits.rows
            loaded = model.loaded
            replied = reply(model, loaded, reading, options, self.figures, protocol, most)
        if failed:
            self.figures.beside.labels(asked.name, "failed").inc(len(replied.answer))
        try:
            noted = self.recorder.record(asked.name, replied.answered)
        except Full as full:
            raise Refused(503, f"requests cannot be kept now: {full}") from None
        self.figures.rows.labels(asked.name, protocol).inc(len(replied.answer))
        if noted is None:
            return replied
        if noted.segment is not None and not failed:
            self._offer(asked, replied, noted.id, noted.segment, reading, options)
        return replace(replied, request=noted.id)

    def _by_challenger(
        self,
        asked: Asked,
        challenger: Predictor,
        protocol: str,
        reading: Callable[..., Any],
        options: Options,
    ) -> tuple[Reply | None, bool]:
        """Return the challenger's predictions, None if the champion is to answer; and if it failed.

        What is wrong with the rows themselves the champion says too.
        """
        most = self.limits.rows
        try:
            return reply(asked.served, challenger, reading, options, None, protocol, most), False
        except Refused:
            return None, False
        except Exception as error:
            # A family or a function of the project's own may raise anything.
            log.warning("%s: the challenger failed: %s", asked.name, type(error).__name__)
            return None, True

    def _offer(
        self,
        asked: Asked,
        replied: Reply,
        request: str,
        segment: Writer,
        reading: Callable[..., Any],
        options: Options,
    ) -> None:
        """Have the version of the trial that did not answer score the rows, too."""
        champion, challenger = asked.served.loaded, asked.served.challenger
        if champion is None or challenger is None:
            return
        other = champion if replied.state.digest == challenger.state.digest else challenger
        self.beside.offer(
            Job(
                asked.name,
                request,
                segment,
                other,
                other.state,
                reading,
                options.features,
                options.batch,
                len(replied.answer),
                asked.size,
            )
        )

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        """One for each turn; quicker to reach than those that FastAPI shares among routes."""
        return ThreadPoolExecutor(2, thread_name_prefix="predict")

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
    work: Callable[[Asked, bytes], Response], asked: Asked, body: bytes
) -> Response | Refused:
    """Return the answer, or the refusal alone: its traceback would hold the rows in memory."""
    try:
        return work(asked, body)
    except Refused as refused:
        return Refused(refused.status, refused.message, refused.problems)
