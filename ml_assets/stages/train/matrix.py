"""Features as one matrix of numbers, for learners that know no categories.

Belongs here: categories as columns of numbers, learned from the rows of one fold. Does not belong
here: missing numbers, which stay NaN (trees send them to a side of their own).

A category of at most `one_hot` values becomes a column for each value. One of more values becomes
the mean of the target (for each class its share), shrunk towards the overall mean; while learning,
a row's own target is left out: its mean is that of the rows in the other parts of the fold. A
missing or never-seen value counts as a value of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml_assets.stages.train.encode import Array, values

if TYPE_CHECKING:
    from ml_assets.stages.train.folds import Context

Inputs = Sequence[Mapping[str, Any]]
"""What each column of a matrix is: `column` as it is, or looked up in `table` by its code + 1."""
_SMOOTH = 10.0
"""Weight of the overall mean in a category's own, in rows of average weight."""
_PARTS = 5


def learn(
    table: pa.Table,
    target: Array,
    weight: Array | None,
    context: Context,
    one_hot: int,
    *,
    as_codes: int = 0,
) -> tuple[Array, list[dict[str, Any]]]:
    """Return the matrix (n, width) of encoded rows to learn from, and its inputs for `matrix`.

    Categories of at most `as_codes` values stay codes, for learners that know them.
    """
    inputs: list[dict[str, Any]] = []
    columns: list[Array] = []
    for name, kind in context.columns.items():
        column = values(table, name)
        known = len(context.categories.get(name, ()))
        if kind != "category" or (as_codes and known <= as_codes):
            inputs.append({"column": name})
            columns.append(column)
            continue
        place, count = _places(column), known + 1
        if count - 1 <= one_hot:
            # Of two values one column says all; the other would be its mirror image.
            for code in range(1, 2 if count == 3 else count):
                inputs.append({"column": name, "table": list(np.eye(count)[code])})
                columns.append((place == code).astype(np.float64))
            continue
        for answer in _answers(target, context):
            whole, kept_out = _means(place, count, answer, weight, context.seed)
            inputs.append({"column": name, "table": whole.tolist()})
            columns.append(kept_out)
    if not columns:
        # No category has a value: a learner needs a column all the same.
        (name, *_) = context.columns
        return values(table, name)[:, None], [{"column": name}]
    return np.column_stack(columns), inputs


def with_tables(inputs: Inputs) -> list[tuple[str, Array | None]]:
    """Return the inputs as names and tables, ready for `matrix`."""
    return [
        (part["column"], np.array(part["table"], dtype=np.float64) if "table" in part else None)
        for part in inputs
    ]


def matrix(inputs: Sequence[tuple[str, Array | None]], batch: pa.Table) -> Array:
    """Return the matrix (n, width) of an encoded batch; each row by itself."""
    filled = np.empty((batch.num_rows, len(inputs)))
    columns = {name: values(batch, name) for name in dict.fromkeys(name for name, _ in inputs)}
    for place, (name, table) in enumerate(inputs):
        column = columns[name]
        filled[:, place] = column if table is None else table[_places(column)]
    return filled


def by_column(gains: Array, inputs: Inputs, context: Context) -> list[float]:
    """Return the sum of what the columns (width,) of a matrix gained, for each feature."""
    sums = dict.fromkeys(context.columns, 0.0)
    for part, gain in zip(inputs, gains, strict=True):
        sums[part["column"]] += float(gain)
    return list(sums.values())


def _places(column: Array) -> NDArray[np.int64]:
    return np.where(np.isnan(column), 0, column + 1).astype(np.int64)


def _answers(target: Array, context: Context) -> list[Array]:
    """Return what is averaged: the target itself, or which rows are of each class but the first."""
    if context.task != "multiclass":
        return [target]
    return [(target == number).astype(np.float64) for number in range(1, len(context.classes))]


def _means(
    place: NDArray[np.int64], count: int, answer: Array, weight: Array | None, seed: int
) -> tuple[Array, Array]:
    """Return the shrunk mean of each value (count,), and of each row without its own part (n,)."""
    heavy = np.ones(len(answer)) if weight is None else weight / weight.mean()
    part = np.random.default_rng(seed).permutation(len(answer)) % _PARTS
    weights, sums = np.zeros((_PARTS, count)), np.zeros((_PARTS, count))
    np.add.at(weights, (part, place), heavy)
    np.add.at(sums, (part, place), heavy * answer)
    overall = float(sums.sum() / weights.sum())

    def shrunk(total: Array, rows: Array) -> Array:
        return (total + _SMOOTH * overall) / (rows + _SMOOTH)

    others = shrunk(sums.sum(axis=0) - sums, weights.sum(axis=0) - weights)
    return shrunk(sums.sum(axis=0), weights.sum(axis=0)), others[part, place]
