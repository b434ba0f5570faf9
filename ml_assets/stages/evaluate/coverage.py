"""How often the true value of a test row is in its interval, or in its set of classes.

Belongs here: coverage and size by batch and slice, each with its interval, and the verdict. Does
not belong here: calibrating (`intervals`), words and tables for people (`coverage_page`).

Two intervals of each coverage: the exact one for a share of independent rows (Clopper and Pearson,
1934), and one by drawing whole days, since rows of a day depend on each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats

from ml_assets.stages.evaluate import bootstrap, words
from ml_assets.stages.evaluate.slices import FEW_ROWS, groups
from ml_assets.stages.intervals.apply import apply, classes
from ml_assets.stages.result import Result
from ml_assets.stages.train import folds
from ml_assets.stages.train.encode import Array
from ml_assets.stages.train.predict import predict

if TYPE_CHECKING:
    from ml_assets.spec.intervals import CoverageSpec
    from ml_assets.stages.result import Handle

TOLERANCE = 0.05
"""How far the share covered may be off what was asked for."""


@dataclass(frozen=True)
class Rows:
    """n test rows: whether each is covered, and the width or number of classes (NaN for none)."""

    covered: NDArray[np.bool_]
    size: Array
    batch: Sequence[str]
    draws: bootstrap.Draws | None
    """None where there are no days to draw: of rows, the exact interval says the same."""


def coverage(
    spec: CoverageSpec,
    *,
    family: Any,
    model: Handle,
    limits: Handle,
    test: Handle,
    features: Mapping[str, Handle],
) -> Result:
    """Return `coverage` (JSON): of all test rows, of each batch and of each slice, and a verdict.

    `limits` is the calibrated document, `family` the module of the model.
    """
    document, limit = model.json(), limits.json()
    rows, sliced, left_out = _read(spec, document, family, limit, test.table(), features)
    measured: dict[str, Any] = {
        "coverage": spec.coverage,
        "task": spec.task,
        "level": spec.level,
        "left_out": left_out,
        "limits": limit,
    }
    why = _unmeasured(spec, limit, len(rows.covered))
    if why is not None:
        measured |= {"calibrated": False, "text": f"not calibrated: {why}"}
        return Result({"coverage": measured}, {"calibrated": False})
    every = np.zeros(len(rows.covered), dtype=np.int64)
    (overall,) = _entries(spec, rows, ["all"], every)
    names = list(dict.fromkeys(rows.batch))
    place = np.array([names.index(name) for name in rows.batch], dtype=np.int64)
    measured |= {
        "all": overall,
        "batches": _entries(spec, rows, names, place) if any(names) else [],
        "slices": [
            {"slice": name, **entry}
            for name, column in sliced.items()
            for entry in _entries(spec, rows, *groups(column))
        ],
        "calibrated": overall["calibrated"],
        "text": _verdict(spec, overall),
    }
    return Result({"coverage": measured}, {"calibrated": overall["calibrated"]})


def exact(covered: int, rows: int, level: float) -> list[float]:
    """Return the exact interval of a share.

    >>> [round(end, 3) for end in exact(9, 10, 0.95)]
    [0.555, 0.997]
    """
    tail = (1.0 - level) / 2.0
    low = stats.beta.ppf(tail, covered, rows - covered + 1) if covered else 0.0
    high = stats.beta.ppf(1.0 - tail, covered + 1, rows - covered) if covered < rows else 1.0
    return [float(low), float(high)]


def _read(
    spec: CoverageSpec,
    document: Mapping[str, Any],
    family: Any,
    limit: Mapping[str, Any],
    test: pa.Table,
    features: Mapping[str, Handle],
) -> tuple[Rows, dict[str, pa.ChunkedArray], int]:
    """Return the test rows, their slices, and how many have no finite target."""
    inputs = sorted(document["columns"])
    names = {name: name if name in inputs else f"_slice_{name}" for name in spec.slices}
    columns = [*dict.fromkeys([*inputs, *names.values(), *limit["by"]]), "_time", "_target"]
    covered, size, batches, kept = [], [], [], []
    for batch, every in folds.read(test, features, columns):
        target = folds.labels(every, document["classes"])
        table, target = every.filter(pa.array(np.isfinite(target))), target[np.isfinite(target)]
        slices = {name: table[name].to_pylist() for name in limit["by"]}
        prediction = predict(document, family, table)
        inside, sizes = _covered(spec.task, limit, target, prediction, slices)
        covered.append(inside)
        size.append(sizes)
        batches += [batch] * len(table)
        kept.append(table.select([*dict.fromkeys(names.values()), "_time"]))
    whole = pa.concat_tables(kept).unify_dictionaries()
    time = np.asarray(whole["_time"].to_numpy(), dtype="datetime64[us]")
    draws = None
    if spec.block == "day" and len(np.unique(time[~np.isnat(time)].astype("datetime64[D]"))) > 1:
        draws = bootstrap.draw(time, spec.block, spec.resamples, spec.seed)
    rows = Rows(np.concatenate(covered), np.concatenate(size), batches, draws)
    total = int((test["stop"].to_numpy() - test["start"].to_numpy()).sum())
    return rows, {name: whole[column] for name, column in names.items()}, total - len(whole)


def _covered(
    task: str,
    limit: Mapping[str, Any],
    target: Array,
    prediction: Array,
    slices: Mapping[str, Sequence[Any]],
) -> tuple[NDArray[np.bool_], Array]:
    """Return whether each row is covered, and its width or number of classes."""
    if task == "regression":
        low, high = apply(limit, prediction, slices)
        return (low <= target) & (target <= high) | np.isnan(low), high - low
    inside = classes(limit, prediction, slices)
    place = np.where(target >= 0, target, 0).astype(np.int64)
    happened = inside[np.arange(len(target)), place] & (target >= 0)
    return happened, inside.sum(axis=1).astype(np.float64)


def _entries(
    spec: CoverageSpec, rows: Rows, labels: Sequence[str], group: NDArray[np.int64]
) -> list[dict[str, Any]]:
    """Return the coverage of each group of rows."""
    covered = rows.covered.astype(np.float64)
    spread: Array | None = None
    if rows.draws is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            hit = rows.draws.sums(covered, group, len(labels))
            spread = hit / rows.draws.sums(None, group, len(labels))
    entries = []
    for number, label in enumerate(labels):
        part = group == number
        count, inside = int(part.sum()), int(rows.covered[part].sum())
        share, days = inside / count, None
        if spread is not None and len(np.unique(_blocks(rows, part))) > 1:
            days = bootstrap.interval(spread[:, number], spec.level)
        entries.append(
            {
                "value": label,
                "rows": count,
                "covered": inside,
                "share": share,
                "exact": exact(inside, count, spec.level),
                "days": days,
                "size": float(np.nanmean(rows.size[part])),
                "few": count < FEW_ROWS,
                # A little more than 5 points by the arithmetic of floats alone is not off.
                "calibrated": abs(share - spec.coverage) <= TOLERANCE + 1e-9,
            }
        )
    return entries


def _blocks(rows: Rows, part: NDArray[np.bool_]) -> NDArray[np.int64]:
    assert rows.draws is not None
    return rows.draws.block[part]


def _unmeasured(spec: CoverageSpec, limit: Mapping[str, Any], rows: int) -> str | None:
    """Return why there is no coverage to measure, if so."""
    if rows == 0:
        return "no test row has a finite target"
    if limit["all"]["limit"] is not None:
        return None
    if spec.task == "regression":
        asked = words.level(spec.coverage)
        return f"{limit['rows']:,} rows are too few for intervals that cover {asked}"
    return f"every set has every class, by {limit['rows']:,} rows that calibrate"


def _verdict(spec: CoverageSpec, overall: Mapping[str, Any]) -> str:
    """Return the coverage in words; what is off by more than 5 points is not calibrated."""
    said = f"covers {overall['share']:.1%} of {overall['rows']:,} test rows"
    low, high = overall["days"] or overall["exact"]
    said += f" ({words.level(spec.level)} interval {low:.1%} to {high:.1%})"
    said += f", {words.level(spec.coverage)} was asked for"
    if overall["calibrated"]:
        return said
    if low <= spec.coverage <= high:
        said += "; with so few rows this may be chance"
    return f"not calibrated: {said}"
