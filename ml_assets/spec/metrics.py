"""The metrics that a spec may name, by task.

Belongs here: their names. Does not belong here: what they are (`stages/metrics`).
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from ml_assets.errors import suggest
from ml_assets.spec.base import NAME, Hook, by_name

NUMBERED = ("pinball", "recall_at_precision")
"""Metrics of a number: the quantile, the precision."""
METRICS: dict[str, tuple[str, ...]] = {
    "regression": (
        "mae",
        "rmse",
        "r2",
        "median_ae",
        "mape",
        "rmsle",
        "poisson_deviance",
        "pinball",
    ),
    "binary": (
        "log_loss",
        "brier",
        "auc",
        "accuracy",
        "f1",
        "average_precision",
        "balanced_accuracy",
        "recall_at_precision",
    ),
    "multiclass": ("log_loss", "accuracy", "f1", "balanced_accuracy"),
}
EVERY = tuple(dict.fromkeys(name for names in METRICS.values() for name in names))
_WITH_NUMBER = re.compile(rf"({'|'.join(NUMBERED)})_(0\.\d{{1,9}})")


def plain(name: str) -> str:
    """Return a metric's name without its number.

    >>> plain("pinball_0.9"), plain("mae")
    ('pinball', 'mae')
    """
    match = _WITH_NUMBER.fullmatch(name)
    return match[1] if match else name


def _spelled(given: Any) -> Any:
    """Return `{pinball: 0.9}` as the name that has the number: `pinball_0.9`."""
    if not isinstance(given, dict):
        return given
    if len(given) != 1:
        raise ValueError(f"got {given}, wanted one metric, such as {{pinball: 0.9}}")
    ((name, number),) = given.items()
    return _joined(name, number)


def _joined(name: Any, number: Any) -> str:
    if name not in NUMBERED:
        raise ValueError(f"{name!r} takes no number{suggest(str(name), NUMBERED)}")
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number < 1:
        raise ValueError(f"{name}: got {number!r}, wanted a number between 0 and 1, such as 0.9")
    digits = f"{number:.9f}".rstrip("0")
    if float(digits) != number:
        raise ValueError(f"{name}: got {number!r}, wanted at most nine decimals")
    return f"{name}_{digits}"


def _known(name: str) -> str:
    if name in NUMBERED:
        raise ValueError(f"{name} needs a number between 0 and 1: {{{name}: 0.9}}")
    if plain(name) not in EVERY:
        raise ValueError(f"no metric {name!r}{suggest(name, EVERY)}")
    return name


_NUMBER = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
_SCHEMA = {
    "anyOf": [
        {"enum": [name for name in EVERY if name not in NUMBERED], "type": "string"},
        {"pattern": f"^{_WITH_NUMBER.pattern}$", "type": "string"},
        {
            "additionalProperties": False,
            "maxProperties": 1,
            "minProperties": 1,
            "properties": dict.fromkeys(NUMBERED, _NUMBER),
            "type": "object",
        },
    ]
}
Metric = Annotated[str, BeforeValidator(_spelled), AfterValidator(_known), WithJsonSchema(_SCHEMA)]
"""A metric's name; with a number it is `pinball_0.9`, which YAML may write `{pinball: 0.9}`."""


def _metrics(given: Any) -> Any:
    """Return a list of names as a mapping to nothing, which is what it is short for.

    Metrics of a number get their name with it, `{recall_at_precision: 0.9}` too.
    """
    if isinstance(given, list | tuple):
        return dict.fromkeys(by_name([_spelled(item) for item in given]))
    if not isinstance(given, dict):
        return given
    metrics: dict[Any, Any] = {}
    for name, value in given.items():
        number = isinstance(value, int | float)
        metrics[_joined(name, value) if number else name] = None if number else value
    return metrics


def _own(name: str) -> str:
    if name in NUMBERED:
        return _known(name)
    if not _WITH_NUMBER.fullmatch(name) and not NAME.fullmatch(name):
        raise ValueError(f"got {name!r}, wanted lower case letters, digits and _ (like 'cost')")
    return name


Asked = Annotated[
    dict[Annotated[str, AfterValidator(_own)], Hook | None],
    BeforeValidator(
        _metrics,
        json_schema_input_type=dict[str, str | float | None] | list[str | dict[str, float]],
    ),
]
"""Metrics by name; in YAML a list of names will do."""
