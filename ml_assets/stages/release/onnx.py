"""A model document as ONNX: encoding, missing values and the family in one graph.

Belongs here: every built-in family's prediction in ONNX operators. Does not belong here: bundles,
custom families (which ONNX cannot express).

Inputs are the feature columns by name, shape (n, 1): text for a category, float64 for all else.
NaN is a missing number; an unknown category, such as the empty text, is missing. A date or time is
whole seconds since 1970 in UTC; texts have no operators. The output is `prediction`, float64: (n,)
values or probabilities of class 1, or (n, k) probabilities in the order of `classes`. Arithmetic is
that of the families, in double precision throughout.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ml_assets.faults import NotExpressible
from ml_assets.stages.release.array_trees import add_arrays
from ml_assets.stages.release.calendar import prepared
from ml_assets.stages.release.graph import Graph
from ml_assets.stages.release.trees import add_trees

Document = Mapping[str, Any]
TOLERANCE = 1e-9
"""Largest difference from the server's prediction, relative to predictions above 1 in magnitude."""
_IDENTITY = ("regression", "huber", "fair", "quantile", "mape")
_POSITIVE = ("poisson", "gamma", "tweedie")


def to_onnx(document: Document) -> bytes:
    """Return a model document as ONNX bytes, the same for the same document.

    Raises NotExpressible, with the reason, for custom families, for texts, and for those of
    LightGBM's objectives that have no ONNX operators.
    """
    family = document["family"]
    graph = Graph(dict(sorted(document["columns"].items())))
    document = prepared(graph, document)
    if "constant" in document["state"]:
        output = _same(graph, document["state"]["constant"])
    elif family in _FAMILIES:
        output = _FAMILIES[family](graph, document)
    elif family == "sklearn":
        name = document["settings"]["estimator"]
        raise NotExpressible(f"{name} is kept as scikit-learn has it, and has no ONNX operators")
    else:
        raise NotExpressible(
            f"the model is of a custom family ({document['source'] or family}), whose Python "
            "code ONNX cannot express"
        )
    metadata = {
        "task": document["task"],
        "classes": json.dumps(document["classes"]),
        "missing": missing_text(document),
    }
    width = len(document["classes"]) if document["task"] == "multiclass" else 0
    return graph.model(output, width, metadata)


def missing_text(document: Document) -> str:
    """Return a text that is not a category: the empty one, if the model has not seen it."""
    known = {text for texts in document["categories"].values() for text in texts}
    return next(text for n in range(len(known) + 1) if (text := "?" * n) not in known)


def _same(graph: Graph, value: Any) -> str:
    """Return the same value (a number, or one per class) for every row."""
    constant = np.asarray(value, dtype=np.float64)
    shape = graph.rows()
    if constant.ndim:
        width = graph.constant(np.array([len(constant)], dtype=np.int64))
        shape = graph.op("Concat", shape, width, axis=0)
    return graph.op("Expand", graph.constant(constant), shape)


def _number(graph: Graph, document: Document, name: str) -> str:
    """Return a numeric column, NaN for missing; infinities are missing."""
    if document["columns"][name] != "number":
        return name
    return graph.op("Where", graph.op("IsInf", name), graph.constant(np.nan), name)


def _place(graph: Graph, document: Document, name: str, first: int) -> str:
    """Return integers (n, 1) for a category: `first` for unknown values, then upwards."""
    known = document["categories"][name] or [""]
    start = first + bool(document["categories"][name])
    return graph.ml(
        "LabelEncoder",
        name,
        keys_strings=list(known),
        values_int64s=list(range(start, start + len(known))),
        default_int64=first,
    )


def _flat(graph: Graph, column: str) -> str:
    return graph.op("Reshape", column, graph.constant(np.array([-1], dtype=np.int64)))


def _median(graph: Graph, document: Document) -> str:
    return _same(graph, document["state"]["median"])


def _value(graph: Graph, document: Document) -> str:
    return _same(graph, document["state"]["value"])


def _prior(graph: Graph, document: Document) -> str:
    state = document["state"]
    return _same(graph, state["shares"][1] if state["binary"] else state["shares"])


def _group_median(graph: Graph, document: Document) -> str:
    state = document["state"]
    by, overall = state["by"], state["overall"]
    if not state["groups"]:
        return _same(graph, overall)
    if document["columns"][by] == "category":
        table = np.full(len(document["categories"][by]) + 1, overall)
        for code, median in state["groups"]:
            table[int(code) + 1] = median
        return graph.op(
            "Gather", graph.constant(table), _flat(graph, _place(graph, document, by, 0))
        )
    keys, medians = np.array(state["groups"], dtype=np.float64).T
    same = graph.op("Equal", _number(graph, document, by), graph.constant(keys[None, :]))
    hit = graph.op("Cast", same, to=11)  # TensorProto.DOUBLE
    looked_up = graph.op("MatMul", hit, graph.constant(medians[:, None]))
    known = graph.op("MatMul", hit, graph.constant(np.ones((len(keys), 1))))
    # At most one key is equal, so each sum has one term and is exact.
    chosen = graph.op(
        "Where", graph.op("Greater", known, graph.constant(0.0)), looked_up, graph.constant(overall)
    )
    return _flat(graph, chosen)


