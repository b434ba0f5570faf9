"""The largest value of a watermark: kept between pulls, and how far before it a pull looks again.

Belongs here: its kinds (time, date, number, a time as text). Does not belong here: batches.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from ml_assets.engine.pulling.database import Snapshot
from ml_assets.errors import RequestError
from ml_assets.spec.sql import Sql, length

TIMES, NUMBERS = "1 hour", 1000
"""How far a pull looks back unless the spec says it."""
AHEAD = timedelta(hours=14)
"""How far a clock may be before that of UTC. A time after that is a mistake in the row, and would
hide all later changes."""


def since(sql: Sql, value: Any) -> Any:
    """Return from which value on a pull looks for rows.

    Raises RequestError for an overlap that does not fit the values.
    """
    numbers = isinstance(value, int | float | Decimal)
    back = sql.overlap if sql.overlap is not None else (NUMBERS if numbers else TIMES)
    if numbers != isinstance(back, int):
        wanted = "a number such as 1000" if numbers else "a length such as 1 hour"
        raise RequestError(
            f"{sql.watermark} holds {_kind(value)}; landing.sql.overlap is {back!r}, wanted "
            f"{wanted}"
        )
    if isinstance(back, int):
        return value - back
    try:
        if isinstance(value, str):
            return _as_text(_time(sql, value) - length(back), value)
        return value - length(back)
    except OverflowError:
        return value


def newest(sql: Sql, reader: Snapshot) -> Any:
    """Return the largest value that is not in the future; None where there is none.

    Raises RequestError for values that are neither times nor numbers.
    """
    assert sql.watermark is not None
    name = reader.quoted(sql.watermark)
    value = reader.one(f"max({name})")
    if value is None or isinstance(value, int | float | Decimal):
        return value
    if not isinstance(value, date | str):
        raise RequestError(f"{sql.watermark} holds {_kind(value)}; wanted times or numbers")
    limit: Any = datetime.now(UTC) + AHEAD
    time = _time(sql, value) if isinstance(value, str) else value
    if not isinstance(time, datetime):
        limit = limit.date()
    elif time.tzinfo is None:
        limit = limit.replace(tzinfo=None)
    if time <= limit:
        return value
    if isinstance(value, str):
        limit = _as_text(limit, value)
    return reader.one(f"max({name})", f"{name} <= :limit", {"limit": limit})


def kept(value: Any) -> str:
    """Return a value as text from which `known` makes it again."""
    if isinstance(value, datetime):
        return json.dumps({"time": value.isoformat()})
    if isinstance(value, date):
        return json.dumps({"date": value.isoformat()})
    if isinstance(value, Decimal):
        return json.dumps({"decimal": str(value)})
    return json.dumps({"value": value})


def known(text: str) -> Any:
    """Return the value that was kept.

    >>> known(kept(datetime(2024, 1, 31, 12, tzinfo=UTC)))
    datetime.datetime(2024, 1, 31, 12, 0, tzinfo=datetime.timezone.utc)
    """
    ((kind, value),) = json.loads(text).items()
    made: dict[str, Callable[[str], Any]] = {
        "time": datetime.fromisoformat,
        "date": date.fromisoformat,
        "decimal": Decimal,
    }
    return made[kind](value) if kind in made else value


def _time(sql: Sql, text: str) -> datetime:
    """Return an ISO time; RequestError for another text."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise RequestError(
            f"{sql.watermark} holds a text that is not an ISO time; wanted times such as "
            "2024-01-31 12:00:00, or numbers"
        ) from None


def _as_text(time: datetime, like: str) -> str:
    """Return a time as texts like another begin: what is compared is the text."""
    if len(like) <= len("2024-01-31"):
        return f"{time:%Y-%m-%d}"
    return f"{time:%Y-%m-%d}{like[10]}{time:%H:%M:%S}"


def _kind(value: Any) -> str:
    if isinstance(value, int | float | Decimal):
        return "numbers"
    return "times" if isinstance(value, date | str) else f"values of type {type(value).__name__}"
