"""Metrics and selection rates by protected group, with intervals, and how far apart groups are.

Belongs here: figures of rows by group. Does not belong here: which columns are protected (the
spec), words (`protected_page`), the rule (`gate/rules`).

The rates are those of M. Hardt, E. Price, N. Srebro, Equality of Opportunity in Supervised
Learning, 2016: of all rows the share that is selected (demographic parity), of true rows and of
false ones the share that is (equalized odds). Groups of few rows are shown, and not compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml_assets.stages.evaluate import bootstrap
from ml_assets.stages.evaluate.slices import FEW_ROWS, groups
from ml_assets.stages.metrics import Array
from ml_assets.stages.result import Result
from ml_assets.stages.train import folds, threshold
from ml_assets.stages.train.predict import predict

if TYPE_CHECKING:
    from ml_assets.spec.protected import ProtectedSpec
    from ml_assets.stages.result import Handle

METRIC = "metric"
RATES = ("selected", "true_positive", "false_positive")


@dataclass(frozen=True)
class Judged:
    """n rows as `metrics` takes them; `labelled` (n,) is where the target is known."""

    target: Array
    prediction: Array
    labelled: NDArray[np.bool_]
    draws: bootstrap.Draws
    at: float
    """The threshold of two classes."""


def protected(
    spec: ProtectedSpec, *, family: Any, model: Handle, test: Handle, features: Mapping[str, Handle]
) -> Result:
    """Return `protected` (JSON) of the test rows: {"metric", "level", "columns": see `by_group`}.

    `family` is the module of the model.
    """
    document = model.json()
    inputs = sorted(document["columns"])
    names = {name: name if name in inputs else f"_slice_{name}" for name in spec.columns}
    columns = [*dict.fromkeys([*inputs, *names.values()]), "_time", "_target"]
    targets, said, kept = [], [], []
    for _, every in folds.read(test.table(), features, columns):
        target = folds.labels(every, document["classes"])
        table = every.filter(pa.array(np.isfinite(target)))
        targets.append(target[np.isfinite(target)])
        said.append(predict(document, family, table))
        kept.append(table.select([*dict.fromkeys(names.values()), "_time"]))
    whole = pa.concat_tables(kept).unify_dictionaries()
    time = np.asarray(whole["_time"].to_numpy(), dtype="datetime64[us]")
    target = np.concatenate(targets)
    rows = Judged(
        target,
        np.concatenate(said),
        np.ones(len(target), dtype=bool),
        bootstrap.draw(time, spec.block, spec.resamples, spec.seed),
        threshold.of(document),
    )
    return Result({"protected": measured(spec, rows, {n: whole[c] for n, c in names.items()})})


def measured(
    spec: ProtectedSpec, rows: Judged, columns: Mapping[str, pa.ChunkedArray]
) -> dict[str, Any]:
    """Return the document of rows; `columns` are the protected ones."""
    return {
        "metric": spec.metric,
        "level": spec.level,
        "columns": [
            {"column": name, **by_group(spec, rows, column, hidden=name in spec.sensitive)}
            for name, column in columns.items()
        ],
    }


def by_group(
    spec: ProtectedSpec, rows: Judged, column: pa.ChunkedArray, *, hidden: bool
) -> dict[str, Any]:
    """Return {"groups": [{"group", "rows", "few", "values"}], "apart"}.

    "values" are {name: {"value", "low", "high"}} of the metric and, of two classes, of the rates;
    "apart" is the largest difference between groups that are not few, likewise by name. Names of
    groups that are `hidden` are numbers, the largest group first.
    """
    labels, code = groups(column)
    if hidden:
        order = np.argsort(-np.bincount(code, minlength=len(labels)), kind="stable")
        code = np.argsort(order, kind="stable")[code]
        labels = [f"group {number}" for number in range(1, len(labels) + 1)]
    counts = np.bincount(code, minlength=len(labels))
    known = np.bincount(code[rows.labelled], minlength=len(labels))
    whole = bootstrap.Draws(rows.draws.block, np.ones((1, rows.draws.counts.shape[1])), "")
    point = _values(spec, rows, whole, code, len(labels))
    drawn = _values(spec, rows, rows.draws, code, len(labels))
    several = len(np.unique(rows.draws.block)) > 1

    def entry(name: str, value: float, spread: Array) -> dict[str, Any]:
        around = bootstrap.interval(spread, spec.level) if several else None
        low, high = around or (None, None)
        if not np.isfinite(value):
            return {"value": None, "low": None, "high": None}
        return {"value": float(value), "low": low, "high": high}

    def compared(name: str) -> list[int]:
        rows_ = counts if name == RATES[0] else known
        return [
            n for n in range(len(labels)) if rows_[n] >= FEW_ROWS and np.isfinite(point[name][0, n])
        ]

    return {
        "groups": [
            {
                "group": label,
                "rows": int(counts[n]),
                "few": bool(counts[n] < FEW_ROWS),
                "values": {
                    name: entry(name, point[name][0, n], drawn[name][:, n]) for name in point
                },
            }
            for n, label in enumerate(labels)
        ],
        "apart": {
            name: entry(name, _apart(point[name][:, there])[0], _apart(drawn[name][:, there]))
            for name in point
            if len(there := compared(name)) > 1
        },
    }


def _apart(values: Array) -> Array:
    """Return the largest difference between groups, by draw; NaN where one has no value."""
    return np.asarray(values.max(axis=1) - values.min(axis=1), dtype=np.float64)


def _values(
    spec: ProtectedSpec, rows: Judged, draws: bootstrap.Draws, code: Any, count: int
) -> dict[str, Array]:
    """Return each figure by draw and group: (draws, groups)."""
    values = {}
    known = rows.labelled
    if known.any():
        values[METRIC] = bootstrap.distribution(
            spec.metric,
            rows.target[known],
            rows.prediction[known],
            draws.of(known),
            code[known],
            count,
            rows.at,
        )
    if spec.task == "binary":
        chosen = rows.prediction >= rows.at
        true, false = known & (rows.target == 1.0), known & (rows.target == 0.0)
        every = np.ones(len(code), dtype=bool)
        for name, among in zip(RATES, (every, true, false), strict=True):
            with np.errstate(divide="ignore", invalid="ignore"):
                values[name] = draws.sums((chosen & among).astype(np.float64), code, count)
                values[name] /= draws.sums(among.astype(np.float64), code, count)
    return values


def shown(name: str, metric: str) -> str:
    """Return what a figure is called.

    >>> shown("metric", "log_loss"), shown("true_positive", "auc")
    ('log_loss', 'true positive')
    """
    return metric if name == METRIC else name.replace("_", " ")


def names(document: Mapping[str, Any]) -> Sequence[str]:
    """Return the figures that a column's groups have."""
    there = document["groups"][0]["values"] if document["groups"] else ()
    # JSON does not keep their order.
    return [name for name in (METRIC, *RATES) if name in there]
