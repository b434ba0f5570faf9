"""What a column is, from the counts of all its rows and its name.

Belongs here: the order of the rules. Does not belong here: counting (`facts`), the grammar of
numbers (`numerals`) and times (`times`), the rules for integers (`whole`) and texts (`texts`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from ml_assets.guess import hints
from ml_assets.guess.dates import clock, dates, digits
from ml_assets.guess.facts import WORDS, Facts
from ml_assets.guess.numerals import Writing, writing
from ml_assets.guess.profile import ColumnProfile
from ml_assets.guess.texts import texts
from ml_assets.guess.whole import whole

Order = Literal["dmy", "mdy"]
FEW_WORDS = 3
"""Most words between numbers that are read as missing values."""
CODE = re.compile("[A-Z]{2}")
RARE = 0.02
"""Share of the rows with a value up to which a column is as good as empty."""


def guessed(facts: Facts, order: Order | None = None) -> ColumnProfile:
    """Return what a column is; `order` says how to read dates that can be read in two ways."""
    _namibia(facts)
    base = _base(facts)
    if not facts.present:
        return replace(base, kind="empty", evidence=(f"no value in {facts.rows:,} rows",))
    profile = (
        clock(facts, base)
        or dates(facts, base, order)
        or digits(facts, base)
        or _numbers(facts, base)
        or texts(facts, base)
    )
    often = profile.kind == "datetime" or profile.present > RARE * profile.rows
    if not often and profile.rows >= 1_000:
        said = f"a value in only {profile.present:,} of {profile.rows:,} rows"
        profile = replace(profile, kind="empty", evidence=(said, *profile.evidence))
    if profile.distinct == 1 and profile.kind != "empty":
        said = f"one value in {facts.present:,} rows"
        profile = replace(profile, kind="constant", evidence=(said, *profile.evidence))
    return replace(profile, unit=profile.unit or _unit(profile), personal=_personal(facts, profile))


def _namibia(facts: Facts) -> None:
    """Count NA as a value among codes of two capital letters: there it is one, as in countries."""
    rows = facts.nulls.get("NA", 0)
    codes = facts.counts
    if not rows or not codes or not all(CODE.fullmatch(text) for text in codes):
        return
    del facts.nulls["NA"]
    codes["NA"] += rows
    facts.others["NA"] += rows
    facts.shapes["a"] += rows
    facts.words += rows


def _base(facts: Facts) -> ColumnProfile:
    distinct = facts.different
    counts = facts.counts
    return ColumnProfile(
        name=facts.name,
        kind="text",
        type="text",
        evidence=(),
        rows=facts.rows,
        missing=facts.rows - facts.present,
        distinct=distinct,
        exact=facts.distinct.exact,
        unique=facts.present > 1 and facts.distinct.exact and distinct == facts.present,
        values=None if counts is None else dict(counts.most_common()),
        examples=tuple(list(facts.counts or facts.others)[:5]),
        null_values=tuple(sorted(facts.nulls)),
        padded=facts.padded,
        longest=facts.longest,
        words=facts.words / max(1, facts.present - facts.plain),
    )


def _numbers(facts: Facts, base: ColumnProfile) -> ColumnProfile | None:
    """Read the column as numbers if all its values are, some words aside."""
    missing = dict[str, int]()
    if facts.plain < facts.present:
        missing = _between(facts)
        others = [text for text in facts.others if text not in missing]
        if others:
            return _decorated(facts, base, others, missing)
    profile = whole(facts, _without(base, facts, missing))
    odd = any(text.lower() not in WORDS for text in missing)
    return replace(profile, kind="number_in_text") if odd and profile.kind == "numeric" else profile


def _between(facts: Facts) -> dict[str, int]:
    """Return the words between numbers that stand for a missing one, with their rows."""
    wordy = {t: n for t, n in facts.others.items() if not any(c.isdigit() for c in t)}
    usual = {t: n for t, n in wordy.items() if t.lower() in WORDS}
    few = len(wordy) <= FEW_WORDS and sum(wordy.values()) <= facts.present / 2
    many = facts.different - len(wordy) >= 10
    return wordy if few and many else usual


def _without(base: ColumnProfile, facts: Facts, missing: Mapping[str, int]) -> ColumnProfile:
    """Return the column with some values as missing ones, each with its evidence."""
    gone = {**missing, **_sentinels(facts)}
    values = None
    if base.values is not None:
        values = {text: rows for text, rows in base.values.items() if text not in gone}
    said = tuple(f"{text!r} in {rows:,} rows: a missing value" for text, rows in gone.items())
    return replace(
        base,
        missing=base.missing + sum(gone.values()),
        distinct=base.distinct - len(gone),
        null_values=tuple(sorted({*base.null_values, *gone})),
        evidence=(*base.evidence, *said),
        values=values,
        min=facts.min if facts.min <= facts.max else None,
        max=facts.max if facts.min <= facts.max else None,
    )


def _sentinels(facts: Facts) -> dict[str, int]:
    """Return numbers such as -9999 that lie far away from all others."""
    if facts.min > facts.max:
        return {}
    span = facts.max - facts.min
    far = 2 * max(span, 1.0)
    return {
        f"{number:g}": rows
        for number, rows in facts.sentinels.items()
        if number < facts.min - far or number > facts.max + far
    }


def _decorated(
    facts: Facts, base: ColumnProfile, others: list[str], missing: Mapping[str, int]
) -> ColumnProfile | None:
    """Read the column as numbers with marks or units around them, if all values are."""
    every = [*others, *(text for text in facts.counts or () if text not in missing)]
    every = [text for text in dict.fromkeys(every) if text not in missing]
    how = writing(every)
    if how is None or facts.coded:
        return None
    profile = _without(base, facts, missing)
    said = f"all are numbers written like {others[0]!r}"
    return replace(
        profile,
        kind="number_in_text",
        type="number",
        evidence=(said, *profile.evidence),
        decimal=None if how.decimal == "." else how.decimal,
        thousands=how.thousands,
        strip=how.strip,
        unit=_told(how),
        min=None,
        max=None,
    )


def _told(how: Writing) -> str | None:
    return how.strip[0].rstrip(".") if len(how.strip) == 1 else None


def _unit(profile: ColumnProfile) -> str | None:
    return hints.unit(profile.name) if profile.type in ("integer", "number") else None


def _personal(facts: Facts, profile: ColumnProfile) -> str | None:
    """Return why a column is likely to be personal data, or None."""
    if facts.emails > facts.present / 2:
        return "e-mail addresses"
    if profile.kind == "constant" or profile.distinct <= 2:
        return None
    return hints.personal(profile.name)
