"""Access guard of Dagster's web page: it answers only its own pages and non-browser programs.

Dagster's web application has no login and trusts every request. A page of another origin in the
same browser could start runs, delete assets or report forged versions. Belongs here: what is
refused before Dagster sees it. Does not belong here: creating the application (`webserver`).
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse
from starlette.datastructures import Headers, QueryParams
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

GRAPHQL, REPORTED = "/graphql", "/report_asset_"
NO_FRAMES = [(b"x-frame-options", b"DENY"), (b"content-security-policy", b"frame-ancestors 'none'")]
"""Headers that forbid showing the page in a frame, in addition to Dagster's policy."""
POLICY_VIOLATED = 1008


class Guard:
    """An ASGI application around Dagster's; `names` are allowed hosts besides loopback.

    It refuses with 403: other host names (an attacker's name may resolve to this machine); requests
    by pages of another origin, except links; GET requests that are not queries; reports of
    materializations, observations and checks, which only ml_assets makes.
    """

    def __init__(self, app: ASGIApp, names: Collection[str] = ()) -> None:
        self._app = app
        self._names = {name.lower() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on to Dagster."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        wrong = self._wrong(scope)
        if wrong is not None and scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY_VIOLATED, "reason": wrong})
            return

        async def framed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *NO_FRAMES]
            await send(message)

        app = self._app if wrong is None else PlainTextResponse(f"refused: {wrong}\n", 403)
        await app(scope, receive, framed)

    def _wrong(self, scope: Scope) -> str | None:
        """Return why a request is refused, or None if it is allowed."""
        headers, path = Headers(scope=scope), scope["path"]
        hosts = headers.getlist("host")
        if not hosts or not all(self._is_mine(host) for host in hosts):
            return (
                f"the host {', '.join(hosts) or '(none)'} is not allowed; open localhost or "
                f"127.0.0.1, or allow the host: ml-assets up --host NAME"
            )
        if foreign(headers) and not _is_link(scope, headers):
            return (
                f"requested by a page of {headers.get('origin', 'another origin')}; other origins "
                f"may only link here"
            )
        if path.startswith(REPORTED):
            return "only ml_assets reports materializations; use `ml-assets run`"
        if path == GRAPHQL and scope["type"] == "http" and scope["method"] != "POST":
            asked = QueryParams(scope["query_string"]).getlist("query")
            if not all(_only_queries(text) for text in asked):
                return "GET accepts queries only; send this operation by POST"
        return None

    def _is_mine(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name == "localhost" or name in self._names or _is_loopback(name)


def foreign(headers: Headers) -> bool:
    """Return whether a browser sent this for a page of another origin.

    Browsers send `Sec-Fetch-Site`; older ones, and all of them when they open a websocket, send
    the page's origin. A request with neither does not come from a page.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        return site not in ("same-origin", "none")
    return origin is not None and origin.partition("://")[2].lower() != headers["host"].lower()


def _is_link(scope: Scope, headers: Headers) -> bool:
    """Return whether a browser's window navigates here; the former page cannot read the answer."""
    return (
        scope["type"] == "http"
        and scope["method"] in ("GET", "HEAD")
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )


def _only_queries(text: str) -> bool:
    try:
        document = parse(text)
    except GraphQLError:
        # Dagster reports what is wrong with it.
        return True
    return all(
        node.operation is OperationType.QUERY
        for node in document.definitions
        if isinstance(node, OperationDefinitionNode)
    )


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
