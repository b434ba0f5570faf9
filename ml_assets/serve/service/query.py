"""What the query of a request for predictions asks for.

Each distinct query is read once: FastAPI's own reading takes as long as a prediction by trees.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from starlette.datastructures import QueryParams

from ml_assets.serve.service.predicting import Options
from ml_assets.serve.service.refused import Refused

KEPT = 64
"""Queries that are remembered."""


class _Query(BaseModel):
    features: bool = Field(False, description="The rows are the model's inputs.")
    batch: str | None = Field(None, description="The batch of all rows.")
    interval: bool = Field(False, description="Also prediction intervals.")
    explain: bool = Field(False, description="Also contributions of features.")


@lru_cache(KEPT)
def options(query: bytes) -> Options:
    """Return what a query string asks for; Refused, without its values, for a wrong one."""
    try:
        asked = _Query.model_validate(dict(QueryParams(query)))
    except ValidationError as error:
        wrong = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise Refused(422, "; ".join(wrong)) from None
    return Options(**asked.model_dump())


def parameters() -> list[dict[str, Any]]:
    """Return the parameters as OpenAPI has them."""
    properties = _Query.model_json_schema()["properties"]
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": schema["description"],
            "schema": schema,
        }
        for name, schema in properties.items()
    ]
