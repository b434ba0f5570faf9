"""Check: does any single feature order the rows almost as the target does, over all batches?

Belongs here: this check. Does not belong here: leakage visible in names and sources
(`target_leakage`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.stats import rankdata, t

from ml_assets.stages.result import Check, Result
from ml_assets.stages.train.prepare import seconds

if TYPE_CHECKING:
    from ml_assets.spec.model import LeakageSpec
    from ml_assets.stages.result import Handle

Array = NDArray[np.float64]
LIMIT = 0.98
"""A feature is leakage from this rank correlation with a regression target, or area under the ROC
curve of a class."""
SAMPLE = 50_000
"""Labelled rows of all batches, evenly spaced in each, on which values are judged."""
LEAST, MOST = 500, 5_000
"""Fewest and most of them in one batch."""
FEW = 100
"""With fewer labelled rows values are not judged."""
FEW_OF_CLASS = 20
"""With fewer rows of a class, or of all others, it is not judged."""
FEW_BATCHES = 3
"""With fewer batches the interval is over rows, otherwise over batches."""
SURE = 1.96
WAY_OUT = (
    "remove it, or if its value is known in time, explain why in features.leakage.acknowledged"
)


@dataclass(frozen=True)
class Near:
    """How close a feature alone comes to the target, at most 1."""

    value: float
    least: float
    """The lower end of a 95 % interval."""
    batches: int = 1


def check(spec: LeakageSpec, *, features: Mapping[str, Handle]) -> Result:
    """Failed if a feature alone almost determines the target: the whole interval is beyond 0.98.

    |Spearman| for regression, otherwise AUC (of a class against the others), in each batch; the
    interval of their mean is Student's t over batches, with fewer than three that over rows. A
    category is encoded by its mean target on every second row and judged on the others. An
    acknowledged feature is named, not judged.
    """
    associations: dict[str, list[Near]] = {name: [] for name in spec.columns}
    size = min(max(SAMPLE // max(len(features), 1), LEAST), MOST)
    for handle in features.values():
        table = handle.table([*spec.columns, "_target"])
        table = table.filter(table["_target"].is_valid())
        if len(table) > size:
            table = table.take(pa.array(np.linspace(0, len(table) - 1, size).astype(np.int64)))
        if len(table) >= FEW:
            for name, near in _strongest(spec, table):
                associations[name].append(near)
    known = {name: _together(parts) for name, parts in associations.items() if parts}
    what = "|Spearman|" if spec.task == "regression" else "AUC"
    return Result({}, checks=(_verdict(spec, known, what),))


def _verdict(spec: LeakageSpec, known: Mapping[str, Near], what: str) -> Check:
    wrong, said = [], []
    for name, near in known.items():
        if near.least >= LIMIT and name not in spec.acknowledged:
            wrong.append(f"{name} alone almost determines the target ({_said(near, what)})")
    if wrong:
        said.append(f"{'; '.join(wrong)}; wanted below {LIMIT}: {WAY_OUT}")
    for name, reason in spec.acknowledged.items():
        figures = f" ({_said(known[name], what)})" if name in known else ""
        said.append(f"{name} is acknowledged{figures}: {reason}")
    if known:
        nearest = max(known, key=lambda name: known[name].value)
        said.append(f"closest to the target is {nearest} ({_said(known[nearest], what)})")
    else:
        said.append(f"no batch has {FEW} labelled rows, so values were not judged")
    facts = {
        "association": {name: near.value for name, near in known.items()},
        "at_least": {name: near.least for name, near in known.items()},
        "acknowledged": dict(spec.acknowledged),
        "limit": LIMIT,
    }
    return Check("single_feature_leakage", not wrong, "; ".join(said), metadata=facts)


def _said(near: Near, what: str) -> str:
    batches = "1 batch" if near.batches == 1 else f"{near.batches} batches"
    return f"{what} {near.value:.3f}, at least {near.least:.3f}, in {batches}"


def _together(parts: list[Near]) -> Near:
    """Return the mean over batches, and the lower end of its interval."""
    values = np.array([part.value for part in parts])
    mean, count = float(values.mean()), len(values)
    if count < FEW_BATCHES:
        return Near(mean, float(np.mean([part.least for part in parts])), count)
    error = float(values.std(ddof=1)) / math.sqrt(count)
    return Near(mean, mean - float(t.ppf(0.975, count - 1)) * error, count)


def _strongest(spec: LeakageSpec, table: pa.Table) -> Iterator[tuple[str, Near]]:
    """Yield how close each feature comes to the target in one batch, for classes the closest."""
    measure: Callable[[Array, Array], Near] = _auc
    if spec.task == "regression":
        targets = [np.asarray(table["_target"].to_numpy(), dtype=np.float64)]
        measure = _spearman
    else:
        values = table["_target"]
        classes = sorted(pc.unique(values).to_pylist())
        classes = classes[1:] if len(classes) <= 2 else classes
        targets = [np.asarray(pc.equal(values, c).to_numpy(), dtype=np.float64) for c in classes]
    for name, column in spec.columns.items():
        associations = [Near(0.0, 0.0)]
        for target in targets:
            value, rows = _numeric(table[name], column.kind, target)
            if len(rows) >= FEW:
                associations.append(measure(value, target[rows]))
        yield name, max(associations, key=lambda near: near.value)


def _numeric(column: pa.ChunkedArray, kind: str, target: Array) -> tuple[Array, NDArray[np.int64]]:
    """Return a feature as numbers, and the rows that have a value."""
    present = np.flatnonzero(column.is_valid().to_numpy())
    if kind in ("date", "timestamp"):
        return seconds(column.drop_null()).astype(np.float64), present
    if kind not in ("category", "text"):
        numbers = column.cast(pa.float64(), safe=False).to_numpy()
        return np.asarray(numbers[present], dtype=np.float64), present
    if kind == "text":
        column = column.combine_chunks().dictionary_encode()
        codes = column.indices.fill_null(-1).to_numpy()
    else:
        codes = column.combine_chunks().indices.fill_null(-1).to_numpy()
    learn, judge = present[::2], present[1::2]
    size = int(codes.max(initial=-1)) + 1
    count = np.bincount(codes[learn], minlength=size)
    total = np.bincount(codes[learn], weights=target[learn], minlength=size)
    overall = target[learn].mean() if len(learn) else 0.0
    mean = np.where(count > 0, total / np.maximum(count, 1), overall)
    return np.asarray(mean[codes[judge]], dtype=np.float64), judge


def _spearman(value: Array, target: Array) -> Near:
    """Return |Spearman's rank correlation|; 0 if one of the two is constant.

    Its interval is that of Fisher's z with variance 1.06 / (n - 3) (E. Fieller, H. Hartley,
    E. Pearson, Biometrika 44, 1957).
    """
    left, right = rankdata(value), rankdata(target)
    left, right = left - left.mean(), right - right.mean()
    size = float(np.sqrt((left**2).sum() * (right**2).sum()))
    if not size:
        return Near(0.0, 0.0)
    correlation = abs(float((left * right).sum())) / size
    z = math.atanh(min(correlation, 1 - 1e-12)) - SURE * math.sqrt(1.06 / (len(value) - 3))
    return Near(correlation, math.tanh(max(z, 0.0)))


def _auc(value: Array, target: Array) -> Near:
    """Return max(AUC, 1 - AUC) from ranks (Mann-Whitney); 0 if a class is too small.

    Its interval uses the standard error of J. Hanley and B. McNeil, Radiology 143, 1982.
    """
    ones = int(target.sum())
    others = len(target) - ones
    if min(ones, others) < FEW_OF_CLASS:
        return Near(0.0, 0.0)
    ranks = float(rankdata(value)[target == 1].sum())
    auc = (ranks - ones * (ones + 1) / 2) / (ones * others)
    auc = max(auc, 1 - auc)
    first, second = auc / (2 - auc) - auc**2, 2 * auc**2 / (1 + auc) - auc**2
    spread = auc * (1 - auc) + (ones - 1) * first + (others - 1) * second
    return Near(auc, auc - SURE * math.sqrt(max(spread, 0.0) / (ones * others)))
