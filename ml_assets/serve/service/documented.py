"""What OpenAPI says of models' names, bodies, and answers that are not predictions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import Path

Responses = dict[int | str, dict[str, Any]]

_TEXT = {"type": "string"}
_PROBLEM = {
    "type": "object",
    "properties": {"row": {"type": "integer"}, "column": _TEXT, "rule": _TEXT, "wanted": _TEXT},
}
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": _TEXT,
        "problems": {"type": "array", "items": _PROBLEM},
        "more": {"type": "integer", "description": "Problems that are not listed."},
    },
}
ROW = {
    "type": "object",
    "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
}
ROWS = {"type": "array", "items": ROW}
"""What a model's columns are, `/v1/models/{name}` says."""
_ACCESS = (401, 403, 429)


def refusals(*statuses: int) -> Responses:
    """Return refusals with these statuses, or for want of a key, as OpenAPI has them."""
    content = {"application/json": {"schema": _ERROR}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in (*statuses, *_ACCESS)
    }


def json_when(status: int) -> Responses:
    """Return that an answer also comes with a status, as OpenAPI has it."""
    content = {"application/json": {"schema": {"type": "object"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content}}


NAMED = refusals(404, 422, 503)
"""Of a route that is about one model."""
ASKED = refusals(400, 404, 408, 413, 415, 422, 503)
"""Of a route that predicts."""
TRACED = refusals(400, 404, 503)
"""Of the route that follows a prediction."""


def named(models: Iterable[str]) -> Any:
    """Return the default of a route's `name`: OpenAPI lists the models, any other is 404."""
    return Path(json_schema_extra={"enum": list(models)})


def asked_in(schema: Mapping[str, Any], example: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a JSON body as OpenAPI has it, with an example where there is one."""
    content = {"schema": schema, **({} if example is None else {"example": example})}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}
