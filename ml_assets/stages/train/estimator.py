"""A fitted pipeline of scikit-learn as plain JSON, and what it predicts.

Belongs here: what a bundle needs as well; so it imports numpy, skops and scikit-learn alone. Does
not belong here: fitting, which estimators there are.

skops writes a pipeline as a tree of types and values, and arrays beside it; it unpickles nothing.
Here object ids, which are addresses in memory, become numbers in the order in which they occur, so
that two trainings are the same JSON. Rows are predicted in blocks of 64, the last one filled up:
sums of matrices depend on their shape, so a row alone and in a batch is the same to the bit.
"""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
BLOCK = 64
TRUSTED = ("numpy.dtype",)
"""Types that skops asks about, besides those that it trusts itself."""
_KEPT = 8


class Damaged(ValueError):
    """A document that is not a pipeline of the kind that is kept."""


def kept(pipeline: Any) -> dict[str, Any]:
    """Return a fitted pipeline as plain JSON; Damaged if it holds a type that is not trusted."""
    import skops.io

    content = skops.io.dumps(pipeline)
    _check_types(content)
    with zipfile.ZipFile(io.BytesIO(content)) as source:
        schema = json.loads(source.read("schema.json"))
        numbers: dict[Any, int] = {}
        files: dict[str, str] = {}
        tree = _renumbered(schema, numbers, files)
        arrays = {
            new: base64.b64encode(source.read(old)).decode("ascii") for old, new in files.items()
        }
    return {"schema": tree, "arrays": dict(sorted(arrays.items()))}


def _renumbered(node: Any, numbers: dict[Any, int], files: dict[str, str]) -> Any:
    """Return a node with ids and names of files in the order in which they occur."""
    if isinstance(node, list):
        return [_renumbered(item, numbers, files) for item in node]
    if not isinstance(node, dict):
        return node
    renumbered: dict[str, Any] = {}
    for name, value in node.items():
        if name == "__id__":
            renumbered[name] = numbers.setdefault(value, len(numbers))
        elif name == "file":
            ending = str(value).rpartition(".")[2]
            renumbered[name] = files.setdefault(value, f"{len(files):06d}.{ending}")
        else:
            renumbered[name] = _renumbered(value, numbers, files)
    return renumbered


def loaded(document: Mapping[str, Any], width: int) -> Any:
    """Return the pipeline of a document for so many inputs; Damaged if it is none."""
    import skops.io

    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as target:
        for name, text in document["arrays"].items():
            target.writestr(name, base64.b64decode(text, validate=True))
        target.writestr("schema.json", json.dumps(document["schema"]))
    _check_types(sink.getvalue())
    estimator = skops.io.loads(sink.getvalue(), trusted=list(TRUSTED))
    _check(estimator, width)
    return estimator


def _check_types(content: bytes) -> None:
    import skops.io

    unknown = set(skops.io.get_untrusted_types(data=content)) - set(TRUSTED)
    if unknown:
        raise Damaged(f"types that are not trusted: {', '.join(sorted(unknown))}")


def _check(pipeline: Any, width: int) -> None:
    """Raise Damaged for what would read beyond an array."""
    from sklearn.pipeline import Pipeline

    if type(pipeline) is not Pipeline:
        raise Damaged(f"got a {type(pipeline).__name__}, wanted a Pipeline")
    if int(pipeline.n_features_in_) != width:
        raise Damaged(f"got {pipeline.n_features_in_} inputs, wanted {width}")
    last = pipeline[-1]
    vectors = getattr(last, "support_vectors_", None)
    if vectors is not None:
        # libsvm trusts these numbers.
        rows, columns = np.shape(vectors)
        good = columns == int(last.n_features_in_) and np.shape(last.dual_coef_) == (1, rows)
        if not good or len(last.support_) != rows or int(np.sum(last.n_support_)) != rows:
            raise Damaged("the support vectors do not fit their coefficients")


def predicted(pipeline: Any, task: str, matrix: Array, classes: int) -> Array:
    """Return values (n,), or probabilities (n,) of class 1 or (n, classes), for rows (n, width)."""
    parts = []
    for start in range(0, len(matrix), BLOCK):
        rows = matrix[start : start + BLOCK]
        filled = np.concatenate([rows, np.repeat(rows[:1], BLOCK - len(rows), axis=0)])
        parts.append(_block(pipeline, task, filled, classes)[: len(rows)])
    return np.concatenate(parts)


def _block(pipeline: Any, task: str, block: Array, classes: int) -> Array:
    if task == "regression":
        return np.asarray(pipeline.predict(block), dtype=np.float64).reshape(len(block))
    shares = np.asarray(pipeline.predict_proba(block), dtype=np.float64)
    probabilities = np.zeros((len(block), max(classes, 2)))
    probabilities[:, pipeline.classes_.astype(np.int64)] = shares
    return probabilities if task == "multiclass" else probabilities[:, 1]


_ready: list[tuple[Mapping[str, Any], Any]] = []
"""The pipelines used last: reading one takes longer than predicting a row."""


def predict(state: Mapping[str, Any], matrix: Array) -> Array:
    """Return what the pipeline of a state predicts of rows (n, width); Damaged if it is none."""
    from threadpoolctl import threadpool_limits

    pipeline = next((ready for known, ready in _ready if known is state), None)
    if pipeline is None:
        pipeline = loaded(state["pipeline"], len(state["inputs"]))
        _ready.insert(0, (state, pipeline))
        del _ready[_KEPT:]
    filled = np.where(np.isfinite(matrix), matrix, np.nan)
    # One thread: with two, BLAS sums in another order.
    with threadpool_limits(1), np.errstate(over="ignore", invalid="ignore"):
        return predicted(pipeline, state["task"], filled, int(state["classes"]))
