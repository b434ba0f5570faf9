"""Check: in how many rows is everything missing that a joined dataset gives?

Belongs here: the share of such rows, by dataset. Does not belong here: single rows without a
partner, which are missing values like others (drift compares their share with the training rows').
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.stages.quality.words import percent
from ml_assets.stages.result import Check, Result
from ml_assets.stages.score.joins import missing

if TYPE_CHECKING:
    from ml_assets.spec.predictions import PredictionsSpec
    from ml_assets.stages.result import Handle

NAME = "missing_joins"
MOST = 0.5
"""The share of rows above which the check warns: a batch of the joined dataset is lacking."""


def check(spec: PredictionsSpec, *, inputs: Handle) -> Result:
    """Return the check `missing_joins`, a warning if a join is missing in more than half of rows.

    A join is missing in a row if all features are that the spec derives from it.
    """
    used = {name: columns for name, columns in spec.joins.items() if columns}
    table = inputs.table(sorted({column for columns in used.values() for column in columns}))
    rows = max(len(table), 1)
    share = {name: missing(table, columns) / rows for name, columns in used.items()}
    said = "; ".join(
        f"{name} is missing in {percent(part)} of the rows" for name, part in share.items()
    )
    passed = all(part <= MOST for part in share.values())
    verdict = Check(
        NAME, passed, said or "no feature is derived from a join", "warn", {"share": share}
    )
    return Result({}, checks=(verdict,))
