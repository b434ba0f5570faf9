"""The features of rows to score, also where the function fails for some of them.

Belongs here: finding the rows for which a function raises. Does not belong here: calling it
(`stages/hook`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ml_assets.faults import HookError
from ml_assets.stages.hook import ARROW, Hook, call
from ml_assets.stages.score.one import features_of_one

if TYPE_CHECKING:
    from ml_assets.spec.model import FeaturesSpec

MOST = 100
"""Rows that may fail one by one: a function that fails for more fails as a whole."""


@dataclass(frozen=True)
class Computed:
    """The features of the rows for which the function gave any."""

    table: pa.Table
    failed: Mapping[int, HookError]
    """By place among the rows asked for: what the function raised."""


def computed(
    spec: FeaturesSpec, hook: Hook | None, rows: pa.Table, joined: Mapping[str, Any]
) -> Computed:
    """Return features row by row; a row for which the function raises has none.

    Halves are tried until such rows are found. HookError where it fails for more than MOST of them.
    """
    parts: list[pa.Table] = []
    failed: dict[int, HookError] = {}

    def within(start: int, stop: int) -> None:
        try:
            parts.append(call(spec, hook, rows.slice(start, stop - start), _own(joined)))
            return
        except HookError as error:
            if stop - start == 1:
                failed[start] = error
                _refuse_many(failed, len(rows))
                return
        middle = (start + stop) // 2
        within(start, middle)
        within(middle, stop)

    if len(rows) == 1 and hook is not None:
        features = features_of_one(spec, hook, rows, _own(joined))
        if features is not None:
            return Computed(features, {})
    if len(rows):
        within(0, len(rows))
    return Computed(together(spec, parts), failed)


def together(spec: FeaturesSpec, parts: Sequence[pa.Table]) -> pa.Table:
    """Return the rows of all parts; without any, the features of no rows."""
    if len(parts) == 1:
        return parts[0]
    none = pa.schema([(n, ARROW[c.kind]) for n, c in spec.columns.items()]).empty_table()
    return pa.concat_tables([none, *parts]).unify_dictionaries().combine_chunks()


def _refuse_many(failed: Mapping[int, HookError], rows: int) -> None:
    if len(failed) > MOST:
        first = next(iter(failed.values()))
        raise HookError(
            f"the features function fails for more than {MOST} of {rows:,} rows: {first}"
        )


def _own(joined: Mapping[str, Any]) -> dict[str, Any]:
    """Return copies: what a function changes in place must not be there at the next call."""
    return {
        name: [frame.copy() for frame in value] if isinstance(value, list) else value.copy()
        for name, value in joined.items()
    }
