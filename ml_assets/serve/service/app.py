"""The application: every route of the service.

Belongs here: health, figures, errors. Does not belong here: processes and ports (`cli/serve`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib import resources
from importlib.metadata import version
from importlib.resources.abc import Traversable
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ml_assets.serve.service import mlflow, native, traced, v2
from ml_assets.serve.service.access import KNOWN, Access, Guarded, Rates
from ml_assets.serve.service.documented import json_when, refusals
from ml_assets.serve.service.followed import Follower
from ml_assets.serve.service.requests import Service
from ml_assets.serve.service.served import Served

PAGE = "ml_assets.serve.service.page"
OWN_ONLY = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
}
"""The page loads nothing from elsewhere, and is shown in no other."""
TEXT = "text/plain; version=0.0.4; charset=utf-8"


class HeadAsGet:
    """HEAD is answered as GET is; the server leaves out the body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request."""
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        await self.app(scope, receive, send)


def application(
    service: Service,
    follower: Follower,
    access: Access,
    hosts: Sequence[str] = ("*",),
    *,
    rates: Rates | None = None,
    logged: bool = False,
    trace: traced.Trace | None = None,
) -> FastAPI:
    """Return the application; it follows its models while it runs.

    `hosts` are the host names that a request may be for; `logged` tells whether the access log is
    written; `trace` follows a prediction, where there is a home to follow it in.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        follower.start()
        service.recorder.start()
        service.beside.start()
        yield
        follower.stop()
        service.beside.stop()
        service.recorder.stop()

    app = FastAPI(title="ml_assets", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_exception_handler(HTTPException, _told)
    app.add_middleware(HeadAsGet)
    app.add_middleware(Guarded, access=access, rates=rates, logged=logged)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    examples = (model.example for model in service.models.values())
    example = next((each for each in examples if each is not None), None)
    app.include_router(native.routes(service, example))
    app.include_router(mlflow.routes(service, example))
    app.include_router(v2.routes(service, example))
    if trace is not None:
        app.include_router(traced.routes(trace))
    _watched(app, service)
    _page(app)
    return app


def _told(_: Request, error: Exception) -> Response:
    """Return what is wrong with a path or a method, in the form of all other errors."""
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return JSONResponse({"error": "no such path; /openapi.json lists them"}, 404)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


def _on_trial(model: Served) -> dict[str, Any]:
    """Return the challenger that is scored beside the champion, if a trial is on."""
    if model.challenger is None and model.why_no_challenger is None:
        return {}
    version = None if model.challenger is None else f"v{model.challenger.state.version}"
    return {"challenger": version, "why_no_challenger": model.why_no_challenger}


def _watched(app: FastAPI, service: Service) -> None:
    @app.get("/healthz", summary="Whether the server answers")
    def healthz() -> JSONResponse:
        return JSONResponse({"alive": True})

    @app.get("/readyz", summary="Whether every model serves its champion", responses=json_when(503))
    def readyz(request: Request) -> JSONResponse:
        models = {
            name: {
                "version": None if m.loaded is None else f"v{m.loaded.state.version}",
                "why": m.behind,
                **_on_trial(m),
                **service.recorder.said(name),
            }
            for name, m in service.models.items()
        }
        there = all(model.loaded is not None for model in service.models.values())
        there = there and not service.recorder.refuses()
        told = {"models": models} if request.scope[KNOWN] else {}
        return JSONResponse({"ready": there, **told}, 200 if there else 503)

    @app.get(
        "/ping",
        summary="As readyz, for MLflow's clients",
        response_class=PlainTextResponse,
        responses={503: {"description": "A model is not loaded"}},
    )
    def ping() -> Response:
        there = all(model.loaded is not None for model in service.models.values())
        return PlainTextResponse("\n", 200 if there else 503)

    @app.get("/version", summary="The version of ml_assets", response_class=PlainTextResponse)
    def told() -> Response:
        return PlainTextResponse(version("ml_assets"))

    @app.get(
        "/metrics",
        summary="Figures for Prometheus",
        response_class=PlainTextResponse,
        responses=refusals(),
    )
    def metrics() -> Response:
        for name, model in service.models.items():
            if model.loaded is not None:
                service.figures.version.labels(name).set(model.loaded.state.version)
            service.figures.behind.labels(name).set(model.behind is not None)
            beside = model.challenger
            service.figures.challenger.labels(name).set(
                -1 if beside is None else beside.state.version
            )
        for name, recording in service.recorder.logs.items():
            service.figures.log_bytes.labels(name).set(recording.log.bytes)
            service.figures.log_full.labels(name).set(recording.log.why is not None)
        return Response(service.figures.text() + service.monitored(), media_type=TEXT)


def _page(app: FastAPI) -> None:
    folder = resources.files(PAGE)

    @app.get("/", include_in_schema=False)
    def index() -> Response:
        return _file(folder, "index.html", "text/html; charset=utf-8")

    @app.get("/page.js", include_in_schema=False)
    def script() -> Response:
        return _file(folder, "page.js", "text/javascript; charset=utf-8")

    @app.get("/page.css", include_in_schema=False)
    def style() -> Response:
        return _file(folder, "page.css", "text/css; charset=utf-8")


def _file(folder: Traversable, name: str, kind: str) -> Response:
    return Response(folder.joinpath(name).read_bytes(), media_type=kind, headers=OWN_ONLY)
