"""Check: are a row's features the same alone, permuted and in its batch?

Belongs here: this check. Does not belong here: whether features may be known at all
(`target_leakage`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml_assets.stages.counted import counted
from ml_assets.stages.differing import compact, differing
from ml_assets.stages.hook import Hook, call, joined_frames
from ml_assets.stages.result import Check, Result

if TYPE_CHECKING:
    from ml_assets.spec.model import FeaturesSpec
    from ml_assets.stages.result import Handle

SAMPLE = 512
"""Evenly spaced rows of the batch that are recomputed together, permuted."""
ALONE = 3
"""Rows of the sample that are recomputed one by one."""


def check(
    spec: FeaturesSpec,
    *,
    hook: Hook | None = None,
    main: Handle,
    joins: Mapping[str, Handle],
    previous: Mapping[str, Sequence[Handle]],
    features: Handle,
) -> Result:
    """Failed if features of a row depend on other rows of its batch; names them, with counts.

    Joined datasets are passed whole, as when a single row is served. HookError if the function
    raises on a part of the batch.
    """
    cleaned = main.table()
    count = len(cleaned)
    if count == 0:
        verdict = Check("row_independence", None, "the batch has no rows")
        return Result({}, checks=(verdict,))
    rows = _sample(count)
    stored = features.table(list(spec.columns))
    joined = joined_frames(joins, previous)
    parts = [rows, *(rows[[at]] for at in np.linspace(0, len(rows) - 1, ALONE).astype(int))]
    most = dict.fromkeys(spec.columns, 0)
    for part in parts:
        again = call(spec, hook, compact(cleaned.take(pa.array(part))), joined)
        wanted = stored.take(pa.array(part))
        for name in spec.columns:
            most[name] = max(most[name], int(differing(again[name], wanted[name]).sum()))
    wrong = {name: number for name, number in most.items() if number}
    text = f"the same in its batch, permuted ({len(rows)} rows) and alone ({ALONE} rows)"
    if wrong:
        named = ", ".join(f"{name} ({counted(number, 'row')})" for name, number in wrong.items())
        text = f"differs when rows are permuted or alone: {named}; compute each row independently"
    facts = {"sample": len(rows), "alone": ALONE, "differing": wrong}
    return Result({}, checks=(Check("row_independence", not wrong, text, metadata=facts),))


def _sample(count: int) -> NDArray[np.int64]:
    """Return row numbers spread over the batch, in a fixed order other than the batch's."""
    rows = np.unique(np.linspace(0, count - 1, min(count, SAMPLE)).astype(np.int64))
    return np.random.default_rng(0).permutation(rows)
