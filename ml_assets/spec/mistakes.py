"""Mistakes in a spec, without the secrets that were written into it.

Belongs here: several mistakes at once, what of them is not repeated. Does not belong here: wording
(`explain`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import InitErrorDetails

from ml_assets.errors import redacted

Place = tuple[int | str, ...]
"""A location in a spec: keys and positions, from `attributes` inwards."""
SECRET = {"writeOnly": True}
"""In a field's JSON schema: what is given may be a secret, so no message repeats it."""


class Mistakes(ValueError):
    """Several mistakes that only show when the parts of a spec are checked together."""

    def __init__(self, mistakes: Sequence[tuple[Place, str]]) -> None:
        said = [f"{'.'.join(str(part) for part in place)}: {what}" for place, what in mistakes]
        super().__init__("; ".join(said))
        self.found = tuple(mistakes)


class Hidden:
    """Stands where a secret may have been given."""

    def __repr__(self) -> str:
        return "what was given is not shown, since it may hold a password"


def without_secrets(model: type[BaseModel], error: ValidationError) -> ValidationError:
    """Return a model's error without what was given for fields that may hold a secret.

    In other fields the passwords of addresses are taken out.
    """
    return ValidationError.from_exception_data(
        error.title, [_told(model, item) for item in error.errors(include_url=False)]
    )


def _told(model: type[BaseModel], item: Any) -> InitErrorDetails:
    field = model.model_fields.get(str(item["loc"][0])) if item["loc"] else None
    given = item["input"]
    # Of what lies deeper, the part's own model has told what may be shown.
    whole = len(item["loc"]) < 2
    if field is None:
        secret = whole and _in_model(model)
    else:
        secret = _marked(field) or (whole and any(map(_in_model, _models(field.annotation))))
    if secret:
        given = Hidden()
    elif isinstance(given, str):
        given = redacted(given)
    details = InitErrorDetails(type=item["type"], loc=item["loc"], input=given)
    context = dict(item.get("ctx", {}))
    if isinstance(context.get("error"), Exception):
        context["error"] = _redacted(context["error"])
    if context:
        details["ctx"] = context
    return details


def _redacted(error: Exception) -> Exception:
    if isinstance(error, Mistakes):
        return Mistakes([(place, redacted(said)) for place, said in error.found])
    return ValueError(redacted(str(error)))


def _in_model(model: type[BaseModel]) -> bool:
    """Tell whether a field of a model, or of one inside it, may hold a secret."""
    fields = model.model_fields.values()
    return any(_marked(f) or any(map(_in_model, _models(f.annotation))) for f in fields)


def _marked(field: FieldInfo) -> bool:
    extra = field.json_schema_extra
    return isinstance(extra, dict) and SECRET.items() <= extra.items()


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)
