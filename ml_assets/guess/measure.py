"""From a table to its profile, in two passes over all rows.

Belongs here: the order of the passes. Does not belong here: reading, rules.

The first pass counts and decides what each column is; the second one reads dates and numbers
with marks as was decided, and tells what they range over and which values are none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from ml_assets.guess.facts import Facts
from ml_assets.guess.kinds import Order, guessed
from ml_assets.guess.profile import ColumnProfile, Profile
from ml_assets.guess.second import Second, needed
from ml_assets.guess.table import BLOCKS, Table, TooLongRecord


@dataclass
class Measured:
    """A profile, and what a batch calendar is chosen by."""

    profile: Profile
    days: dict[str, Counter[int]] = field(default_factory=dict)
    """By column of dates or times: rows by day since 1970."""


def measured(table: Table, order: Order | None = None) -> Measured:
    """Read all rows of a table, twice where needed, and return what was found."""
    facts = _first(table)
    columns = [guessed(fact, order) for fact in facts]
    places = [place for place, column in enumerate(columns) if needed(column)]
    days: dict[str, Counter[int]] = {}
    if places:
        for place, second in zip(places, _second(table, columns, places), strict=True):
            columns[place] = second.settled(order)
            days[columns[place].name] = second.days
    rows = facts[0].rows if facts else 0
    return Measured(Profile(rows, tuple(columns), table.dialect), days)


def _first(table: Table) -> list[Facts]:
    for block in BLOCKS:
        facts = [Facts(name) for name in table.names]
        try:
            for piece in table.pieces(block):
                _add(facts, piece)
        except TooLongRecord:
            continue
        return facts
    raise TooLongRecord


def _add(facts: Sequence[Facts], piece: Sequence[pa.Array]) -> None:
    for fact, column in zip(facts, piece, strict=True):
        fact.add(column)


def _second(table: Table, columns: Sequence[ColumnProfile], places: Sequence[int]) -> list[Second]:
    for block in BLOCKS:
        seconds = [Second(columns[place]) for place in places]
        try:
            for piece in table.pieces(block, places):
                for values, second in zip(piece, seconds, strict=True):
                    second.add(values)
        except TooLongRecord:
            continue
        return seconds
    raise TooLongRecord
