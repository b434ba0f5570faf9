"""The application: every route of the service.

Belongs here: health, figures, errors. Does not belong here: processes and ports (`cli/serve`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import JSONResponse, Response

from ml_assets.serve.service import mlflow, native, v2
from ml_assets.serve.service.followed import Follower
from ml_assets.serve.service.requests import Service

READ = ["GET", "HEAD"]
TEXT = "text/plain; version=0.0.4; charset=utf-8"


def application(
    service: Service,
    follower: Follower,
    hosts: Sequence[str] = ("*",),
    example: dict[str, Any] | None = None,
) -> FastAPI:
    """Return the application; it follows its models while it runs.

    `hosts` are the host names that a request may be for. `example` is a body for `predict`.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        follower.start()
        yield
        follower.stop()

    app = FastAPI(title="ml_assets", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    app.include_router(native.routes(service, example))
    app.include_router(mlflow.routes(service))
    app.include_router(v2.routes(service))
    _watched(app, service)
    return app


def _watched(app: FastAPI, service: Service) -> None:
    @app.api_route("/healthz", methods=READ, summary="Whether the server answers")
    def healthz() -> JSONResponse:
        return JSONResponse({"alive": True})

    @app.api_route("/readyz", methods=READ, summary="Whether every model serves its champion")
    def readyz() -> JSONResponse:
        models = {
            name: {
                "version": None if m.loaded is None else f"v{m.loaded.state.version}",
                "why": m.why,
            }
            for name, m in service.models.items()
        }
        there = all(model.loaded is not None for model in service.models.values())
        return JSONResponse({"ready": there, "models": models}, 200 if there else 503)

    @app.api_route("/ping", methods=READ, summary="As readyz, for MLflow's clients")
    def ping() -> Response:
        there = all(model.loaded is not None for model in service.models.values())
        return Response("\n", 200 if there else 503)

    @app.api_route("/metrics", methods=READ, summary="Figures for Prometheus")
    def metrics() -> Response:
        for name, model in service.models.items():
            if model.loaded is not None:
                service.figures.version.labels(name).set(model.loaded.state.version)
            service.figures.behind.labels(name).set(model.why is not None)
        return Response(service.figures.text(), media_type=TEXT)
