"""Is a feature the column of the same name? Verified row by row.

Belongs here: comparing values. Does not belong here: what follows from it (`engine/sensitive`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from ml_assets.stages.result import Handle


def sources(
    looked: Mapping[str, Sequence[str]],
    features: pa.Table,
    main: tuple[str, pa.Table],
    joins: Mapping[str, Handle],
) -> dict[str, str]:
    """Return feature -> `dataset.column` for features with the values of one of their columns.

    `looked` names the columns to compare each feature with. For the main dataset (its name, its
    rows, in the order of the features) each row must have the column's value; for a joined one each
    value must be one of the column's.
    """
    by_feature: dict[str, str] = {}
    for feature, columns in looked.items():
        for column in columns:
            dataset, _, name = column.partition(".")
            if dataset == main[0]:
                same = name in main[1].column_names and _equal(features[feature], main[1][name])
            else:
                same = _among(features[feature], joins[dataset].table([name])[name])
            if same:
                by_feature[feature] = column
                break
    return by_feature


def _equal(values: pa.ChunkedArray, column: pa.ChunkedArray) -> bool:
    left, right = _alike(values, column)
    if not left.is_null().equals(right.is_null()):
        return False
    return bool(pc.all(pc.equal(left, right)).as_py() in (True, None))


def _among(values: pa.ChunkedArray, column: pa.ChunkedArray) -> bool:
    left, right = _alike(values.drop_null(), column)
    return bool(pc.all(pc.is_in(left, value_set=pc.unique(right))).as_py() in (True, None))


def _alike(*columns: pa.ChunkedArray) -> list[pa.ChunkedArray]:
    """Return columns in one type: numbers unchanged, all others as text."""
    numbers = all(pa.types.is_integer(c.type) or pa.types.is_floating(c.type) for c in columns)
    return [_cast(column, pa.float64() if numbers else pa.string()) for column in columns]


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    converted = column.cast(kind, safe=False)
    return pa.chunked_array([converted.combine_chunks()])
