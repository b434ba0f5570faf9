"""The route that follows a prediction to what it came from; who may ask is `access`'s.

Belongs here: HTTP. Does not belong here: following (`operations/trace`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from ml_assets.errors import MlAssetsError, RequestError, UnknownName
from ml_assets.serve.service.documented import TRACED
from ml_assets.serve.service.refused import AWAY
from ml_assets.spec.project import Project
from ml_assets.store.home import Home

log = logging.getLogger("ml_assets.serve")
Trace = Callable[[str], dict[str, Any]]
"""Returns the document of a prediction by its id."""


def traced_here(home: Home, project: Project, prediction: str) -> dict[str, Any]:
    """Return what a prediction came from; imported as it is asked for, which is seldom."""
    from ml_assets.operations.trace import trace

    return trace(home, project, prediction)


def routes(trace: Trace) -> APIRouter:
    """Return the route under /v1."""
    router = APIRouter(prefix="/v1", tags=["predictions"])

    @router.get(
        "/predictions/{prediction:path}",
        summary="What a prediction came from (admin)",
        responses=TRACED,
    )
    async def predicted(prediction: str) -> JSONResponse:
        try:
            return JSONResponse(await run_in_threadpool(trace, prediction))
        except UnknownName as error:
            return JSONResponse({"error": str(error)}, 404)
        except RequestError as error:
            return JSONResponse({"error": str(error)}, 400)
        except MlAssetsError as error:
            return JSONResponse({"error": str(error)}, 503)
        except AWAY as error:
            log.warning("%s", error)
            return JSONResponse({"error": "the home cannot be read now; try again later"}, 503)

    return router
