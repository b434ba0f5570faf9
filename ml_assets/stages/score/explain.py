"""What each feature contributes to the prediction of a row.

Belongs here: by family, on which scale, and what has no contributions. Does not belong here: the
Shapley values of trees (`shapley`), the contributions of an evaluation report
(`evaluate/contributions`), which may depend on other rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from ml_assets.faults import StageError
from ml_assets.stages.evaluate import contributions as of_family
from ml_assets.stages.evaluate.rows import Fitted
from ml_assets.stages.release.array_trees import nodes
from ml_assets.stages.score.shapley import Shapley
from ml_assets.stages.train import lightgbm
from ml_assets.stages.train.encode import Array
from ml_assets.stages.train.matrix import matrix, with_tables
from ml_assets.stages.train.predict import predict_encoded
from ml_assets.stages.train.prepare import encoded, owners
from ml_assets.stages.train.trees import Oblivious, Trees

BASE, OF = "base", "contribution_"
MOST = 10_000
"""Rows that a model learned from, by which the shares at the splits of trees are counted."""
LOGARITHMIC = re.compile(r"^objective=(poisson|tweedie|gamma)", re.MULTILINE)
"""Of LightGBM's objectives, those whose scores are logarithms."""
Found = tuple[float, Array]
"""The base, and the contributions (n, columns)."""


class Explainer:
    """A model whose predictions are explained; StageError if they cannot be.

    `learned` returns features of rows that it learned from, for models that keep no counts.
    """

    def __init__(
        self, document: Mapping[str, Any], family: Any, learned: Callable[[], pa.Table]
    ) -> None:
        self._document, self._family, self._learned = document, family, learned
        self._rows: pa.Table | None = None
        self._trees: dict[tuple[int, int], Shapley] = {}
        self._refuse()

    def _refuse(self) -> None:
        source, state = self._document["source"], self._document["state"]
        own = callable(getattr(self._family, "contributions", None))
        if source and not own and "constant" not in state:
            raise StageError(
                f"{source} has no function `contributions(state, batch)`, so its predictions "
                "cannot be explained"
            )
        numbers = self._document["task"] == "regression"
        other = [
            one["name"]
            for one in ([] if source else state.get("members", []))
            if (_is_log(one["state"]) if numbers else not _is_mean(one["state"]))
        ]
        if other:
            raise StageError(
                f"a blend is a mean of {'values' if numbers else 'probabilities'}, and the "
                f"contributions of its members {', '.join(other)} add up to other scores, so it "
                "cannot be explained; a blend of random_forest and extra_trees can"
            )

    def explained(self, features: pa.Table) -> dict[str, Array]:
        """Return `base` and `contribution_<feature>` (n,) for rows of features.

        They add up to the score of `scale`.
        """
        document = self._document
        batch = encoded(document, features)
        base = np.zeros(len(features))
        amounts = np.zeros((len(features), batch.num_columns))
        likeliest = np.zeros(len(features), dtype=np.int64)
        if document["task"] == "multiclass" and len(features):
            likeliest = predict_encoded(document, self._family, batch).argmax(axis=1)
        for number in np.unique(likeliest):
            rows = np.flatnonzero(likeliest == number)
            part = batch.take(pa.array(rows))
            base[rows], amounts[rows] = self._of_class(part, int(number))
        of = owners(batch.column_names, document.get("prepare", {}))
        owner = np.array([of[name] for name in batch.column_names])
        each = {
            f"{OF}{name}": amounts[:, owner == name].sum(axis=1)
            for name in sorted(document["columns"])
        }
        return {BASE: base, **each}

    @property
    def scale(self) -> str:
        """What base and contributions add up to."""
        task, state = self._document["task"], self._document["state"]
        if task == "regression":
            return "the logarithm of the prediction" if _is_log(state) else "the prediction"
        if "constant" in state or _is_mean(state) or self._document["family"] in ("prior", "blend"):
            return "the probability" + (" of the likeliest class" if task == "multiclass" else "")
        return "the log-odds" if task == "binary" else "the raw score of the likeliest class"

    def _of_class(self, part: pa.Table, number: int) -> Found:
        """Return base and contributions of rows of which one class is the likeliest."""
        document, state = self._document, self._document["state"]
        if document["source"] and "constant" not in state:
            fitted = Fitted(document, self._family)
            terms = of_family.contributions(fitted, part, np.arange(len(part)))
            assert terms is not None, "refused before"
            return terms[1:]
        return self._of_family(document["family"], state, part, number)

    def _of_family(self, name: str, state: Any, part: pa.Table, number: int) -> Found:
        if "members" in state:
            return self._of_blend(state["members"], part, number)
        if name in ("lightgbm", "lightgbm_tuned") and "constant" not in state:
            return _of_lightgbm(state, part, number)
        if name == "linear" and "constant" not in state:
            # A row of mean numbers and missing categories has the base.
            return state["intercept"][number], of_family._terms(state, part)[number]
        if "arrays" in state:
            return self._of_trees(state, part, number)
        return self._of_baseline(name, state, part, number)

    def _of_blend(self, members: Any, part: pa.Table, number: int) -> Found:
        base, amounts = 0.0, np.zeros((len(part), part.num_columns))
        for member in members:
            terms = self._of_family(member["family"], member["state"], part, number)
            base += member["weight"] * terms[0]
            amounts += member["weight"] * terms[1]
        return base, amounts

    def _of_trees(self, state: Any, part: pa.Table, number: int) -> Found:
        inputs = with_tables(state["inputs"])
        ready = self._trees.get((id(state), number))
        if ready is None:
            if self._rows is None:
                self._rows = encoded(self._document, self._learned())
            ready = _ready(state, number, matrix(inputs, self._rows), part.column_names)
            self._trees[id(state), number] = ready
        count = len(state["arrays"]["roots"]) if state["mean"] else 1
        base = state["start"][number] + ready.base / count
        return base, ready.contributions(matrix(inputs, part)) / count

    def _of_baseline(self, name: str, state: Any, part: pa.Table, number: int) -> Found:
        prediction = predict_encoded(self._document, self._family, part)
        prediction = prediction if prediction.ndim == 1 else prediction[:, number]
        amounts = np.zeros((len(part), part.num_columns))
        if name != "group_median" or "constant" in state:
            return float(prediction[0]), amounts
        amounts[:, part.column_names.index(state["by"])] = prediction - state["overall"]
        return state["overall"], amounts


