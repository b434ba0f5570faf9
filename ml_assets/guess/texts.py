"""Columns of texts: categories, ids, names, prose, addresses of the web, lists.

Belongs here: kinds of texts. Does not belong here: numbers and times.
"""

from __future__ import annotations

from dataclasses import replace

from ml_assets.guess import hints
from ml_assets.guess.facts import Facts
from ml_assets.guess.profile import ColumnProfile, Kind

SHARE = 0.8
PROSE = 4.0
"""Mean words of a value from which it is prose, if values rarely repeat."""
OFTEN = 0.2
"""Share of distinct values among the rows up to which a text is a category."""
FEW = 20
"""Distinct values that are few in every table."""
TRUTH = frozenset({"true", "false"})


def texts(facts: Facts, base: ColumnProfile) -> ColumnProfile:
    """Return what a column of texts is."""
    rows, distinct = facts.present, base.distinct
    share = f"{distinct:,} different texts in {rows:,} rows"
    if facts.urls >= SHARE * rows:
        return _is(base, "url", "addresses of web pages")
    if distinct <= 2 and base.values is not None and {v.lower() for v in base.values} <= TRUTH:
        return replace(base, kind="categorical", type="boolean", evidence=("true and false",))
    if facts.lists >= SHARE * rows and base.words < PROSE * 2:
        example = next(iter(facts.others))
        what = "JSON objects" if example.lstrip().startswith("{") else "lists"
        return _is(base, "list", f"{what} such as {example!r}")
    if base.unique and rows > 2 and base.words < 1.05:
        return _identified(facts, base)
    if distinct > FEW and hints.ends(facts.name, hints.ID) and base.words < 1.5:
        return _is(base, "id", f"its name is that of an id; {share}")
    rare = distinct > OFTEN * rows
    if base.words >= PROSE and (rare or facts.longest > 200) and distinct > FEW / 2:
        return _is(base, "text", f"{base.words:.1f} words in a value; {share}")
    if rare and distinct > FEW:
        return _is(base, "name", f"hardly a text occurs twice: {share}")
    return replace(base, kind="categorical", type="category", evidence=(share,))


def _identified(facts: Facts, base: ColumnProfile) -> ColumnProfile:
    rows = facts.present
    said = [f"unique in {rows:,} of {rows:,} rows"]
    fixed = facts.shortest == facts.longest
    digits = any("9" in shape for shape in facts.shapes)
    if fixed:
        said.append(f"each of {facts.longest} characters")
    return _is(base, "id" if fixed or digits or hints.has(facts.name, hints.ID) else "name", *said)


def _is(base: ColumnProfile, kind: Kind, *said: str) -> ColumnProfile:
    return replace(base, kind=kind, type="text", evidence=tuple(said))
