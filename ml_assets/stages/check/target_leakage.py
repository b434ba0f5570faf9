"""No feature is known only after the prediction, and none gives the target away.

Belongs here: this check. Does not belong here: withholding columns from the user's function
(`hook`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.stats import rankdata

from ml_assets.stages.result import Check, Result

if TYPE_CHECKING:
    from ml_assets.spec.model import FeaturesSpec
    from ml_assets.stages.result import Handle

Array = NDArray[np.float64]
SPEARMAN = 0.98
"""Rank correlation of one feature with a regression target from which it counts as leakage."""
AUC = 0.98
"""Area under the ROC curve of one feature for a class from which it counts as leakage."""
SAMPLE = 5_000
"""Labelled rows, spread evenly over the batch, by which values are judged."""
FEW = 100
"""With fewer labelled rows nothing is said about values."""
FEW_OF_CLASS = 20
"""With fewer rows of a class, or of all others, nothing is said about it."""


def check(spec: FeaturesSpec, *, features: Handle) -> Result:
    """Red when a feature is, comes from, or behaves like what is known only later.

    A feature must not have the name of a withheld column, nor list one in its `sources`, nor
    order the rows almost as the target does: |Spearman| >= 0.98 for regression, AUC >= 0.98 (or
    <= 0.02) for a class. A category is taken by its mean target on every second row and judged
    on the others.
    """
    wrong = list(_declared(spec))
    table = features.table([*spec.columns, "_target"])
    table = table.filter(table["_target"].is_valid())
    labelled = len(table)
    if labelled > SAMPLE:
        table = table.take(pa.array(np.linspace(0, labelled - 1, SAMPLE).astype(np.int64)))
    strongest = _strongest(spec, table) if len(table) >= FEW else {}
    limit, what = (SPEARMAN, "|Spearman|") if spec.task == "regression" else (AUC, "AUC")
    for name, value in strongest.items():
        if value >= limit:
            wrong.append(f"{name} alone almost gives the target ({what} {value:.3f} >= {limit})")
    withheld = ", ".join(f"{name} ({moment})" for name, moment in spec.withheld.items())
    text = f"withheld: {withheld or 'nothing'}"
    if strongest:
        name = max(strongest, key=strongest.__getitem__)
        text += f"; nearest to the target is {name} with {what} {strongest[name]:.3f}"
    else:
        text += f"; too few labelled rows ({labelled}) to judge values"
    if wrong:
        text = f"{'; '.join(wrong)}; {text}"
    facts = {"withheld": dict(spec.withheld), "association": strongest, "limit": limit}
    return Result({}, checks=(Check("target_leakage", not wrong, text, metadata=facts),))


def _declared(spec: FeaturesSpec) -> Iterator[str]:
    """Yield what the names and sources of the features give away."""
    for name, column in spec.columns.items():
        if name in spec.withheld:
            yield f"{name} has the name of a column known only at {spec.withheld[name]}"
        for source in column.sources:
            dataset, _, raw = source.partition(".")
            if dataset == spec.dataset and raw in spec.withheld:
                yield f"{name} comes from {source}, known only at {spec.withheld[raw]}"


def _strongest(spec: FeaturesSpec, table: pa.Table) -> dict[str, float]:
    """Return how near each feature alone comes to the target, at most 1."""
    if spec.task == "regression":
        targets = [np.asarray(table["_target"].to_numpy(), dtype=np.float64)]
        measure = _spearman
    else:
        values = table["_target"]
        classes = sorted(pc.unique(values).to_pylist())
        classes = classes[1:] if len(classes) <= 2 else classes
        targets = [np.asarray(pc.equal(values, c).to_numpy(), dtype=np.float64) for c in classes]
        measure = _auc
    found: dict[str, float] = {}
    for name, column in spec.columns.items():
        scores = []
        for target in targets:
            value, rows = _numeric(table[name], column.type, target)
            if len(rows) >= FEW:
                scores.append(measure(value, target[rows]))
        found[name] = float(max(scores, default=0.0))
    return found


def _numeric(column: pa.ChunkedArray, kind: str, target: Array) -> tuple[Array, NDArray[np.int64]]:
    """Return a feature as numbers, and the rows they are for: those with a value."""
    present = np.flatnonzero(column.is_valid().to_numpy())
    if kind != "category":
        numbers = column.cast(pa.float64(), safe=False).to_numpy()
        return np.asarray(numbers[present], dtype=np.float64), present
    codes = column.combine_chunks().indices.fill_null(-1).to_numpy()
    learn, judge = present[::2], present[1::2]
    size = int(codes.max(initial=-1)) + 1
    count = np.bincount(codes[learn], minlength=size)
    total = np.bincount(codes[learn], weights=target[learn], minlength=size)
    overall = target[learn].mean() if len(learn) else 0.0
    mean = np.where(count > 0, total / np.maximum(count, 1), overall)
    return np.asarray(mean[codes[judge]], dtype=np.float64), judge


def _spearman(value: Array, target: Array) -> float:
    """Return |Spearman's rank correlation|; 0 where one of the two is constant."""
    left, right = rankdata(value), rankdata(target)
    left, right = left - left.mean(), right - right.mean()
    size = float(np.sqrt((left**2).sum() * (right**2).sum()))
    return abs(float((left * right).sum())) / size if size else 0.0


def _auc(value: Array, target: Array) -> float:
    """Return max(AUC, 1 - AUC) from ranks (Mann-Whitney); 0 where a class is too small."""
    positives = int(target.sum())
    negatives = len(target) - positives
    if min(positives, negatives) < FEW_OF_CLASS:
        return 0.0
    ranks = float(rankdata(value)[target == 1].sum())
    auc = (ranks - positives * (positives + 1) / 2) / (positives * negatives)
    return max(auc, 1 - auc)
