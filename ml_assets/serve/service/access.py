"""Who may ask for what: access keys, how often, and the access log.

Belongs here: what is decided before a request is read. Does not belong here: making and revoking
keys (`store/access`), TLS and logins of people (a proxy).
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ml_assets.store.access import AccessKey, digest_of
from ml_assets.store.access import Scope as Right

OPEN = frozenset(
    {"/", "/page.js", "/page.css", "/healthz", "/readyz", "/ping", "/v2/health/live"}
    | {"/v2/health/ready", "/version"}
)
"""Paths that need no key: whether the server is there, and the page without any data."""
RIGHTS: Mapping[str, Right] = {"/metrics": "metrics"}
"""The scope of a path; `predict` of all others."""
TRACED = "/v1/predictions/"
"""Below it is what a prediction came from, down to lines of files: for `admin` alone, so that it is
closed where there are no keys."""
KNOWN = "ml_assets.known"
"""In the scope of a request: whether it may see more than that the server is there."""
BEARER, OWN = "Bearer ", "x-api-key"
MOST_CLIENTS = 10_000
log = logging.getLogger("ml_assets.serve.access")


@dataclass
class Access:
    """The current keys; `open` while there never was one, or where a proxy asks for logins."""

    read: Callable[[], list[AccessKey]]
    unguarded: bool = False
    """Ask for no key, whatever the home has."""
    keys: Mapping[str, AccessKey] = field(default_factory=dict)

    def look(self) -> None:
        """Read the keys again."""
        self.keys = {key.digest: key for key in self.read()}

    @property
    def open(self) -> bool:
        """Whether no key is needed."""
        return self.unguarded or not self.keys

    def holder(self, headers: Headers) -> AccessKey | None:
        """Return the key of a request; None without one, or with one that opens nothing."""
        given = headers.get("authorization", "")
        text = given.removeprefix(BEARER) if given.startswith(BEARER) else headers.get(OWN, "")
        key = self.keys.get(digest_of(text)) if text else None
        return None if key is None or key.revoked else key


class Rates:
    """At most so many requests a second of one client, in one worker, in bursts of as many."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._most, self._clock = rate, max(rate, 1.0), clock
        self._left: dict[str, tuple[float, float]] = {}

    def wait(self, client: str) -> float:
        """Take one request; return the seconds after which the next is answered, 0 if at once."""
        now = self._clock()
        left, at = self._left.pop(client, (self._most, now))
        left = min(self._most, left + (now - at) * self._rate)
        taken = left - 1.0 if left >= 1.0 else left
        # The client that was here last stands last: the first one is forgotten.
        self._left[client] = (taken, now)
        if len(self._left) > MOST_CLIENTS:
            del self._left[next(iter(self._left))]
        return 0.0 if left >= 1.0 else (1.0 - left) / self._rate


class Guarded:
    """Passes on requests of those who may ask; the others are told what is lacking."""

    def __init__(self, app: ASGIApp, access: Access, rates: Rates | None, logged: bool) -> None:
        self._app, self._access, self._rates, self._logged = app, access, rates, logged

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on or refuse a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        holder = self._access.holder(Headers(scope=scope))
        refusal = self._refusal(scope, holder)
        scope[KNOWN] = self._access.open or holder is not None
        begin, status = time.perf_counter(), 0

        async def seen(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await (refusal or self._app)(scope, receive, seen)
        finally:
            if self._logged:
                _write(scope, holder, status, time.perf_counter() - begin)

    def _refusal(self, scope: Scope, holder: AccessKey | None) -> JSONResponse | None:
        path = scope["path"]
        if path in OPEN:
            return None
        right: Right = "admin" if path.startswith(TRACED) else RIGHTS.get(path, "predict")
        if not self._access.open or right == "admin":
            if holder is None:
                said = f"an access key is needed: send it as Authorization: Bearer KEY{_also(path)}"
                return JSONResponse({"error": said}, 401, {"WWW-Authenticate": "Bearer"})
            if not holder.allows(right):
                said = f"this key has the scopes {', '.join(holder.scopes)}; wanted {right}"
                return JSONResponse({"error": said}, 403)
        if self._rates is None:
            return None
        client = scope["client"][0] if scope.get("client") else ""
        wait = self._rates.wait(f"key {holder.name}" if holder is not None else client)
        if not wait:
            return None
        later = {"Retry-After": str(math.ceil(wait))}
        return JSONResponse({"error": "too many requests; try again later"}, 429, later)


def _also(path: str) -> str:
    """Return what else to say to whoever has no key."""
    if not path.startswith(TRACED):
        return ""
    return (
        "; here always one with the scope admin (`ml-assets keys add NAME --scope admin`). "
        "Beside the home, `ml-assets trace ID` needs none"
    )


def _write(scope: Scope, holder: AccessKey | None, status: int, seconds: float) -> None:
    """Log a request: never its query, body or key."""
    client = scope["client"][0] if scope.get("client") else "-"
    name = "-" if holder is None else holder.name
    path = scope["path"].encode("unicode_escape").decode()
    log.info("%s %s %s %s %d %.1fms", client, name, scope["method"], path, status, seconds * 1000)
