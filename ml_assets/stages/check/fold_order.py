"""Check: do train and validation end before test begins, by the rows' own times?

Folds in time follow the order of batches. A batch whose rows belong to another time than its
position suggests would let a model learn from the future of the rows on which it is judged.
Belongs here: times across folds. Does not belong here: keys (`fold_disjointness`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ml_assets.stages.result import Check, Result

if TYPE_CHECKING:
    from ml_assets.spec.split import SplitRule
    from ml_assets.stages.result import Handle

NAME = "fold_order"
Times = NDArray[np.int64]
"""(n,) microseconds since 1970, rows without a time left out."""


def check(
    spec: SplitRule,
    *,
    train: Handle,
    validation: Handle,
    test: Handle,
    features: Mapping[str, Handle],
) -> Result:
    """Failed if too many rows of a train or validation batch fall into the time of test.

    Test begins at the time before which the share `overlap` of its rows lies, since records
    arrive late; the same share of each batch may have that time or a later one. Not applicable to
    folds that are not whole batches, or without event times. One batch is in memory at a time,
    besides the times of test.
    """
    rule = spec.split
    if rule.kind != "time" or isinstance(rule.test, str):
        return _verdict(None, "folds are not made of whole batches in calendar order")
    judged = test.table()
    told = [times for _, times in _times(judged, features)]
    known = np.sort(np.concatenate([np.zeros(0, np.int64), *told]))
    if not len(known):
        return _verdict(None, "no row of test has an event time (`time` of the dataset)")
    start = known[int(rule.overlap * (len(known) - 1))]
    later = set(judged["batch"].to_pylist())
    wrong, late, rows = [], 0, 0
    for name, handle in (("train", train), ("validation", validation)):
        for batch, times in _times(handle.table(), features):
            if batch in later:
                # Rows of an older batch that were delivered again: their first place counts.
                continue
            beyond = int((times >= start).sum())
            late, rows = late + beyond, rows + len(times)
            if beyond > rule.overlap * len(times):
                wrong.append(f"{beyond:,} of {len(times):,} rows of {batch} ({name})")
    share = f"{100 * rule.overlap:g} %"
    metadata = {"rows": rows, "late": late, "batches": len(wrong)}
    if wrong:
        text = (
            f"in or after the time of test: {', '.join(wrong[:5])}"
            f"{', …' if len(wrong) > 5 else ''}; wanted at most {share} of a batch "
            "(split.overlap): their event times do not match their place in the calendar; "
            "correct or withdraw them, or set the calendar's order"
        )
        return _verdict(False, text, metadata)
    text = f"{late:,} of {rows:,} rows of train and validation are in or after the time of test"
    return _verdict(True, f"{text}, wanted at most {share} of a batch", metadata)


def _verdict(passed: bool | None, text: str, metadata: Mapping[str, int] | None = None) -> Result:
    return Result({}, checks=(Check(NAME, passed, text, metadata=metadata or {}),))


def _times(references: pa.Table, features: Mapping[str, Handle]) -> Iterator[tuple[str, Times]]:
    """Yield (batch, event times of its referenced rows)."""
    for batch in dict.fromkeys(references["batch"].to_pylist()):
        mine = references.filter(pc.equal(references["batch"], batch))
        time = features[batch].table(["_time"])["_time"]
        spans = zip(mine["start"].to_pylist(), mine["stop"].to_pylist(), strict=True)
        parts = [time.slice(start, stop - start).chunks for start, stop in spans]
        times = pa.chunked_array([c for part in parts for c in part], time.type).drop_null()
        yield batch, np.asarray(times.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy())
