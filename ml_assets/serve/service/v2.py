"""The Open Inference Protocol (v2) over HTTP: one tensor for each column.

A missing value is null in `data`, whatever the datatype: the protocol has none of its own. Rows are
raw rows unless the request's `parameters` say `{"features": true}`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import pyarrow as pa
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ml_assets.serve.service import bodies
from ml_assets.serve.service.documented import ASKED, NAMED, asked_in, json_when, named, refusals
from ml_assets.serve.service.predicting import Options, Reply, request_id
from ml_assets.serve.service.refused import Refused
from ml_assets.serve.service.requests import Service
from ml_assets.serve.service.served import Asked, Served
from ml_assets.stages.score.answer import MISSING_JOINS, UNSEEN

PROTOCOL = "v2"
DATATYPES = {"number": "FP64", "integer": "INT64", "boolean": "BOOL"}
"""By type of a column; all others are BYTES, as texts."""
TENSORS = {pa.float64(): "FP64", pa.bool_(): "BOOL"}
"""By type of a column of the answer."""
BINARY = "inference-header-content-length"
"""The header of a body with binary tensors, which are an extension of the protocol."""
NO_BINARY = (
    "binary tensors are not taken; wanted data as lists "
    "(tritonclient: set_data_from_numpy(…, binary_data=False))"
)
NOT_TENSORS = (UNSEEN, MISSING_JOINS)


_TEXT = {"type": "string"}
SCHEMA = {
    "type": "object",
    "required": ["inputs"],
    "properties": {
        "id": {"type": ["string", "null"]},
        "parameters": {
            "type": ["object", "null"],
            "properties": {"features": {"type": "boolean"}, "batch": {"type": ["string", "null"]}},
        },
        "inputs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "shape", "datatype", "data"],
                "properties": {
                    "name": _TEXT,
                    "shape": {"type": "array", "items": {"type": "integer"}},
                    "datatype": _TEXT,
                    "data": {"type": "array"},
                },
            },
        },
        "outputs": {
            "type": ["array", "null"],
            "items": {"type": "object", "required": ["name"], "properties": {"name": _TEXT}},
        },
    },
}


def routes(service: Service, example: Mapping[str, Any] | None) -> APIRouter:
    """Return the routes under /v2."""
    router = APIRouter(prefix="/v2", tags=["Open Inference Protocol"])
    known = named(service.models)

    @router.get("", summary="The server", responses=refusals())
    def server() -> JSONResponse:
        metadata = {"name": "ml_assets", "version": version("ml_assets"), "extensions": []}
        return JSONResponse(metadata)

    @router.get("/health/live", summary="Whether the server answers")
    def live() -> JSONResponse:
        return JSONResponse({"live": True})

    @router.get("/health/ready", summary="Whether all models are loaded", responses=json_when(503))
    def ready() -> JSONResponse:
        there = all(model.loaded is not None for model in service.models.values())
        return JSONResponse({"ready": there}, 200 if there else 503)

    @router.get("/models/{name}", summary="A model's tensors", responses=NAMED)
    def model(name: str = known) -> JSONResponse:
        try:
            return JSONResponse(_metadata(service.model(name)))
        except Refused as refused:
            return JSONResponse(refused.document(), refused.status)

    @router.get("/models/{name}/ready", summary="Whether a model is loaded", responses=NAMED)
    def model_ready(name: str = known) -> JSONResponse:
        try:
            there = service.model(name).loaded is not None
        except Refused as refused:
            return JSONResponse(refused.document(), refused.status)
        return JSONResponse({"name": name, "ready": there}, 200 if there else 503)

    @router.post(
        "/models/{name}/infer",
        summary="Predictions for tensors",
        responses=ASKED,
        openapi_extra=asked_in(SCHEMA, None if example is None else _of(example)),
    )
    async def infer(request: Request, name: str = known) -> Response:
        def work(asked: Asked, body: bytes) -> Response:
            if BINARY in request.headers:
                raise Refused(415, NO_BINARY)
            given = bodies.document(body, service.limits.rows)
            if not isinstance(given, dict):
                raise Refused(400, "wanted an object with inputs")
            rows = _rows(given.get("inputs"), service.limits.rows)
            own = given.get("id")
            if not isinstance(own, str | None):
                raise Refused(400, "id: wanted a text")
            wanted = _wanted(given.get("outputs"))
            options = _options(given.get("parameters"), wanted)
            reply = service.reply(asked, PROTOCOL, lambda _: rows, options)
            said = _response(asked.name, own, wanted, reply)
            return JSONResponse(said, headers=request_id(reply))

        return await service.answered(request, PROTOCOL, lambda: service.model(name), work)

    return router


def _of(example: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of a request as a client of this protocol sends it."""
    (row,) = example["rows"]
    inputs = [
        {"name": name, "shape": [1], "datatype": _datatype(value), "data": [value]}
        for name, value in row.items()
    ]
    parameters = {key: value for key, value in example.items() if key != "rows"}
    return {"inputs": inputs, **({"parameters": parameters} if parameters else {})}


