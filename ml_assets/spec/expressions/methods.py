"""The methods that an expression may call: receiver, arguments, result.

Belongs here: the one list. A method is listed only if it is computed row by row, in time linear
in the texts, and calls none of its arguments.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["number", "boolean", "text", "time", "duration"]
"""What a value is in an expression; timestamps and dates are both times."""
Wanted = Literal["text", "pattern", "integer", "flag", "side", "values", "operand"]
"""What an argument is: a constant of a kind, or (operand) another expression."""


class Parameter(NamedTuple):
    """One parameter of a method."""

    name: str
    wanted: Wanted
    needed: bool = True


class Method(NamedTuple):
    """A method, or a property of times, written without brackets."""

    of: Kind | None
    """The kind it is called on; None for any."""
    gives: Kind | None
    """None for the kind that it is called on."""
    takes: tuple[Parameter, ...] = ()
    called: bool = True


_TEXT = Parameter("pat", "text")
_PATTERN = Parameter("pat", "pattern")
_CASE = Parameter("case", "flag", needed=False)
_NA = Parameter("na", "flag", needed=False)
_STRIPPED = (Parameter("to_strip", "text", needed=False),)
_TESTS = ("isalnum", "isalpha", "isdecimal", "isdigit", "islower", "isnumeric", "isspace")
_PARTS = ("year", "quarter", "month", "day", "dayofyear", "dayofweek", "weekday")
_CLOCK = ("hour", "minute", "second", "microsecond", "days_in_month")
_EDGES = ("month_start", "month_end", "quarter_start", "quarter_end", "year_start", "year_end")

METHODS: dict[str, Method] = {
    "isna": Method(None, "boolean"),
    "isnull": Method(None, "boolean"),
    "notna": Method(None, "boolean"),
    "notnull": Method(None, "boolean"),
    "isin": Method(None, "boolean", (Parameter("values", "values"),)),
    "between": Method(
        None,
        "boolean",
        (
            Parameter("left", "operand"),
            Parameter("right", "operand"),
            Parameter("inclusive", "side", needed=False),
        ),
    ),
    "abs": Method("number", None),
    "str.contains": Method(
        "text", "boolean", (_PATTERN, _CASE, _NA, Parameter("regex", "flag", needed=False))
    ),
    "str.match": Method("text", "boolean", (_PATTERN, _CASE, _NA)),
    "str.fullmatch": Method("text", "boolean", (_PATTERN, _CASE, _NA)),
    "str.startswith": Method("text", "boolean", (_TEXT, _NA)),
    "str.endswith": Method("text", "boolean", (_TEXT, _NA)),
    "str.len": Method("text", "number"),
    "str.lower": Method("text", "text"),
    "str.upper": Method("text", "text"),
    "str.strip": Method("text", "text", _STRIPPED),
    "str.lstrip": Method("text", "text", _STRIPPED),
    "str.rstrip": Method("text", "text", _STRIPPED),
    "str.slice": Method(
        "text",
        "text",
        (Parameter("start", "integer", needed=False), Parameter("stop", "integer", needed=False)),
    ),
    **{f"str.{name}": Method("text", "boolean") for name in (*_TESTS, "istitle", "isupper")},
    **{f"dt.{name}": Method("time", "number", called=False) for name in (*_PARTS, *_CLOCK)},
    **{f"dt.is_{name}": Method("time", "boolean", called=False) for name in _EDGES},
    "dt.is_leap_year": Method("time", "boolean", called=False),
    "dt.day_name": Method("time", "text"),
    "dt.month_name": Method("time", "text"),
    "dt.normalize": Method("time", "time"),
    "dt.days": Method("duration", "number", called=False),
    "dt.total_seconds": Method("duration", "number"),
}
SIDES = ("both", "left", "right", "neither")
"""Which limits `between` includes."""
