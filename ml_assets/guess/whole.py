"""Columns of plain numbers: amounts, codes, ids.

Belongs here: which numbers are not amounts. Does not belong here: how numbers are written.
"""

from __future__ import annotations

from dataclasses import replace

from ml_assets.guess import hints
from ml_assets.guess.facts import Facts
from ml_assets.guess.profile import ColumnProfile, Kind

CODES = 10
"""Most distinct whole numbers that are codes without a hint."""
CODED_SHARE = 0.2
"""Share of distinct values among the rows up to which a code is a category."""
NAMED_CODES = 100
"""Most distinct whole numbers that are codes if the name hints at a code."""
MOST = 2.0**63
LEVELS = 5
"""Most distinct numbers, decimals among them, that are levels rather than amounts."""
YEARS = (1800, 2100)
ONE_YEAR = frozenset({"year", "yr", "jahr"})
EPOCH = (100_000_000, 4_000_000_000)
"""Seconds since 1970, from 1973 to 2096."""


def whole(facts: Facts, base: ColumnProfile) -> ColumnProfile:
    """Return what a column of plain numbers is."""
    name = facts.name
    kind: Kind
    if facts.coded:
        shared = hints.has(name, hints.POST | hints.PHONE)
        kind = "id" if base.unique and not shared else "categorical"
        said = f"{facts.coded:,} values with a leading zero or plus, so no amounts"
        return replace(base, kind=kind, type="text", evidence=(*base.evidence, said))
    odd = sum(facts.sentinels.values())
    integers = facts.whole == facts.plain or facts.whole + odd == facts.plain
    if not integers:
        levels = base.distinct <= LEVELS and facts.present >= 20 * base.distinct
        said = f"numbers from {facts.min:g} to {facts.max:g}"
        said += f", only {base.distinct} different" if levels else ""
        kind = "categorical" if levels else "numeric"
        return replace(base, kind=kind, type="number", evidence=(*base.evidence, said))
    if max(abs(facts.min), abs(facts.max)) >= MOST:
        said = "longer than 19 digits"
        return replace(base, kind="id", type="text", evidence=(*base.evidence, said))
    if hints.has(name, hints.POST | hints.PHONE):
        said = "by its name a postcode or phone number"
        return replace(base, kind="categorical", type="text", evidence=(*base.evidence, said))
    return (
        _calendrical(facts, base)
        or _identified(facts, base)
        or _coded(facts, base)
        or _amounts(facts, base)
    )


def _calendrical(facts: Facts, base: ColumnProfile) -> ColumnProfile | None:
    """Return the column as years, or seconds since 1970, or None."""
    if hints.has(facts.name, hints.YEAR) and YEARS[0] <= facts.min <= facts.max <= YEARS[1]:
        said = f"years from {facts.min:g} to {facts.max:g}"
        return replace(base, kind="categorical", type="integer", evidence=(*base.evidence, said))
    if hints.ends(facts.name, ONE_YEAR) and 0 <= facts.min <= facts.max <= 99:
        said = f"years of two digits from {facts.min:g} to {facts.max:g}"
        return replace(base, kind="categorical", type="integer", evidence=(*base.evidence, said))
    seconds = EPOCH[0] <= facts.min <= facts.max <= EPOCH[1]
    if hints.has(facts.name, hints.TIME) and seconds and base.distinct > CODES:
        said = "by its name a time, probably in seconds since 1970"
        return replace(base, kind="datetime", type="integer", evidence=(*base.evidence, said))
    return None


def _identified(facts: Facts, base: ColumnProfile) -> ColumnProfile | None:
    """Return the column as an id, with the evidence, or None."""
    name, rows = facts.name, facts.present
    named = hints.ends(name, hints.ID) or name.lower().startswith("unnamed")
    unique = f"unique in {rows:,} of {rows:,} rows"
    said: tuple[str, ...]
    if base.unique and (named or hints.ends(name, hints.KEY)):
        said = (unique, "its name is that of an id")
    elif base.unique and rows >= 20 and facts.max - facts.min + 1 == rows:
        said = (unique, f"counts from {facts.min:g} to {facts.max:g}")
    elif hints.ends(name, hints.NUMBERED) and base.distinct > CODES:
        said = (f"its name is that of a code; {base.distinct:,} different in {rows:,} rows",)
        if base.distinct <= CODED_SHARE * rows:
            evidence = (*base.evidence, *said)
            return replace(base, kind="categorical", type="category", evidence=evidence)
    elif named and base.distinct > CODES:
        said = (f"its name is that of an id; {base.distinct:,} different in {rows:,} rows",)
    else:
        return None
    return replace(base, kind="id", type="text", evidence=(*base.evidence, *said))


def _coded(facts: Facts, base: ColumnProfile) -> ColumnProfile | None:
    """Return the column as codes, with the evidence, or None."""
    named = hints.has(facts.name, hints.CODE) and not hints.ends(facts.name, hints.AMOUNT)
    amount = hints.has(facts.name, hints.AMOUNT)
    limit = 2 if amount else NAMED_CODES if named else CODES
    if base.distinct > limit or (base.distinct > 2 and base.distinct * 2 > facts.present):
        return None
    said = f"{base.distinct} different whole numbers in {facts.present:,} rows"
    return replace(base, kind="categorical", type="category", evidence=(*base.evidence, said))


def _amounts(facts: Facts, base: ColumnProfile) -> ColumnProfile:
    said = f"whole numbers from {facts.min:g} to {facts.max:g}"
    return replace(base, kind="numeric", type="integer", evidence=(*base.evidence, said))
