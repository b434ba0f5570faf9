"""Cells that are typed one by one, in a workbook or in JSON, to whole columns.

Belongs here: which type a column has, and how a cell is written in a column of texts.
Does not belong here: formats, the contract's types.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ml_assets.spec.formats import directives

if TYPE_CHECKING:
    from ml_assets.stages.ingest.spelling import Spelling

WHOLE = 2.0**53
"""The largest magnitude up to which a float holds every integer."""
MIDNIGHT = time()


class Number(str):
    """A number as JSON writes it: all of its digits."""

    __slots__ = ()


def column(cells: Sequence[Any], by: Spelling | None) -> pa.Array:
    """Return cells of one type as a column of that type, others as texts; None is missing.

    In a column of texts, numbers and times are written as `by` says, so that they are read like the
    texts beside them.
    """
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds <= {str, Number} and (by is None or by.plain or Number not in kinds):
        return pa.array(cells, pa.string())
    if kinds == {float}:
        return pa.array(cells, pa.float64())
    if kinds == {bool}:
        return pa.array(cells, pa.bool_())
    if kinds <= {date, datetime}:
        moments = [
            datetime.combine(cell, MIDNIGHT) if type(cell) is date else cell for cell in cells
        ]
        return pa.array(moments, pa.timestamp("us"))
    return pa.array([None if cell is None else written(cell, by) for cell in cells], pa.string())


def written(cell: Any, by: Spelling | None = None) -> str:
    """Return a cell as text, in the spelling of its column."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, Number):
        return cell if by is None else cell.replace(".", by.decimal)
    if isinstance(cell, float):
        whole = math.isfinite(cell) and cell.is_integer() and abs(cell) <= WHOLE
        return written(Number(int(cell) if whole else repr(cell)), by)
    if isinstance(cell, date):
        return _day(cell, by)
    if isinstance(cell, timedelta):
        hours, rest = divmod(cell, timedelta(hours=1))
        return f"{hours}:{rest // timedelta(minutes=1):02}:{rest.seconds % 60:02}"
    return str(cell)


def _day(cell: date, by: Spelling | None) -> str:
    clock = cell.time() if isinstance(cell, datetime) else MIDNIGHT
    form = by.formats[0] if by is not None and by.formats else None
    if form is not None and (clock == MIDNIGHT or {"H", "I"} & {*directives(form)}):
        return cell.strftime(form)
    return cell.isoformat() if clock != MIDNIGHT else f"{cell:%Y-%m-%d}"