def _datatype(value: bodies.Scalar) -> str:
    if isinstance(value, bool):
        return "BOOL"
    if isinstance(value, int):
        return "INT64"
    return "FP64" if isinstance(value, float) else "BYTES"


def _metadata(model: Served) -> dict[str, Any]:
    if model.loaded is None:
        raise Refused(503, f"{model.name} is not ready: {model.why}")
    state = model.loaded.state
    columns = state.scorer.spec.rows.contract.columns
    classes = state.scorer.spec.task == "multiclass"
    inputs = [
        {"name": name, "datatype": DATATYPES.get(column.type, "BYTES"), "shape": [-1]}
        for name, column in columns.items()
    ]
    kind = "BYTES" if classes else "FP64"
    return {
        "name": model.name,
        "versions": [str(state.version)],
        "platform": "ml_assets",
        "inputs": inputs,
        "outputs": [{"name": "prediction", "datatype": kind, "shape": [-1]}],
    }


def _rows(inputs: Any, most: int) -> list[dict[str, bodies.Scalar]]:
    """Return tensors as at most so many rows."""
    if not isinstance(inputs, list) or not inputs or not all(isinstance(t, dict) for t in inputs):
        raise Refused(400, "inputs: wanted a list of tensors, one for each column")
    columns: dict[str, list[Any]] = {}
    for tensor in inputs:
        name, shape, data = (tensor.get(key) for key in ("name", "shape", "data"))
        if not isinstance(name, str) or name in columns:
            raise Refused(400, "inputs: wanted a name of its own for each tensor")
        whole = isinstance(shape, list) and all(type(size) is int for size in shape)
        if not whole or len(shape) not in (1, 2) or (len(shape) == 2 and shape[1] != 1):
            raise Refused(422, f"{name}: wanted shape [rows] or [rows, 1]")
        if not isinstance(data, list):
            raise Refused(400, f"{name}: wanted data as a list; binary tensors are not taken")
        bodies.few(data, most)
        values = [item[0] if isinstance(item, list) and len(item) == 1 else item for item in data]
        if len(values) != shape[0]:
            raise Refused(422, f"{name}: {len(values)} values, wanted {shape[0]} as in its shape")
        columns[name] = values
    if len({len(values) for values in columns.values()}) > 1:
        raise Refused(422, "inputs: wanted as many values in every tensor")
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    bodies.rows_in(rows, most)
    return rows


def _options(given: Any, wanted: Sequence[str]) -> Options:
    parameters = {} if given is None else given
    if not isinstance(parameters, dict):
        raise Refused(400, "parameters: wanted an object")
    features, batch = parameters.get("features", False), parameters.get("batch")
    if not isinstance(features, bool) or not isinstance(batch, str | None):
        raise Refused(400, "parameters: features is true or false, batch is a text")

    def take(names: Sequence[str]) -> None:
        there = _tensors(names)
        if not set(wanted) <= set(there):
            raise Refused(422, f"outputs: wanted some of {', '.join(there)}")

    return Options(features, batch, take=take)


def _tensors(names: Sequence[str]) -> list[str]:
    """Return the columns of an answer that become tensors."""
    return [name for name in names if name not in NOT_TENSORS]


def _wanted(outputs: Any) -> list[str]:
    """Return the names of the tensors that are asked for, none for all."""
    if outputs is None:
        return []
    if not isinstance(outputs, list) or not all(isinstance(item, dict) for item in outputs):
        raise Refused(400, "outputs: wanted a list of tensors, each with its name")
    return [str(item.get("name")) for item in outputs]


def _response(name: str, own: str | None, wanted: Sequence[str], reply: Reply) -> dict[str, Any]:
    table = reply.answer.table
    known = reply.request if own is None else own
    said = {} if known is None else {"id": known}
    outputs = [
        {
            "name": output,
            "datatype": TENSORS.get(table[output].type, "BYTES"),
            "shape": [len(table)],
            "data": table[output].to_pylist(),
        }
        for output in wanted or _tensors(table.column_names)
    ]
    version_of = str(reply.state.version)
    return {**said, "model_name": name, "model_version": version_of, "outputs": outputs}
