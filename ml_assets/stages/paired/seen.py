"""The rows a model has seen: the keys of train and validation, refit or not.

Belongs here: from folds to keys. Does not belong here: the comparison.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.faults import StageError
from ml_assets.stages.keys import named, numbered
from ml_assets.stages.train import folds

if TYPE_CHECKING:
    from ml_assets.stages.result import Handle


def seen_keys(references: Sequence[pa.Table], features: Mapping[str, Handle]) -> pa.Array:
    """Return the distinct keys of referenced rows, whatever their values were or are.

    Rows that are known by their inputs are numbered over all of them (`keys.numbered`). StageError
    if the features passed are not those referred to: the keys would be other rows'.
    """
    chunks = [pa.array([], pa.string())]
    for table in references:
        checked(table, features)
        for batch, rows in folds.read(table, features, ["_key"]):
            chunks += named(rows["_key"].cast(pa.string()), batch).chunks
    return pc.unique(numbered(pa.chunked_array(chunks, pa.string())))


def checked(references: pa.Table, features: Mapping[str, Handle]) -> None:
    """Raise StageError, naming the batches, if references are not into these features."""
    wanted = dict(
        zip(references["batch"].to_pylist(), references["features"].to_pylist(), strict=True)
    )
    given = {batch: features[batch].digest for batch in wanted if batch in features}
    wrong = sorted(batch for batch, digest in wanted.items() if given.get(batch) != digest)
    if wrong:
        raise StageError(
            f"a fold refers to other features of {', '.join(wrong)} than those passed; "
            "pass the features that it was made from"
        )
