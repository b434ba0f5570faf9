"""Columns of dates and times.

Belongs here: when a column is one, and its formats. Does not belong here: one value (`times`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Literal

from ml_assets.guess import hints
from ml_assets.guess.facts import Facts
from ml_assets.guess.profile import ColumnProfile
from ml_assets.guess.times import HASHES, ISO, OFFSET, clocks_of, formats_of

SHARE = 0.9
"""Least share of the values that must be dates."""
DAY_FIRST = ("%d/%m", "%d-%m")
MONTH_FIRST = ("%m/%d", "%m-%d")
Order = Literal["dmy", "mdy"]


def clock(facts: Facts, base: ColumnProfile) -> ColumnProfile | None:
    """Read the column as times of the day without a date."""
    if facts.plain or not _mostly(facts, clocks_of):
        return None
    formats = _cover(facts.others, clocks_of)
    said = f"times of the day such as {next(iter(facts.others))!r}"
    return replace(base, kind="datetime", type="text", format=formats, evidence=(said,))


def dates(facts: Facts, base: ColumnProfile, order: Order | None) -> ColumnProfile | None:
    """Read the column as dates, or dates with times."""
    if facts.plain or not _mostly(facts, formats_of):
        return None
    read = [text for text in facts.others if ISO.fullmatch(text) or formats_of(text)]
    known = set(read)
    odd = [text for text in facts.others if text not in known and not HASHES.fullmatch(text)]
    if not read:
        said = "#####, which Excel writes where a date is wider than its cell; export it again"
        return replace(base, kind="datetime", type="text", evidence=(said,))
    if any(any(c.isdigit() for c in text) for text in odd):
        odd = []
    shown = f"dates such as {read[0]!r}"
    profile = replace(
        base,
        kind="datetime",
        zoned=all(OFFSET.search(text) for text in read),
        evidence=(shown,),
        null_values=tuple(sorted({*base.null_values, *odd})),
        missing=base.missing + sum(facts.others[text] for text in odd),
    )
    if all(ISO.fullmatch(text) for text in read):
        timed = any(not _midnight(text) for text in read)
        return replace(profile, type="timestamp" if timed else "date")
    formats = _cover(read, formats_of)
    timed = any("%H" in form or "%I" in form for form in formats)
    profile = replace(profile, type="timestamp" if timed else "date", format=formats)
    return _ordered(profile, read, order)


def digits(facts: Facts, base: ColumnProfile) -> ColumnProfile | None:
    """Read whole numbers such as 20190131 as dates."""
    eight = 19000101 <= facts.min <= facts.max <= 21001231
    if facts.plain != facts.present or not eight or facts.whole != facts.plain:
        return None
    listed = list(facts.counts or ())
    named = hints.has(facts.name, hints.TIME)
    valid = [text for text in listed if re.fullmatch("[0-9]{8}", text) and _day(text)]
    if len(valid) < len(listed) or not listed or not (named or len(listed) >= 20):
        return None
    said = f"dates written as {listed[0]}"
    return replace(base, kind="datetime", type="date", format=("%Y%m%d",), evidence=(said,))


def _mostly(facts: Facts, read: Callable[[str], Sequence[str]]) -> bool:
    """Return whether nearly all values have a shape whose first value can be read so."""
    rows = sum(
        count
        for shape, count in facts.shapes.items()
        if read(facts.examples[shape])
        or (read is formats_of and (ISO.fullmatch(facts.examples[shape]) or _hashes(facts, shape)))
        or any(read(text) for text in _of_shape(facts, shape))
    )
    return rows >= SHARE * facts.present


def _of_shape(facts: Facts, shape: str) -> list[str]:
    """Return other values of a shape: its first one may be 31/12, another one 12/31."""
    size = len(shape)
    return [text for text in list(facts.others)[:200] if len(text) == size][:20]


def _hashes(facts: Facts, shape: str) -> bool:
    return HASHES.fullmatch(facts.examples[shape]) is not None


def _cover(values: Iterable[str], read: Callable[[str], Sequence[str]]) -> tuple[str, ...]:
    """Return the fewest formats by which all values can be read, the most frequent first."""
    left = {text: read(text) for text in values}
    cover = list[str]()
    while any(left.values()):
        tally = Counter(form for forms in left.values() for form in forms)
        best = max(tally.values())
        # All that fit equally many: which of them is right is judged by the caller.
        tied = [form for form, rows in tally.items() if rows == best]
        cover += tied
        left = {t: f for t, f in left.items() if not set(f) & set(tied)}
    return tuple(cover)


def _ordered(profile: ColumnProfile, read: list[str], order: Order | None) -> ColumnProfile:
    """Decide whether the day or the month comes first, or leave both readings."""
    days = [form for form in profile.format if form.startswith(DAY_FIRST)]
    months = [form for form in profile.format if form.startswith(MONTH_FIRST)]
    if not days or not months:
        return profile
    wanted: Order | None = order or _first_of_month(read)
    if wanted is None and all(_same(text) for text in read):
        wanted = "dmy"
    if wanted is None:
        telling = next(text for text in read if not _same(text))
        return replace(profile, readings=(days[0], months[0]), examples=(telling,))
    dropped = months if wanted == "dmy" else days
    why = "as said by --dates" if order else "the other number is 1 in all"
    said = f"read as {'day/month' if wanted == 'dmy' else 'month/day'}: {why}"
    kept = tuple(form for form in profile.format if form not in dropped)
    return replace(profile, format=kept, evidence=(*profile.evidence, said))


def _first_of_month(read: list[str]) -> Order | None:
    """Return which number is the month in a series of firsts of months: the other one is 1."""
    pairs = [re.split("[/-]", text)[:2] for text in read]
    first, second = ({int(pair[place]) for pair in pairs} for place in (0, 1))
    if first == {1} and len(second) > 2:
        return "dmy"
    if second == {1} and len(first) > 2:
        return "mdy"
    return None


def _same(text: str) -> bool:
    first, second = re.split("[/-]", text)[:2]
    return int(first) == int(second)


def _midnight(text: str) -> bool:
    return re.fullmatch(r".{10}([T ]00:00(:00(\.0+)?)?)?(Z|z| ?UTC|[+]00:?00)?", text) is not None


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y%m%d").date()
    except ValueError:
        return None
