"""Columns of a contract: logical type, unit, and the rules that values must satisfy."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from ml_assets.spec.base import Names, Spec
from ml_assets.spec.mistakes import Mistakes, Place
from ml_assets.spec.pseudonyms import unfolded, wrong_column
from ml_assets.spec.spelling import (
    Decimal,
    Thousands,
    around_a_number,
    date_format,
    known_zone,
)

ColumnType = Literal["integer", "number", "boolean", "text", "category", "timestamp", "date"]
Action = Literal["quarantine", "warn"]
OnChange = Literal["refuse", "quarantine", "ignore", "propose"]
"""What is done where a file's columns are not those of the contract."""
ALLOWED: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "category": (str,),
    "integer": (int,),
    "number": (int, float),
}


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Sensitive = WithJsonSchema(
    {
        "anyOf": [
            {"type": "boolean"},
            {
                "type": "object",
                "additionalProperties": False,
                "required": ["keep"],
                "properties": {"keep": {"enum": ["clear", "hmac"]}},
            },
        ]
    }
)
OneOrMore = BeforeValidator(_listed, json_schema_input_type=str | tuple[str, ...])
"""A text stands for a list of one."""


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
    source: Annotated[Names, Field(min_length=1), OneOrMore] | None = None
    """The file's column, or several whose texts are joined by a blank (`[date, clock]`); by default
    the one of this name. If one of several is missing, so is the value."""
    format: Annotated[tuple[Annotated[str, AfterValidator(date_format)], ...], OneOrMore] = ()
    """For texts of timestamp and date: a [format](../how-to/numbers-and-dates.md#dates) such as
    `%d.%m.%Y %H:%M`, or several, tried in order; by default ISO 8601."""
    zone: Annotated[str, AfterValidator(known_zone)] | None = None
    """Of timestamps without an offset: a time zone such as `Europe/Berlin`; by default UTC. A time
    that the clock skips is not a time; of a time that it shows twice, the first is taken."""
    strip: tuple[Annotated[str, AfterValidator(around_a_number)], ...] = ()
    """For integer and number: texts that may stand before or after it (`[USD, '%']`)."""
    decimal: Decimal | None = None
    """For integer and number in texts: the decimal mark; by default that of `landing`."""
    thousands: Thousands | None = None
    """For integer and number in texts: the mark between groups of three digits, '' for none; by
    default that of `landing`."""
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
    sensitive: Annotated[bool, Sensitive] = False
    """Its values are never shown, logged or shipped (previews, examples, reports, messages, golden
    rows), nor are those of features derived from it: features that list it in their `sources`, and
    features without `sources` unless their values were verified to be those of the column of the
    same name. `{keep: hmac}` sets `keep` as well."""
    keep: Literal["clear", "hmac"] = "clear"
    """What is stored of a sensitive column: its values, or only a pseudonym of each, an HMAC-SHA256
    by a secret key ([how](../how-to/pseudonyms.md)). Usually written `sensitive: {keep: hmac}`."""

    @model_validator(mode="before")
    @classmethod
    def _keeps(cls, data: Any) -> Any:
        return unfolded(data)

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
        wrong += self._wrongly_spelled()
        wrong += wrong_column(self)
        if self.allowed is not None:
            wrong += [(("allowed",), what) for what in self._wrongly_allowed(self.allowed)]
        if wrong:
            raise Mistakes(wrong)
        return self

    def _wrongly_spelled(self) -> Iterator[tuple[Place, str]]:
        if self.format and self.type not in ("timestamp", "date"):
            yield ("format",), f"is for timestamp and date, not for {self.type}"
        if self.zone is not None and self.type != "timestamp":
            yield ("zone",), f"is for timestamp, not for {self.type}"
        numbers = {"strip": self.strip, "decimal": self.decimal, "thousands": self.thousands}
        for name, value in numbers.items():
            if value and self.type not in ("integer", "number"):
                yield (name,), f"is for integer and number, not for {self.type}"

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
