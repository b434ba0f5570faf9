"""Parts of a time and of a text: the numbers that a model learns from such a column.

Belongs here: one value to its parts, the same to the bit wherever it is computed. A bundle ships
this file, so it needs numpy and nothing else. Does not belong here: what the training rows decide
(`prepare`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
DAY = 86_400
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WORD = re.compile(r"[^\W_]+")
LONGEST = 40
"""Characters of a word that count."""
_TWELFTHS = (0.0, 0.5, 0.866025403784, 1.0, 0.866025403784, 0.5)
_SINES = (*_TWELFTHS, *(-value for value in _TWELFTHS))
"""Sine of each twelfth of a turn, as constants: a library's sine may differ in the last bit."""
_TWENTY_FOURTHS = (0.0, 0.258819045103, 0.5, 0.707106781187, 0.866025403784, 0.965925826289)
_RISING = (*_TWENTY_FOURTHS, 1.0, *reversed(_TWENTY_FOURTHS[1:]))
TABLES: dict[str, tuple[float, ...]] = {
    "month_sin": _SINES,
    "month_cos": (*_SINES[3:], *_SINES[:3]),
    "hour_sin": (*_RISING, *(-value for value in _RISING)),
    "hour_cos": (
        *(*_RISING, *(-value for value in _RISING))[6:],
        *_RISING[:6],
    ),
}
"""The place of a month in the year and of an hour in the day, on a circle."""


def calendar(seconds: Ints, part: str) -> Array:
    """Return a part of times, given as whole seconds since 1970 in UTC (n,).

    `days` is the time itself in days, and `hour` that of the day with its fraction; `weekday` is 0
    on Mondays.
    """
    days, second = np.divmod(seconds, DAY)
    if part == "days":
        return np.asarray(seconds / float(DAY), dtype=np.float64)
    if part == "hour":
        return np.asarray(second / 3600.0, dtype=np.float64)
    if part == "weekday":
        return np.asarray((days + 3) % 7, dtype=np.float64)
    if part.startswith("hour_"):
        return _looked_up(part, second // 3600)
    month = days.astype("M8[D]").astype("M8[M]")
    number = month.astype(np.int64)
    if part == "year":
        return np.asarray(number // 12 + 1970, dtype=np.float64)
    if part == "month":
        return np.asarray(number % 12 + 1, dtype=np.float64)
    if part == "day":
        first = month.astype("M8[D]").astype(np.int64)
        return np.asarray(days - first + 1, dtype=np.float64)
    return _looked_up(part, number % 12)


def within(values: Array, said: Mapping[str, Any], part: str) -> Array:
    """Return the values of a part, those beyond the training rows' as the nearest of theirs.

    Later times would otherwise lie beyond all that a linear model was fitted on.
    """
    low, high = said.get("ends", {}).get(part, (-np.inf, np.inf))
    return np.asarray(np.clip(values, low, high), dtype=np.float64)


def _looked_up(part: str, place: Ints) -> Array:
    found: Array = np.array(TABLES[part])[place]
    return found


def seconds_of(text: str) -> int:
    """Return a date or time in ISO 8601 as whole seconds since 1970; without an offset it is UTC.

    >>> seconds_of("1970-01-02"), seconds_of("1970-01-01T01:00:00.9+01:00")
    (86400, 0)
    """
    found = datetime.fromisoformat(text)
    found = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    return (found - EPOCH) // timedelta(seconds=1)


def words(text: str) -> list[str]:
    """Return the words of a text: runs of letters and digits, in lower case.

    >>> words("Red-hot, 2 for 1")
    ['red', 'hot', '2', 'for', '1']
    """
    return [word[:LONGEST] for word in _WORD.findall(text.lower())]


def described(texts: Sequence[str], known: Sequence[str]) -> tuple[Ints, Ints, NDArray[np.bool_]]:
    """Return each text's characters (n,), words (n,), and which known words it has (n, k)."""
    place = {word: number for number, word in enumerate(known)}
    sizes, counts = np.zeros(len(texts), np.int64), np.zeros(len(texts), np.int64)
    there = np.zeros((len(texts), len(known)), dtype=np.bool_)
    for row, text in enumerate(texts):
        found = words(text)
        sizes[row], counts[row] = len(text), len(found)
        there[row, [place[word] for word in found if word in place]] = True
    return sizes, counts, there


def columns_of(said: dict[str, Any], texts: Sequence[str]) -> dict[str, list[str]]:
    """Return the parts of fields of a CSV file as fields, by column; an empty one is missing.

    `said` is what the model says of a feature under `prepare`. ValueError for what is not a time.
    """
    rows = [row for row, text in enumerate(texts) if text != ""]
    found: dict[str, list[str]] = {}
    if said["type"] == "text":
        sizes, counts, there = described([texts[row] for row in rows], said["words"])
        part_of = {"characters": sizes.astype(float), "words": counts.astype(float)}
        part_of |= {f"word {n}": there[:, n].astype(float) for n in range(len(said["words"]))}
    else:
        seconds = np.array([seconds_of(texts[row]) for row in rows], dtype=np.int64)
        part_of = {
            part: within(calendar(seconds, part), said, part) for part in said["parts"].values()
        }
    for name, part in said["parts"].items():
        fields = [""] * len(texts)
        for row, value in zip(rows, part_of[part].tolist(), strict=True):
            fields[row] = repr(value)
        found[name] = fields
    return found
