"""Dates and times as people write them, as formats of Python's `strptime`.

Belongs here: the grammar of one value. Does not belong here: columns, decisions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from itertools import product

ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6}0*)?)?)?"
    r" ?(Z|z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)?"
)
"""What a contract reads without a format."""
OFFSET = re.compile(r":[0-9.]+ ?(Z|z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)$")
"""The end of a time that says its offset from UTC."""
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec)"
_LONG = r"(?:january|february|march|april|june|july|august|september|october|november|december)"
_TWO = r"[0-9]{1,2}"
_DATES: list[tuple[str, tuple[str, ...]]] = [
    (r"[0-9]{4}-" + _TWO + "-" + _TWO, ("%Y-%m-%d",)),
    (r"[0-9]{4}/" + _TWO + "/" + _TWO, ("%Y/%m/%d",)),
    (r"[0-9]{4}\." + _TWO + r"\." + _TWO, ("%Y.%m.%d",)),
    (_TWO + "/" + _TWO + "/[0-9]{4}", ("%d/%m/%Y", "%m/%d/%Y")),
    (_TWO + "-" + _TWO + "-[0-9]{4}", ("%d-%m-%Y", "%m-%d-%Y")),
    (_TWO + r"\." + _TWO + r"\.[0-9]{4}", ("%d.%m.%Y",)),
    (_TWO + "/" + _TWO + "/[0-9]{2}", ("%d/%m/%y", "%m/%d/%y")),
    (_TWO + "-" + _TWO + "-[0-9]{2}", ("%d-%m-%y", "%m-%d-%y")),
    (_TWO + r"\." + _TWO + r"\.[0-9]{2}", ("%d.%m.%y",)),
    (_TWO + "[- ]" + _MONTH + "[- ][0-9]{4}", ("%d-%b-%Y", "%d %b %Y")),
    (_TWO + "[- ]" + _MONTH + "[- ][0-9]{2}", ("%d-%b-%y", "%d %b %y")),
    (_TWO + " " + _LONG + " [0-9]{4}", ("%d %B %Y",)),
    (_MONTH + r"\.? " + _TWO + ", ?[0-9]{4}", ("%b %d, %Y", "%b. %d, %Y", "%b %d,%Y")),
    (_LONG + " " + _TWO + ", ?[0-9]{4}", ("%B %d, %Y", "%B %d,%Y")),
    (r"(?:mon|tue|wed|thu|fri|sat|sun), " + _TWO + " " + _MONTH + " [0-9]{4}", ("%a, %d %b %Y",)),
    (_MONTH + "[- ][0-9]{4}", ("%b-%Y", "%b %Y")),
    (_MONTH + "[- ][0-9]{2}", ("%b-%y", "%b %y")),
    (_LONG + " [0-9]{4}", ("%B %Y",)),
    (r"[0-9]{4}-[0-9]{2}", ("%Y-%m",)),
]
_CLOCKS: list[tuple[str, tuple[str, ...]]] = [
    (r"[0-9]{1,2}:[0-9]{2}", ("%H:%M",)),
    (r"[0-9]{1,2}:[0-9]{2}:[0-9]{2}", ("%H:%M:%S",)),
    (r"[0-9]{1,2}:[0-9]{2}:[0-9]{2}\.[0-9]{1,6}", ("%H:%M:%S.%f",)),
    (r"[0-9]{1,2}:[0-9]{2} [ap]m", ("%I:%M %p",)),
    (r"[0-9]{1,2}:[0-9]{2}[ap]m", ("%I:%M%p",)),
    (r"[0-9]{1,2}:[0-9]{2}:[0-9]{2} [ap]m", ("%I:%M:%S %p",)),
]
_JOINS = (" ", "T", ", ")
_DATE_RE = [(re.compile(pattern, re.I), formats) for pattern, formats in _DATES]
_CLOCK_RE = [(re.compile(pattern, re.I), formats) for pattern, formats in _CLOCKS]
HASHES = re.compile(r"#{5,}")
"""What Excel writes for a date that is wider than its cell."""


@lru_cache(maxsize=100_000)
def formats_of(text: str) -> tuple[str, ...]:
    """Return the formats by which a text can be read as a date or a date with a time.

    >>> formats_of("03/04/2019"), formats_of("31/12/19"), formats_of("5.2.2020 7:30")
    (('%d/%m/%Y', '%m/%d/%Y'), ('%d/%m/%y',), ('%d.%m.%Y %H:%M',))
    """
    dates = _fitting(_DATE_RE, text)
    for join in () if dates else _JOINS:
        # A blank may be part of the date or of the clock: try each.
        for place in _places(text, join):
            left, right = text[:place], text[place + len(join) :]
            pairs = product(_fitting(_DATE_RE, left), clocks_of(right))
            dates += [f"{date}{join}{clock}" for date, clock in pairs]
        if dates:
            break
    return tuple(dates)


@lru_cache(maxsize=100_000)
def clocks_of(text: str) -> tuple[str, ...]:
    """Return the formats by which a text is a time of the day: `12:51 AM`, `23:05`."""
    return tuple(_fitting(_CLOCK_RE, text))


def common(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the formats that fit all texts."""
    shared: tuple[str, ...] | None = None
    for text in texts:
        own = formats_of(text)
        shared = own if shared is None else tuple(f for f in shared if f in own)
        if not shared:
            return ()
    return shared or ()


def _places(text: str, join: str) -> list[int]:
    places, at = [], text.find(join)
    while at > 0:
        places.append(at)
        at = text.find(join, at + 1)
    return places


def _fitting(grammar: list[tuple[re.Pattern[str], tuple[str, ...]]], text: str) -> list[str]:
    return [
        form
        for pattern, formats in grammar
        if pattern.fullmatch(text)
        for form in formats
        if _reads(text, form)
    ]


def _reads(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)
    except ValueError:
        return False
    return True
