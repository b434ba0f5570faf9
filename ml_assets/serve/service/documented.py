"""What OpenAPI says of answers that are not predictions: their statuses and what they hold."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

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
