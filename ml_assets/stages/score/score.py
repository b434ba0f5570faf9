"""A model with all that it needs to answer raw rows.

Belongs here: the order of steps from a row to its answer. Does not belong here: which joined tables
a row has, where the parts come from (`serve`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ml_assets.stages.hook import Hook
from ml_assets.stages.score.answer import answer, unseen_in
from ml_assets.stages.score.features import computed
from ml_assets.stages.score.read import Read
from ml_assets.stages.train.encode import Array
from ml_assets.stages.train.predict import predict

if TYPE_CHECKING:
    from ml_assets.spec.score import ScoreSpec


@dataclass(frozen=True)
class Predicted:
    """Rows with their features and predictions, and what is wrong with the others."""

    at: Array
    """(n,) the numbers of the rows that have features."""
    features: pa.Table
    found: Array
    """(n,) or (n, classes)."""
    problems: Mapping[int, str]


@dataclass(frozen=True)
class Scorer:
    """A model document, its family's module, and its features function if it has one."""

    spec: ScoreSpec
    document: Mapping[str, Any]
    family: Any
    hook: Hook | None

    def from_rows(self, rows: Read, joined: Mapping[str, Any]) -> Predicted:
        """Return the predictions for raw rows; `joined` are the frames that the function takes."""
        made = computed(self.spec.features, self.hook, rows.table, joined)
        numbers = rows.rows.to_numpy()
        kept = np.delete(np.arange(len(numbers)), list(made.failed))
        problems = {**rows.problems}
        problems |= {int(numbers[place]): f"features: {why}" for place, why in made.failed.items()}
        return self._predicted(numbers[kept], made.table, problems)

    def from_features(self, rows: Read) -> Predicted:
        """Return the predictions for rows that have the features already."""
        return self._predicted(rows.rows.to_numpy(), rows.table, rows.problems)

    def answer(self, rows: int, found: Predicted, missing_joins: str | None = None) -> pa.Table:
        """Return the answer to `rows` rows (see `answer`)."""
        unseen = unseen_in(self.document, found.features)
        return answer(
            self.document, rows, found.at, found.found, unseen, found.problems, missing_joins
        )

    def _predicted(self, at: Array, features: pa.Table, problems: Mapping[int, str]) -> Predicted:
        return Predicted(at, features, predict(self.document, self.family, features), problems)