def _is_mean(state: Mapping[str, Any]) -> bool:
    """Return whether a model is the mean of trees, each of which predicts."""
    return bool(state.get("mean", False))


def _is_log(state: Mapping[str, Any]) -> bool:
    """Return whether the scores of a model of numbers are logarithms, as those of counts are."""
    return state.get("link") == "log" or LOGARITHMIC.search(state.get("model", "")) is not None


def _of_lightgbm(state: Any, part: pa.Table, number: int) -> Found:
    contributions = lightgbm._booster(state["model"]).predict(part, pred_contrib=True)
    # (rows, classes x (columns + 1)): the last of each class is its mean score.
    own = np.asarray(contributions, dtype=np.float64).reshape(len(part), -1, part.num_columns + 1)
    return float(own[0, number, -1]), own[:, number, :-1]


def _ready(state: Any, number: int, rows: Array, columns: list[str]) -> Shapley:
    """Return the trees of an output; a feature of several columns of the matrix is one."""
    arrays, width = state["arrays"], len(state["inputs"])
    if state["kind"] == "oblivious":
        arrays = nodes(Oblivious(arrays, width))
    trees = Trees(arrays, width)
    owner = np.array([columns.index(part["column"]) for part in state["inputs"]])
    roots, values = trees.roots[number :: len(state["start"])], trees.values
    if values.ndim == 2:
        roots, values = trees.roots, values[:, number]
    return Shapley(trees, owner, roots, values, rows, len(columns))
