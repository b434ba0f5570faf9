"""The service's own routes: predict, and what a model is."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.csv
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ml_assets.serve.service import bodies, query
from ml_assets.serve.service.arrow import arrow
from ml_assets.serve.service.described import described
from ml_assets.serve.service.documented import ASKED, NAMED, ROWS, asked_in, named, refusals
from ml_assets.serve.service.predicting import Options, Reply, request_id
from ml_assets.serve.service.refused import Refused
from ml_assets.serve.service.requests import Limits, Service
from ml_assets.serve.service.served import Asked
from ml_assets.spec.score import RowsSpec
from ml_assets.stages.ingest.source import Source

PROTOCOL = "native"
KEYS = ("rows", "features", "batch")
UNPACKED = 8
"""An Arrow stream may be compressed; its tables may have this many times the body's limit."""


def routes(service: Service, example: dict[str, Any] | None) -> APIRouter:
    """Return the routes under /v1."""
    router = APIRouter(prefix="/v1", tags=["models"])
    known = named(service.models)

    @router.get("/models", summary="The models that are served", responses=refusals())
    def models() -> JSONResponse:
        return JSONResponse({"models": [described(model) for model in service.models.values()]})

    @router.get("/models/{name}", summary="A model: version, columns, inputs", responses=NAMED)
    def model(name: str = known) -> JSONResponse:
        try:
            return JSONResponse(described(service.model(name)))
        except Refused as refused:
            return JSONResponse(refused.document(), refused.status)

    @router.post(
        "/models/{name}/predict",
        summary="Predictions for rows, in their order",
        responses={**ASKED, 200: {"content": {kind: {} for kind in (bodies.CSV, bodies.ARROW)}}},
        openapi_extra=_documented(example),
    )
    async def predict(request: Request, name: str = known) -> Response:
        kind = request.headers.get("content-type", bodies.JSON).partition(";")[0].strip().lower()
        accepted = request.headers.get("accept", "")

        def work(asked: Asked, body: bytes) -> Response:
            asked_for = query.options(request.scope["query_string"])
            reading, chosen = _reading(kind, body, asked_for, service.limits)
            return _written(accepted, asked, service.reply(asked, PROTOCOL, reading, chosen))

        return await service.answered(request, PROTOCOL, lambda: service.model(name), work)

    return router


def _reading(kind: str, body: bytes, options: Options, limits: Limits) -> tuple[Any, Options]:
    """Return how the rows of a body are read, and the options that it has itself."""
    if kind == bodies.JSON:
        return _json(body, options, limits.rows)
    if kind == bodies.CSV:

        def read(spec: RowsSpec) -> Source:
            return bodies.csv(body, spec, limits.rows)

        return read, options
    if kind == bodies.ARROW:
        source = arrow(body, limits.bytes * UNPACKED, limits.rows)
        return lambda _: source, options
    raise Refused(415, f"the Content-Type is none of {', '.join(bodies.FORMATS)}")


def _json(body: bytes, options: Options, most: int) -> tuple[Any, Options]:
    document = bodies.document(body, most)
    given = document if isinstance(document, dict) else {"rows": document}
    unknown = sorted(set(given) - set(KEYS))
    if unknown or "rows" not in given:
        raise Refused(400, f"wanted an object with {', '.join(KEYS)}, or a list of rows")
    features, batch = given.get("features", options.features), given.get("batch", options.batch)
    if not isinstance(features, bool) or not isinstance(batch, str | None):
        raise Refused(400, "features: wanted true or false; batch: wanted a text")
    rows = bodies.rows_in(given["rows"], most)
    return lambda _: rows, Options(features, batch, options.interval, options.explain)


def _written(accepted: str, asked: Asked, reply: Reply) -> Response:
    """Return the answer in the format that the client accepts first; JSON by default."""
    version = f"v{reply.state.version}"
    headers = {"X-Model-Version": version, **request_id(reply)}
    kinds = [part.partition(";")[0].strip() for part in accepted.split(",")]
    chosen = next((kind for kind in kinds if kind in bodies.FORMATS), bodies.JSON)
    if chosen == bodies.JSON:
        said = {"model": asked.name, "version": version, "predictions": reply.answer.rows()}
        said |= {} if reply.request is None else {"request_id": reply.request}
        return JSONResponse(said, headers=headers)
    sink, table = io.BytesIO(), reply.answer.table
    if chosen == bodies.CSV:
        pyarrow.csv.write_csv(table, sink)
    else:
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    return Response(sink.getvalue(), media_type=chosen, headers=headers)


def _documented(example: dict[str, Any] | None) -> dict[str, Any]:
    """Return what OpenAPI says of the query and the body."""
    schema = {
        "type": "object",
        "required": ["rows"],
        "additionalProperties": False,
        "properties": {
            "rows": ROWS,
            "features": {"type": "boolean", "default": False},
            "batch": {"type": ["string", "null"]},
        },
    }
    body = asked_in(schema, example)
    content = body["requestBody"]["content"]
    content[bodies.CSV] = {"schema": {"type": "string"}}
    content[bodies.ARROW] = {"schema": {"type": "string", "format": "binary"}}
    return {"parameters": query.parameters(), **body}