def _linear(graph: Graph, document: Document) -> str:
    state = document["state"]
    score = graph.constant(np.array([state["intercept"]], dtype=np.float64))
    rows = graph.op("Concat", graph.rows(), graph.constant(np.array([1], dtype=np.int64)), axis=0)
    score = graph.op("Mul", graph.op("Expand", graph.constant(1.0), rows), score)
    for part in state["numbers"]:
        # The order of operations is the family's: each row is summed separately.
        number = _number(graph, document, part["column"])
        number = graph.op(
            "Where", graph.op("IsNaN", number), graph.constant(part["median"]), number
        )
        number = graph.op("Sub", number, graph.constant(part["mean"]))
        number = graph.op("Div", number, graph.constant(part["scale"]))
        weight = graph.constant(np.array([part["coefficients"]], dtype=np.float64))
        score = graph.op("Add", score, graph.op("Mul", number, weight))
    for part in state["tables"]:
        table = graph.constant(np.array(part["coefficients"], dtype=np.float64).T.copy())
        place = _flat(graph, _place(graph, document, part["column"], 0))
        score = graph.op("Add", score, graph.op("Gather", table, place))
    return _linked(graph, state["task"], score)


def _linked(graph: Graph, task: str, score: str, scale: float = 1.0) -> str:
    """Return predictions for scores (n, k)."""
    if task == "multiclass":
        return graph.op("Softmax", score, axis=1)
    score = _flat(graph, score)
    if task == "binary":
        return graph.op("Sigmoid", graph.op("Mul", score, graph.constant(scale)))
    return score


def _lightgbm(graph: Graph, document: Document) -> str:
    columns = [
        graph.op("Cast", _place(graph, document, name, -1), to=11)
        if kind == "category"
        else _number(graph, document, name)
        for name, kind in sorted(document["columns"].items())
    ]
    score, said = add_trees(graph, document["state"]["model"], columns)
    objective, *details = said.split()
    if document["task"] == "regression" and "sqrt" not in details:
        if objective.startswith(_IDENTITY):
            return _flat(graph, score)
        if objective in _POSITIVE:
            return graph.op("Exp", _flat(graph, score))
    if document["task"] == "binary" and objective in ("binary", "cross_entropy"):
        scale = next((d.partition(":")[2] for d in details if d.startswith("sigmoid:")), "1")
        return _linked(graph, "binary", score, float(scale))
    if document["task"] == "multiclass" and objective == "multiclass":
        return _linked(graph, "multiclass", score)
    raise NotExpressible(f"LightGBM's objective {said!r} has no ONNX operators here")


def _blend(graph: Graph, document: Document) -> str:
    total = ""
    for member in document["state"]["members"]:
        own = {**document, "family": member["family"], "state": member["state"]}
        part = _FAMILIES[member["family"]](graph, own)
        part = graph.op("Mul", part, graph.constant(np.float64(member["weight"])))
        total = graph.op("Add", total, part) if total else part
    return total


def _arrays(graph: Graph, document: Document) -> str:
    state = document["state"]
    score = add_arrays(graph, state, _matrix(graph, document))
    if state.get("link") == "log":
        return graph.op("Exp", _flat(graph, score))
    if not state["mean"]:
        return _linked(graph, state["task"], score)
    share = graph.op("Div", score, graph.constant(float(len(state["arrays"]["roots"]))))
    return share if state["task"] == "multiclass" else _flat(graph, share)


def _matrix(graph: Graph, document: Document) -> str:
    """Return the matrix (n, width) that a learner of numbers reads: `stages/train/matrix.py`."""
    columns = []
    for part in document["state"]["inputs"]:
        name = part["column"]
        if "table" in part:
            table = graph.constant(np.array(part["table"], dtype=np.float64))
            columns.append(graph.op("Gather", table, _place(graph, document, name, 0)))
        elif document["columns"][name] == "category":
            code = graph.op("Cast", _place(graph, document, name, -1), to=11)
            unknown = graph.op("Less", code, graph.constant(0.0))
            columns.append(graph.op("Where", unknown, graph.constant(np.nan), code))
        else:
            columns.append(_number(graph, document, name))
    return graph.op("Concat", *columns, axis=1)


_FAMILIES: Mapping[str, Callable[[Graph, Document], str]] = {
    "median": _median,
    "mean": _value,
    "quantile": _value,
    "prior": _prior,
    "group_median": _group_median,
    "linear": _linear,
    "lightgbm": _lightgbm,
    "lightgbm_tuned": _lightgbm,
    "blend": _blend,
    "catboost": _arrays,
    "random_forest": _arrays,
    "extra_trees": _arrays,
    "hist_gradient_boosting": _arrays,
}
