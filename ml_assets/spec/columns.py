"""Columns of a contract: logical type, unit, and the rules that values must satisfy."""

from __future__ import annotations

import re
import warnings
from typing import Literal

from pydantic import field_validator, model_validator

from ml_assets.spec.base import Mistakes, Place, Spec

ColumnType = Literal["integer", "number", "boolean", "text", "category", "timestamp", "date"]
Action = Literal["quarantine", "warn"]
ALLOWED: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "category": (str,),
    "integer": (int,),
    "number": (int, float),
}


def regular_expression(value: str) -> str:
    """Return the text if it is a regular expression; otherwise raise ValueError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(value)
    except (re.error, OverflowError) as error:
        raise _no_expression(value, str(error)) from None
    except (RecursionError, MemoryError):
        raise _no_expression(value, "nested too deeply") from None
    return value


def _no_expression(value: str, why: str) -> ValueError:
    shown = value if len(value) <= 100 else f"{value[:100]}…"
    return ValueError(f"{shown!r} is not a regular expression: {why}")


class Column(Spec):
    """One column of a dataset's contract."""

    type: ColumnType
    """Logical type. `integer` has 64 bits; `number` is at most 1e100 in magnitude; `timestamp` is
    stored in UTC; `timestamp` and `date` cover the years 1 to 9999; `category` is text with few
    distinct values."""
    description: str = ""
    unit: str | None = None
    """Unit of the value, as shown to people (min, mi, degF)."""
    nullable: bool = True
    null_values: tuple[str, ...] | None = None
    """Texts that mean a missing value in this column; by default those of `landing`."""
    range: tuple[float | None, float | None] | None = None
    """Smallest and largest allowed value, inclusive; null for no limit on that side."""
    allowed: tuple[str | int | float, ...] | None = None
    """The only values allowed."""
    pattern: str | None = None
    """A regular expression that must match the whole text."""
    action: Action = "quarantine"
    """What happens to a row whose value breaks a rule of this column."""
    known_at: str | None = None
    """The moment from which the value is known (one of the dataset's `moments`)."""
    sensitive: bool = False
    """Its values are never shown, logged or shipped (previews, examples, reports, messages, golden
    rows), nor are those of features derived from it: features that list it in their `sources`, and
    features without `sources` unless their values were verified to be those of the column of the
    same name."""

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        return value if value is None else regular_expression(value)

    @model_validator(mode="after")
    def _rules_fit_the_type(self) -> Column:
        wrong: list[tuple[Place, str]] = []
        if self.range is not None:
            low, high = self.range
            if self.type not in ("integer", "number"):
                wrong.append((("range",), f"is for integer and number, not for {self.type}"))
            if low is not None and high is not None and low > high:
                wrong.append((("range",), f"got a minimum of {low:g} and a maximum of {high:g}"))
        if self.pattern is not None and self.type not in ("text", "category"):
            wrong.append((("pattern",), f"is for text and category, not for {self.type}"))
        if self.allowed is not None:
            wrong += [(("allowed",), what) for what in self._wrongly_allowed(self.allowed)]
        if wrong:
            raise Mistakes(wrong)
        return self

    def _wrongly_allowed(self, allowed: tuple[str | int | float, ...]) -> list[str]:
        kinds = ALLOWED.get(self.type)
        if kinds is None:
            return [f"is for {', '.join(ALLOWED)}, not for {self.type}"]
        if not allowed:
            return ["is empty, so no value would be allowed; omit it"]
        hint = "; quote texts such as NO and 1" if kinds == (str,) else ""
        return [
            f"got {item!r}, wanted {self.type}{hint}"
            for item in allowed
            if not isinstance(item, kinds) or isinstance(item, bool)
        ]
