"""What came true of a batch's predictions: metrics with intervals, by slice, and calibration.

Belongs here: predictions against the labels that there are. Does not belong here: definitions of
metrics, estimates without labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml_assets.faults import StageError
from ml_assets.stages import metrics
from ml_assets.stages.counted import counted
from ml_assets.stages.evaluate import bootstrap, parts, slices
from ml_assets.stages.evaluate.protected import Judged
from ml_assets.stages.evaluate.protected import measured as compared
from ml_assets.stages.evaluate.rows import PredictedRows
from ml_assets.stages.metrics import Array
from ml_assets.stages.result import Result
from ml_assets.stages.schema import LINE
from ml_assets.stages.score.answer import PREDICTION, PROBABILITY
from ml_assets.stages.score.batch import SEEN
from ml_assets.stages.train import folds, threshold

if TYPE_CHECKING:
    from ml_assets.spec.monitored import RealizedBySpec
    from ml_assets.spec.protected import ProtectedSpec
    from ml_assets.stages.result import Handle

FEWEST = 2
"""Labelled rows that are needed for a metric with an interval."""


@dataclass(frozen=True)
class Measured:
    """Labelled rows that the model was not trained on, as `metrics` takes them."""

    target: Array
    prediction: Array
    table: pa.Table
    """The features of these rows."""
    draws: bootstrap.Draws
    at: float
    """The threshold of two classes."""


def by_slice(
    spec: RealizedBySpec, *, predictions: Handle, features: Handle, model: Handle | None
) -> Result:
    """Return `realized` (JSON); what cannot be computed is in "not_computed" with the reason.

    {"labels": {"rows", "labelled", "seen", "measured", "share"}, "metrics": {name: {"value",
    "low", "high", "rows"}}, "slices": [{"slice", "value", "rows", "metric", "low", "high",
    "few"}], "calibration": {"rows", "said", "observed", "error", "interval"} or None,
    "not_computed"}. `model` is the document of the model; without it the threshold of two classes
    counts as 0.5. StageError if the rows are not those of the predictions.
    """
    said, table = predictions.table(), features.table()
    if not said[LINE].equals(table[LINE]):
        raise StageError("the predictions are of other rows than the features; run both again")
    labelled = table["_target"].is_valid().to_numpy()
    seen = said[SEEN].to_numpy()
    rows = np.flatnonzero(labelled & ~seen)
    document: dict[str, Any] = {
        "labels": {
            "rows": len(said),
            "labelled": int(labelled.sum()),
            "seen": int((labelled & seen).sum()),
            "measured": len(rows),
            "share": int(labelled.sum()) / max(len(said), 1),
        },
        "metrics": {},
        "slices": [],
        "calibration": None,
        "not_computed": [],
    }
    lacking = document["not_computed"]
    at = metrics.HALF if model is None else threshold.of(model.json())
    if spec.protected is not None:
        kept = np.flatnonzero(~seen)
        document["protected"] = _protected(spec.protected, spec, said, table, kept, at)
    if len(rows) < FEWEST:
        lacking.append({"what": "realized metrics", "why": _too_few(document["labels"])})
        return Result({"realized": document}, document["labels"])
    measured = _measured(spec, said, table, rows, at)
    document["metrics"], notes = _metrics(spec, measured)
    lacking += [{"what": "realized metrics", "why": note} for note in notes]
    if document["metrics"].get(spec.metric, {}).get("value") is not None:
        document["slices"], left_out = _slices(spec, measured)
        lacking += left_out
    document["calibration"] = _calibration(spec, measured)
    return Result({"realized": document}, document["labels"])


def _too_few(labels: dict[str, Any]) -> str:
    if not labels["labelled"]:
        return f"none of {counted(labels['rows'], 'row')} has a label yet"
    return (
        f"{counted(labels['measured'], 'row')} with a label that the model was not trained on, "
        f"wanted at least {FEWEST}"
    )


def _protected(
    asked: ProtectedSpec,
    spec: RealizedBySpec,
    said: pa.Table,
    table: pa.Table,
    rows: NDArray[np.int64],
    at: float,
) -> dict[str, Any] | None:
    """Return the protected groups of rows that the model was not trained on, labelled or not."""
    if len(rows) < FEWEST:
        return None
    taken = _measured(spec, said, table, rows, at)
    labelled = taken.table["_target"].is_valid().to_numpy()
    judged = Judged(taken.target, taken.prediction, labelled, taken.draws, at)
    columns = {
        name: taken.table[name if name in taken.table.column_names else f"_slice_{name}"]
        for name in asked.columns
    }
    return compared(asked, judged, columns)


def _measured(
    spec: RealizedBySpec, said: pa.Table, table: pa.Table, rows: NDArray[np.int64], at: float
) -> Measured:
    taken = pa.array(rows)
    said, table = said.take(taken), table.take(taken)
    classes = [
        name.removeprefix(PROBABILITY) for name in said.column_names if name.startswith(PROBABILITY)
    ]
    target = folds.labels(table.select(["_target"]), classes)
    names = [f"{PROBABILITY}{name}" for name in classes] or [PREDICTION]
    values = np.column_stack([said[name].to_numpy() for name in names])
    time = np.asarray(table["_time"].to_numpy(), dtype="datetime64[us]")
    asked = spec.intervals
    draws = bootstrap.draw(time, asked.block, asked.resamples, spec.seed)
    return Measured(target, values if classes else values[:, 0], table, draws, at)


def _metrics(spec: RealizedBySpec, rows: Measured) -> tuple[dict[str, Any], list[str]]:
    """Return each metric with its interval; the interval is None where it would have no width."""
    values, notes = metrics.measure(spec.task, rows.target, rows.prediction, spec.asked, rows.at)
    every = np.zeros(len(rows.target), np.int64)
    several = len(np.unique(rows.draws.block)) > 1
    measured = {}
    for name, value in values.items():
        around = None
        if value is not None and several:
            spread = bootstrap.distribution(
                name, rows.target, rows.prediction, rows.draws, every, 1, rows.at
            )
            around = bootstrap.interval(spread[:, 0], spec.intervals.level)
        low, high = around or (None, None)
        measured[name] = {"value": value, "low": low, "high": high, "rows": len(rows.target)}
    return measured, notes


def _slices(spec: RealizedBySpec, rows: Measured) -> tuple[list[dict[str, Any]], list[Any]]:
    """Return the metric of each value of each slice, the worst first, and those left out."""
    entries, lacking = [], []
    for name in spec.slices:
        column = name if name in rows.table.column_names else f"_slice_{name}"
        if column not in rows.table.column_names:
            why = "the features of the model that predicted do not have it"
            lacking.append({"what": f"metrics by {name}", "why": why})
            continue
        entries += [
            {
                "slice": name,
                "value": entry["value"],
                "rows": entry["rows"],
                "metric": entry["metrics"][spec.metric],
                "low": (entry["interval"] or [None, None])[0],
                "high": (entry["interval"] or [None, None])[1],
                "few": entry["few"],
            }
            for entry in slices.measure(
                name,
                _as_rows(rows, name, column),
                spec.task,
                spec.metric,
                rows.draws,
                spec.intervals.level,
            )
        ]
    return entries, lacking


def _as_rows(rows: Measured, name: str, column: str) -> PredictedRows:
    """Return rows as `slices.measure` takes them; there is no baseline, so the model is its own."""
    return PredictedRows(
        target=rows.target,
        prediction=rows.prediction,
        baselines={"": rows.prediction},
        time=np.empty(0, dtype="datetime64[us]"),
        slices={name: rows.table[column]},
        classes=(),
        sampled=rows.table.slice(0, 0),
        place=np.empty(0, dtype=np.int64),
        table=rows.table,
        at=rows.at,
        baselines_at={"": rows.at},
    )


def _calibration(spec: RealizedBySpec, rows: Measured) -> dict[str, Any]:
    """Return what was said and what was observed in at most ten groups by prediction.

    Of several classes: how likely the likeliest was said to be, and how often it was right.
    """
    predicted, observed = rows.prediction, rows.target
    if predicted.ndim == 2:
        predicted, observed = predicted.max(axis=1), metrics.hits(observed, predicted)
    group = parts.tenths(predicted)
    count = int(group.max()) + 1
    size = np.bincount(group)
    gap = np.bincount(group, predicted - observed) / size
    by_draw = np.abs(rows.draws.sums(predicted - observed, group, count)).sum(axis=1)
    by_draw /= np.maximum(rows.draws.sums(None, group, count).sum(axis=1), 1.0)
    return {
        "rows": size.tolist(),
        "said": parts.means(predicted, group, count),
        "observed": parts.means(observed, group, count),
        "error": float((np.abs(gap) * size).sum() / len(predicted)),
        "interval": bootstrap.interval(by_draw, spec.intervals.level),
    }
