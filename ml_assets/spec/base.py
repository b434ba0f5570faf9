"""Base types of every part of a spec: frozen, strict about keys, described."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)

from ml_assets.spec.mistakes import Mistakes, Place, without_secrets

NAME = re.compile(r"[a-z][a-z0-9_]*")
PROJECT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""A project is named by its root module."""
HOOK = re.compile(r"[A-Za-z0-9_./-]+\.py:[A-Za-z_][A-Za-z0-9_]*")
INSTALLED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*")


class Spec(BaseModel):
    """A frozen piece of a spec; unknown keys are refused, so are nan and inf."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )

    @model_validator(mode="wrap")
    @classmethod
    def _true_is_no_number(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Refuse true and false in place of numbers: pydantic reads them as 1 and 0."""
        try:
            made = handler(data)
        except ValidationError as error:
            # Whatever shows them, Dagster too, shows what was given.
            raise without_secrets(cls, error) from None
        wrong = [
            ((name, *place), f"got {str(flag).lower()}, {_TRUE}")
            for name, field in cls.model_fields.items()
            if isinstance(data, dict) and not _takes_true(field.annotation)
            for place, flag in _true(data.get(name))
        ]
        if wrong:
            raise Mistakes(wrong)
        return made


_TRUE = "wanted a number or a text; quote texts such as yes, no, on and off"


def _takes_true(annotation: Any) -> bool:
    """Return whether values of a type may be or contain booleans; nested specs check their own."""
    if annotation in (bool, Any) or (isinstance(annotation, type) and issubclass(annotation, Spec)):
        return True
    return any(_takes_true(part) for part in get_args(annotation))


def _true(value: Any) -> Iterator[tuple[Place, bool]]:
    """Yield each boolean within plain values, and its location."""
    if isinstance(value, bool):
        yield (), value
    elif isinstance(value, dict | list | tuple):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from (((key, *place), flag) for place, flag in _true(inner))


def _distinct(value: tuple[str, ...]) -> tuple[str, ...]:
    twice = [name for number, name in enumerate(value) if name in value[:number]]
    if twice:
        raise ValueError(f"{twice[0]!r} is duplicated")
    return value


def _name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError(f"got {value!r}, wanted lower case letters, digits and _ (like 'flights')")
    return value


def _reference(value: str) -> str:
    project, colon, dataset = value.rpartition(":")
    if colon and not PROJECT.fullmatch(project):
        raise ValueError(f"got {value!r}, wanted PROJECT:DATASET (like 'shop:sales')")
    _name(dataset)
    return value


def _hook(value: str) -> str:
    beside = HOOK.fullmatch(value) and not value.startswith("/") and ".." not in value
    if not beside and not INSTALLED.fullmatch(value):
        raise ValueError(
            f"got {value!r}, wanted FILE.py:FUNCTION beside defs.yaml (like 'features.py:build') "
            "or PACKAGE.MODULE:FUNCTION of an installed package"
        )
    return value


Name = Annotated[str, AfterValidator(_name)]
Reference = Annotated[str, AfterValidator(_reference)]
"""The name of a dataset, of another project on the same home with that: `shop:sales`."""
Hook = Annotated[str, AfterValidator(_hook)]
"""A user's function: `file.py:function`, the file beside the defs.yaml, or
`package.module:function` of an installed package."""
Names = Annotated[tuple[str, ...], AfterValidator(_distinct)]
"""Distinct names."""
Resamples = Annotated[int, Field(ge=100, le=100_000)]
"""Number of bootstrap resamples: fewer are too imprecise, more take memory and hours."""
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


def by_name(given: Any) -> Any:
    """Return a list of names as a mapping without options, which is what it is short for."""
    if isinstance(given, dict):
        return {name: {} if options is None else options for name, options in given.items()}
    if not isinstance(given, list | tuple):
        return given
    twice = [name for place, name in enumerate(given) if name in given[:place]]
    if twice:
        raise ValueError(f"{twice[0]!r} is duplicated")
    odd = [item for item in given if not isinstance(item, str)]
    if odd:
        said = f"got {odd[0]!r} in the list, wanted names"
        raise ValueError(f"{said}; quote names that YAML reads as another type, such as no or 1")
    return {name: {} for name in given}
