"""Check: how many rows have a category that their scorer never saw in training?

Belongs here: the share of such rows. Does not belong here: what a model does with them (it takes
the value as missing).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ml_assets.stages.quality.words import percent
from ml_assets.stages.result import Check, Result

if TYPE_CHECKING:
    from ml_assets.spec.predictions import PredictionsSpec
    from ml_assets.stages.result import Handle

NAME = "unseen_categories"
MOST = 0.05
"""The share of rows above which the check warns."""


def check(spec: PredictionsSpec, *, predictions: Handle) -> Result:
    """Return the check `unseen_categories`, a warning if more than 5 % of the rows have one."""
    column = predictions.table(["unseen"])["unseen"]
    rows = column.length() - column.null_count
    share = rows / max(column.length(), 1)
    by = Counter(name for names in column.drop_null().to_pylist() for name in names.split(", "))
    said = f"{percent(share)} of the rows have a category that the model never saw"
    if by:
        said += f" ({', '.join(f'{name} {count:,}' for name, count in sorted(by.items()))})"
    facts = {"rows": rows, "share": share, "features": dict(sorted(by.items()))}
    passed = share <= MOST
    return Result({}, checks=(Check(NAME, passed, said, "warn", facts),))
