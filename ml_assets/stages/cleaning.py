"""The declared cleaning steps, applied to a raw table in order.

Belongs here: one function per step. Does not belong here: excluding rows, rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.stages.schema import category

if TYPE_CHECKING:
    from ml_assets.spec.steps import Step


def apply(steps: Sequence[Step], table: pa.Table) -> pa.Table:
    """Return the table after all steps; the number and order of rows stay.

    A text that is empty after `strip` is missing.
    """
    for step in steps:
        for name in step.columns:
            position = table.schema.get_field_index(name)
            field = table.schema.field(position)
            texts = pa.types.is_dictionary(field.type)
            array = table.column(position).combine_chunks()
            done = _step(step, array.cast(pa.string()) if texts else array)
            table = table.set_column(position, field, category(done) if texts else done)
    return table


def _step(step: Step, array: pa.Array) -> pa.Array:
    if step.op == "strip":
        stripped = pc.utf8_trim_whitespace(array)
        return pc.if_else(pc.equal(stripped, ""), pa.scalar(None, pa.string()), stripped)
    if step.op == "upper":
        return pc.utf8_upper(array)
    if step.op == "lower":
        return pc.utf8_lower(array)
    if step.op == "replace":
        old = pa.array(list(step.values), pa.string())
        new = pa.array(list(step.values.values()), pa.string())
        places = pc.index_in(array, old)
        return pc.if_else(pc.is_valid(places), new.take(places), array)
    return pc.fill_null(array, pa.scalar(step.value, array.type))
