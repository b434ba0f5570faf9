"""Check: is there a joined row that is new enough when each prediction is made?

Belongs here: this check. Does not belong here: ages (`moments`), what becomes of the batch
(`engine/recipes`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ml_assets.stages.counted import counted
from ml_assets.stages.moments import event_times, moments, stale
from ml_assets.stages.result import Check, Result
from ml_assets.stages.schema import LINE

if TYPE_CHECKING:
    from ml_assets.spec.model import AgesSpec
    from ml_assets.stages.result import Handle

NAME = "join_age"


def check(
    spec: AgesSpec,
    *,
    main: Handle,
    joins: Mapping[str, Handle],
    previous: Mapping[str, Sequence[Handle]],
) -> Result:
    """Failed if rows have no joined row up to their moment that is young enough.

    The result's `refused` says why the batch may not be used, None if it may.
    """
    table = main.table()
    refused: list[str] = []
    other: list[str] = []
    counts: dict[str, int] = {}
    for name, age in spec.joins.items():
        at = moments(age.at, table, f"{spec.model}: joins: at of {name}")
        handles = [joins[name], *previous.get(name, ())]
        times = [event_times(handle.table([age.time])[age.time]) for handle in handles]
        old = stale(at, times, age.max_age)
        counts[name] = int(old.sum())
        if old.any():
            said = f"{counted(counts[name], 'row has', 'rows have')} no row of {name} that is at "
            said += f"most {age.max_age} old, such as line {table[LINE][int(np.argmax(old))]}"
            (refused if age.stale == "refuse" else other).append(said)
    text = "; ".join([*refused, *other]) or "every row has joined rows that are new enough"
    facts = {"refused": "; ".join(refused) or None, "stale": counts}
    passed = not refused and not other
    verdict = Check(NAME, passed, text, "error" if refused else "warn", {"stale": counts})
    return Result({}, facts, (verdict,))
