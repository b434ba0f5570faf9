"""The protocol of MLflow's scoring server: /invocations and /ping.

Differences: rows are raw rows unless `params` say `{"features": true}`; a body with columns of
tensors is not taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ml_assets.serve.service import bodies
from ml_assets.serve.service.documented import ASKED, ROWS, asked_in, named
from ml_assets.serve.service.predicting import Options, request_id
from ml_assets.serve.service.refused import Refused
from ml_assets.serve.service.requests import Service
from ml_assets.serve.service.served import Asked, Served
from ml_assets.stages.score.answer import PREDICTION

PROTOCOL = "mlflow"
WAYS = ("dataframe_split", "dataframe_records", "instances", "inputs")


SPLIT = {
    "type": "object",
    "required": ["columns", "data"],
    "properties": {
        "columns": {"type": "array", "items": {"type": "string"}},
        "data": {"type": "array", "items": {"type": "array"}},
    },
}
PARAMS = {
    "type": ["object", "null"],
    "additionalProperties": False,
    "properties": {"features": {"type": "boolean"}, "batch": {"type": "string"}},
}
COLUMNS = {"type": "object", "additionalProperties": {"type": "array"}}
FORMS = {
    "dataframe_split": SPLIT,
    "dataframe_records": ROWS,
    "instances": ROWS,
    "inputs": {"anyOf": [ROWS, COLUMNS]},
}
SCHEMA = {
    "oneOf": [
        {
            "type": "object",
            "required": [way],
            "properties": {way: form, "params": PARAMS},
        }
        for way, form in FORMS.items()
    ]
}


def routes(service: Service, example: Mapping[str, Any] | None) -> APIRouter:
    """Return the routes; those without a name are of the only model that is served."""
    router = APIRouter(tags=["MLflow"])
    known = named(service.models)
    documented = asked_in(SCHEMA, None if example is None else _of(example))

    async def answered(request: Request, find: Callable[[], Served]) -> Response:
        kind = request.headers.get("content-type", bodies.JSON).partition(";")[0].strip().lower()

        def work(asked: Asked, body: bytes) -> Response:
            reading, options = _reading(kind, body, service.limits.rows)
            reply = service.reply(asked, PROTOCOL, reading, options)
            predictions = reply.answer.values(PREDICTION)
            headers = {"X-Model-Version": f"v{reply.state.version}", **request_id(reply)}
            return JSONResponse({"predictions": predictions}, headers=headers)

        return await service.answered(request, PROTOCOL, find, work)

    @router.post(
        "/invocations",
        summary="Predictions for MLflow's clients",
        responses=ASKED,
        openapi_extra=documented,
    )
    async def invocations(request: Request) -> Response:
        return await answered(request, service.only)

    @router.post(
        "/models/{name}/invocations",
        summary="The same of one of several models",
        responses=ASKED,
        openapi_extra=documented,
    )
    async def of_model(request: Request, name: str = known) -> Response:
        return await answered(request, lambda: service.model(name))

    return router


def _of(example: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of a request as MLflow's clients send it."""
    params = {key: value for key, value in example.items() if key != "rows"}
    return {"dataframe_records": example["rows"], **({"params": params} if params else {})}


def _reading(kind: str, body: bytes, most: int) -> tuple[Callable[..., Any], Options]:
    if kind == bodies.CSV:
        return lambda spec: bodies.csv(body, spec, most), Options()
    if kind != bodies.JSON:
        raise Refused(415, f"the Content-Type is none of {bodies.JSON}, {bodies.CSV}")
    document = bodies.document(body, most)
    ways = [way for way in WAYS if isinstance(document, dict) and way in document]
    if len(ways) != 1:
        raise Refused(400, f"wanted an object with one of {', '.join(WAYS)}")
    rows = bodies.rows_in(_rows(ways[0], document[ways[0]], most), most)
    return lambda _: rows, _options(document.get("params"))


def _rows(way: str, given: Any, most: int) -> Any:
    """Return the at most so many rows as a list of objects."""
    if way == "dataframe_split":
        if not isinstance(given, dict) or not {"columns", "data"} <= set(given):
            raise Refused(400, "dataframe_split: wanted columns and data")
        columns, data = given["columns"], given["data"]
        named = isinstance(columns, list) and all(isinstance(name, str) for name in columns)
        if not named or not isinstance(data, list):
            raise Refused(400, "dataframe_split: wanted lists of columns and of rows")
        bodies.few(data, most)
        if any(not isinstance(row, list) or len(row) != len(columns) for row in data):
            raise Refused(422, f"dataframe_split: wanted {len(columns)} values in each row")
        return [dict(zip(columns, row, strict=True)) for row in data]
    if way == "inputs" and isinstance(given, dict):
        lengths = {len(values) if isinstance(values, list) else -1 for values in given.values()}
        if len(lengths) != 1 or -1 in lengths:
            raise Refused(422, "inputs: wanted a list of values for each column, all of one length")
        bodies.few(next(iter(given.values())), most)
        return [dict(zip(given, row, strict=True)) for row in zip(*given.values(), strict=True)]
    return given


def _options(params: Any) -> Options:
    if params is None:
        return Options()
    known = {"features": bool, "batch": str}
    if not isinstance(params, Mapping) or any(
        name not in known or not isinstance(value, known[name]) for name, value in params.items()
    ):
        raise Refused(400, "params: wanted features (true or false) and batch (a text)")
    return Options(**params)
