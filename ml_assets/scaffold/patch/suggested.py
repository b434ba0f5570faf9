"""What to change in a spec so that it takes what has come, each change with its evidence.

Belongs here: the change of one rule from the values that break it. Does not belong here: columns
that are new, gone or of another type (`columns`), the text (`edits`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ml_assets.guess.limits import SET
from ml_assets.scaffold.patch.edits import Edit
from ml_assets.scaffold.patch.seen import BrokenRule, Seen
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.stages.counted import counted


@dataclass(frozen=True)
class Suggestion:
    """One change of a spec; without edits it is for a person to make."""

    column: str
    change: str
    """What changes, on one line."""
    evidence: tuple[str, ...]
    edits: tuple[Edit, ...] = ()
    compatible: bool = True
    """Whether every row that was valid stays valid, with the same values."""
    rows: int = 0
    """Rows that come back from quarantine."""
    batches: tuple[str, ...] = ()


def of_rules(spec: DatasetSpec, seen: Seen) -> Iterator[Suggestion]:
    """Yield the changes that the rows outside of ranges and sets ask for, and missing values."""
    for (name, kind), broken in seen.broken.items():
        if kind == "parse":
            continue
        column = spec.columns[name]
        warned = column.action == "warn"
        back, batches = (0 if warned else broken.rows), tuple(broken.batches)
        evidence = tuple(_evidence(broken, warned))
        if column.sensitive and kind != "not_null":
            said = f"{kind}: {counted(broken.rows, 'row')} outside"
            hidden = (*evidence, "its values are sensitive and not shown: change it yourself")
            yield Suggestion(name, said, hidden)
        elif kind == "range":
            assert column.range is not None
            new = widened(column.range, [float(value) for value in broken.values])
            said = f"range: {_range(column.range)} → {_range(new)}"
            edit = Edit("set", ("columns", name, "range"), [_plain(x) for x in new])
            yield Suggestion(name, said, evidence, (edit,), rows=back, batches=batches)
        elif kind == "allowed":
            assert column.allowed is not None
            more = sorted(broken.values, key=str)
            count = len(more) + len(column.allowed)
            if count > SET:
                said = f"allowed: removed, since {count} values are too many to list"
                edit = Edit("remove", ("columns", name, "allowed"))
            else:
                said = f"allowed: + {', '.join(map(repr, more))}"
                edit = Edit("append", ("columns", name, "allowed"), more)
            yield Suggestion(name, said, evidence, (edit,), rows=back, batches=batches)
        else:
            edit = Edit("set", ("columns", name, "nullable"), True)
            yield Suggestion(
                name, "nullable: false → true", evidence, (edit,), rows=back, batches=batches
            )


def widened(
    limits: tuple[float | None, float | None], values: Sequence[float]
) -> tuple[float | None, float | None]:
    """Return a range with the values in it, wider by less than a digit of what they lack.

    >>> widened((40.5, 41.0), [40.49979])
    (40.4997, 41.0)
    >>> widened((0.0, 67.0), [196.0, 70.5])
    (0.0, 200.0)
    """
    low, high = limits
    if low is not None and min(values) < low:
        low = _outwards(min(values), low - min(values), math.floor)
    if high is not None and max(values) > high:
        high = _outwards(max(values), max(values) - high, math.ceil)
    return low, high


def _outwards(value: float, excess: float, up_or_down: Callable[[float], int]) -> float:
    digits = -math.floor(math.log10(excess))
    if not -300 < digits < 300:
        return value
    if digits <= 0:
        step = 10.0**-digits
        return float(up_or_down(value / step) * step)
    return float(up_or_down(value * 10.0**digits) / 10.0**digits)


def _evidence(broken: BrokenRule, warned: bool) -> Iterator[str]:
    where = _where(broken)
    what = "kept with a warning" if warned else "refused" if broken.whole else "in quarantine"
    few = f": {', '.join(broken.examples)}" if broken.examples else ""
    more = ", …" if broken.examples and broken.rows > len(broken.examples) else ""
    yield f"{counted(broken.rows, 'row')}{where} {what}{few}{more}"


def _where(broken: BrokenRule) -> str:
    names = [batch for batch in broken.batches if batch]
    if not names:
        return ""
    return f" of {', '.join(names[:3])}" + (f" and {len(names) - 3} more" if names[3:] else "")


def _range(limits: tuple[float | None, float | None]) -> str:
    return f"[{', '.join('null' if x is None else f'{x:.15g}' for x in limits)}]"


def _plain(number: float | None) -> float | int | None:
    whole = number is not None and number.is_integer() and abs(number) < 1e15
    return int(number) if number is not None and whole else number
