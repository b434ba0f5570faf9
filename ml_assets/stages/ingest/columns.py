"""Do the columns of a file and of the contract match by name?

Belongs here: missing, extra and duplicate names. Does not belong here: values, types.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from ml_assets.stages.ingest.source import Unreadable
from ml_assets.stages.schema import DUMMY
from ml_assets.stages.shown import any_sensitive

if TYPE_CHECKING:
    from ml_assets.spec.columns import Column

DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}


def named(name: str, column: Column) -> tuple[str, ...]:
    """Return the file's columns of which a column of the contract is made."""
    return (name,) if column.source is None else column.source


def expected(columns: Mapping[str, Column]) -> list[str]:
    """Return the columns that a file must have, in the contract's order."""
    names = (part for name, column in columns.items() for part in named(name, column))
    return list(dict.fromkeys(names))


def positions(
    names: Sequence[str], columns: Mapping[str, Column], later: Collection[str] = ()
) -> dict[str, int]:
    """Return the position of each expected column in the file, whatever the order.

    Columns of the contract that come `later` may lack theirs. Raises Unreadable for columns that
    are missing or duplicated.
    """
    wanted, counts = expected(columns), Counter(names)
    now = expected({name: column for name, column in columns.items() if name not in later})
    missing = [name for name in now if name not in counts]
    if missing:
        raise Unreadable("columns", _missing(missing, names, columns))
    twice = [name for name in wanted if counts[name] > 1]
    if twice:
        raise Unreadable(
            "columns",
            f"duplicate columns in the header: {', '.join(twice)}; remove or rename them",
        )
    places = {name: place for place, name in enumerate(names)}
    return {name: places[name] for name in wanted if name in places}


def absent(
    names: Sequence[str], columns: Mapping[str, Column], later: Collection[str] = ()
) -> list[str]:
    """Return the contract's columns that the file lacks, all or in part, but for those `later`."""
    present, may = set(names), set(later)
    return [
        name
        for name, column in columns.items()
        if name not in may and not present.issuperset(named(name, column))
    ]


def unlabelled(
    names: Sequence[str], columns: Mapping[str, Column], later: Collection[str]
) -> list[str]:
    """Return a warning about columns that arrive with the labels and are not there yet."""
    gone = absent(names, {name: columns[name] for name in later})
    if not gone:
        return []
    near = _near(gone, [name for name in names if name not in expected(columns)])
    said = f"no column {', '.join(gone)}: such rows have no label yet"
    return [f"{said}; did you mean {', '.join(near)}?" if near else said]


def extra(names: Sequence[str], columns: Mapping[str, Column]) -> list[str]:
    """Return a warning about columns that are not in the contract, if there are any."""
    wanted = {*expected(columns), DUMMY}
    more = [name or "(no name)" for name in names if name not in wanted]
    if not more:
        return []
    return [f"columns that are not in the contract are ignored: {', '.join(more)}"]


def _missing(missing: Sequence[str], names: Sequence[str], columns: Mapping[str, Column]) -> str:
    """Return which columns are missing, and which names the file has instead.

    A file without a header has values in place of names: with sensitive columns, the names are
    shown only if most of the contract's columns are found.
    """
    said = f"no column {', '.join(missing)}"
    if len(names) == 1:
        other = next((mark for mark in DELIMITERS if mark in names[0]), None)
        if other:
            said += f"; the header contains {DELIMITERS[other]}: set landing.delimiter"
    wanted = expected(columns)
    unknown = [name for name in names if name not in wanted]
    if any_sensitive(columns) and 2 * len(missing) > len(wanted):
        return f"{said}; {len(unknown)} other names are in the header (not shown: they may be data)"
    renamed = _near(missing, unknown)
    said += f"; did you mean {', '.join(renamed)}?" if renamed else ""
    listed = ", ".join(unknown[:20]) + (", …" if len(unknown) > 20 else "")
    said += f"; columns that are not in the contract: {listed}" if unknown else ""
    return (
        f"{said}; use the contract's names, or change the contract (`source` names another column)"
    )


def _near(missing: Sequence[str], unknown: Sequence[str]) -> list[str]:
    """Return which unknown names may be meant by missing ones."""
    matches = {name: difflib.get_close_matches(name, unknown, n=1) for name in missing}
    return [f"{near[0]} for {name}" for name, near in matches.items() if near]
