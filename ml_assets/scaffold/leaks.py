"""Which columns alone come close to the target: measured as the check of trained features does.

Belongs here: the measure on rows not yet split. Does not belong here: what is done about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.scaffold.target import Target
from ml_assets.spec.columns import ColumnType
from ml_assets.spec.model import FeatureColumn, LeakageSpec
from ml_assets.stages.check.single_feature_leakage import LIMIT, check
from ml_assets.stages.memory import InMemory

SHARE = 0.98
"""Of several classes, the share of rows whose class a column must tell to be a leak."""


@dataclass(frozen=True)
class Leak:
    """A column that alone tells the target, or some of its classes."""

    why: str
    whole: bool
    """Whether it tells the target of nearly every row."""


def leaks_of(target: Target, table: pa.Table, types: Mapping[str, ColumnType]) -> dict[str, Leak]:
    """Return the columns that come too close to the target, with the evidence."""
    columns, read = {}, {}
    for name, kind in types.items():
        values = table[name].combine_chunks()
        if kind in ("text", "category"):
            columns[name] = FeatureColumn(type="category")
            read[name] = _coded(values)
        else:
            columns[name] = FeatureColumn(type="number")
            read[name] = _numbers(values)
    labels = target.labels.cast(pa.int8()) if target.task == "binary" else target.labels
    spec = LeakageSpec(task=target.task, columns=columns, acknowledged={})
    outcome = check(spec, features={"": InMemory(pa.table({**read, "_target": labels}))})
    near = outcome.checks[0].metadata["association"]
    sure = outcome.checks[0].metadata["at_least"]
    what = "|Spearman|" if target.task == "regression" else "AUC"
    leaks = {}
    for name in near:
        if sure[name] >= LIMIT:
            said = f"{what} {near[name]:.3f}, at least {sure[name]:.3f}"
            whole = target.task != "multiclass" or _told(read[name], labels) >= SHARE
            leaks[name] = Leak(said, whole)
    return leaks


def _told(values: pa.Array, labels: pa.Array) -> float:
    """Return the share of rows whose class is the usual one of their value; judged on other rows.

    Numbers are cut into a hundred ranges.
    """
    present = pc.and_(values.is_valid(), labels.is_valid())
    values, labels = values.filter(present), labels.filter(present)
    if pa.types.is_dictionary(values.type):
        codes = values.indices.to_numpy()
    else:
        numbers = values.to_numpy()
        codes = np.searchsorted(np.unique(np.quantile(numbers, np.linspace(0, 1, 100))), numbers)
    classes = labels.dictionary_encode().indices.to_numpy()
    counts = np.zeros((int(codes.max()) + 1, int(classes.max()) + 1), dtype=np.int64)
    np.add.at(counts, (codes[::2], classes[::2]), 1)
    return float((counts.argmax(axis=1)[codes[1::2]] == classes[1::2]).mean())


def _coded(values: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        return values
    return values.cast(pa.string()).dictionary_encode()


def _numbers(values: pa.Array) -> pa.Array:
    if pa.types.is_temporal(values.type):
        width = pa.int32() if pa.types.is_date32(values.type) else pa.int64()
        values = values.cast(width)
    return values.cast(pa.float64(), safe=False)
