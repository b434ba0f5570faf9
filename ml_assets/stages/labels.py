"""Labels that arrive after their rows: what waits for them, and which rows have none.

Belongs here: the rules that read a label-time column, apart from all others. Does not belong here:
which columns those are (`spec.labels`), what becomes of a row (`clean`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from ml_assets.stages.contract import broken, rules
from ml_assets.stages.schema import category

if TYPE_CHECKING:
    from ml_assets.spec.dataset import CleanSpec, Contract, Labels

FREE = {"nullable": True, "range": None, "allowed": None, "pattern": None}
"""A column without rules."""


def at_once(contract: Contract, labels: Labels) -> Contract:
    """Return the part of a contract that a row must satisfy before its label is there."""
    columns = {
        name: column.model_copy(update=FREE) if name in labels.columns else column
        for name, column in contract.columns.items()
    }
    kept = tuple(rule for rule in contract.rules if rule.id not in labels.rules)
    return contract.model_copy(update={"columns": columns, "rules": kept})


def with_labels(contract: Contract, labels: Labels) -> Contract:
    """Return the part of a contract that reads label-time columns."""
    columns = {name: contract.columns[name] for name in labels.columns}
    kept = tuple(rule for rule in contract.rules if rule.id in labels.rules)
    return contract.model_copy(update={"columns": columns, "key": (), "rules": kept})


def reasons(
    spec: CleanSpec, frame: pd.DataFrame, excluded: Sequence[str | None]
) -> tuple[pa.Array, dict[str, int]]:
    """Return why each row of a cleaned frame has no label (null where it has), and rows warned of.

    In this order: the first filter that would exclude it (`excluded`), the first rule that it
    breaks, `COLUMN missing` where no model's target can be computed.
    """
    assert spec.labels is not None
    said: npt.NDArray[Any] = np.array(excluded, dtype=object)
    later = with_labels(spec.contract, spec.labels)
    warns = {rule.id: rule.warn for rule in rules(later)}
    warned: dict[str, int] = {}
    for name, mask in broken(later, frame).items():
        if warns[name]:
            warned[name] = int(mask.sum())
        else:
            said[mask & pd.isna(said)] = name
    absent = [_absent(frame, target) for target in spec.labels.targets]
    if absent:
        nowhere = np.logical_and.reduce([~pd.isna(names) for names in absent])
        rows = nowhere & pd.isna(said)
        said[rows] = absent[0][rows]
    return category(pa.array(said, pa.string())), warned


def _absent(frame: pd.DataFrame, target: Sequence[str]) -> npt.NDArray[Any]:
    """Return for each row `COLUMN missing` of the first column of a target that it lacks."""
    missing = np.full(len(frame), None, dtype=object)
    for name in target:
        missing[frame[name].isna().to_numpy() & pd.isna(missing)] = f"{name} missing"
    return missing


def counts(unlabelled: pa.Array | pa.ChunkedArray) -> dict[str, int]:
    """Return the rows without a label by reason."""
    tally = Counter(text for text in unlabelled.to_pylist() if text is not None)
    return {reason: tally[reason] for reason in sorted(tally)}
