"""Check: does every row of a batch have a unique key?

Belongs here: recounting keys of cleaned rows. Does not belong here: keys across batches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.stages.counted import counted
from ml_assets.stages.result import Check, Result

if TYPE_CHECKING:
    from ml_assets.spec.dataset import CleanSpec
    from ml_assets.stages.result import Handle

NAME = "key_unique"


def check(spec: CleanSpec, *, cleaned: Handle) -> Result:
    """Return the check `key_unique`; not applicable to a dataset without a key.

    Rows that lack a part of the key have none, and are counted separately.
    """
    key = list(spec.contract.key)
    if not key:
        why = "the dataset has no key: its rows are known by their values, and equal ones are kept"
        return Result({}, checks=(Check(NAME, None, why),))
    table = cleaned.table(key)
    for position, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(position, field.name, table.column(position).cast(pa.string()))
    whole = table.drop_null()
    counts = whole.group_by(key).aggregate([([], "count_all")]).column("count_all")
    repeated = int(pc.sum(pc.subtract(counts, 1)).as_py() or 0)
    missing = table.num_rows - whole.num_rows
    metadata = {"rows": table.num_rows, "repeated": repeated, "without_key": missing}
    named = ", ".join(key)
    if repeated:
        said = (
            f"{repeated:,} of {table.num_rows:,} rows repeat a key ({named}), wanted none; "
            "this is a bug in ml_assets, please report it"
        )
        return Result({}, checks=(Check(NAME, False, said, metadata=metadata),))
    said = f"{counted(table.num_rows, 'row')}, all keys unique ({named})"
    said += (
        f"; {counted(missing, 'row has', 'rows have')} no key: a part of it is missing"
        if missing
        else ""
    )
    return Result({}, checks=(Check(NAME, True, said, metadata=metadata),))
