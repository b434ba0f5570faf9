"""What a table as a whole has: its key, its event time, the columns that are kept.

Belongs here: choices among columns. Does not belong here: what one column is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ml_assets.errors import RequestError
from ml_assets.guess import hints
from ml_assets.guess.profile import ColumnProfile, Profile

BIRTH = frozenset(["birth", "born", "dob", "birthday", "birthdate", "geburtsdatum"])
JOINED = "at"
LONGEST = 200
"""Most characters of a column's name: YAML allows a key on one line some more."""


@dataclass(frozen=True)
class Choice:
    """The columns of the spec, and what is written above them."""

    columns: tuple[ColumnProfile, ...]
    key: tuple[str, ...] = ()
    about_key: tuple[str, ...] = ()
    time: str | None = None
    about_time: tuple[str, ...] = ()
    days_of: str | None = None
    """The column whose days are those of `time`, if another."""
    left_out: Mapping[str, str] = field(default_factory=dict)


def chosen(profile: Profile) -> Choice:
    """Return what a table has as a whole. Raises RequestError for columns that cannot be named."""
    columns, left_out = _named(profile.columns)
    columns, clock = _joined(columns)
    if clock:
        left_out = {**left_out, clock: f"it is the clock of {JOINED!r}"}
    ids = (c for c in columns if c.kind == "id" and c.unique and not c.missing)
    key = next((c for c in ids if c.personal is None), None)
    if key is not None:
        about_key = (f"{key.name}: {'; '.join(key.evidence)}",)
    else:
        about_key = ("no column is an id without gaps and repetitions, so a row is its content",)
    times = [c for c in columns if c.type in ("date", "timestamp") and _eventful(c)]
    best = next((c for c in times if c.name == JOINED and c.source), None) or next(
        iter(times), None
    )
    others = [c.name for c in times if best is not None and c is not best]
    about_time = (f"or another time: {', '.join(others)}",) if others else ()
    return Choice(
        columns,
        (key.name,) if key else (),
        about_key,
        best.name if best else None,
        about_time,
        best.source[0] if best and len(best.source) > 1 else None,
        left_out,
    )


def _eventful(column: ColumnProfile) -> bool:
    born = hints.has(column.name, BIRTH) or {"birth"} & set(hints.words(column.name))
    return not column.missing and column.distinct > 1 and not born and column.personal is None


def _named(
    columns: Sequence[ColumnProfile],
) -> tuple[tuple[ColumnProfile, ...], dict[str, str]]:
    """Return the columns under names that a spec can have; RequestError for repeated ones."""
    seen: dict[str, int] = {}
    wrong, kept, left_out = list[str](), list[ColumnProfile](), dict[str, str]()
    taken = {column.name for column in columns}
    for place, column in enumerate(columns, 1):
        if not column.name:
            left_out[f"column {place}"] = "it has no name in the header"
            continue
        if len(column.name) > LONGEST:
            wrong.append(
                f"the name of column {place} has {len(column.name):,} characters, at most "
                f"{LONGEST} are allowed (is the first line a row? then say --no-header)"
            )
        if column.name in seen:
            wrong.append(f"columns {seen[column.name]} and {place} are both called {column.name!r}")
        seen.setdefault(column.name, place)
        # No expression can name a column with a backtick; a leading _ is for columns made here.
        bare = column.name.lstrip("_").replace("`", "_") or "column"
        if bare != column.name:
            new = bare if bare not in taken else f"{bare}_{place}"
            taken.add(new)
            kept.append(replace(column, name=new, source=(column.name,)))
            continue
        kept.append(column)
    if wrong:
        shown = "; ".join(wrong[:5]) + ("; …" if len(wrong) > 5 else "")
        raise RequestError(f"{shown}; wanted short and different names; rename them in the header")
    if not kept:
        raise RequestError("no column has a name; wanted a header, or --no-header")
    return tuple(kept), left_out


def _joined(
    columns: tuple[ColumnProfile, ...],
) -> tuple[tuple[ColumnProfile, ...], str | None]:
    """Return the columns with a time of a date column and a clock column, and the clock's name."""
    clocks = [c for c in columns if c.kind == "datetime" and c.type == "text" and not c.missing]
    days = [c for c in columns if c.type == "date" and not c.missing and _eventful(c)]
    if len(clocks) != 1 or len(days) != 1 or any(c.name == JOINED for c in columns):
        return columns, None
    clock, day = clocks[0], days[0]
    dates = day.format or ("%Y-%m-%d",)
    formats = tuple(f"{date} {time}" for date in dates for time in clock.format)
    at = replace(
        day,
        name=JOINED,
        type="timestamp",
        source=(day.name, clock.name),
        format=formats,
        evidence=(f"the date of {day.name!r} at the clock of {clock.name!r}",),
        unique=False,
    )
    return (at, *(c for c in columns if c is not clock)), clock.name
