"""A model with all that it needs to answer raw rows.

Belongs here: the order of steps from a row to its answer. Does not belong here: which joined tables
a row has, where the parts come from (`serve`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ml_assets.faults import HookError
from ml_assets.stages.hook import Hook
from ml_assets.stages.intervals.columns import columns
from ml_assets.stages.score.answer import answer, known_of, unseen_in
from ml_assets.stages.score.features import computed, together
from ml_assets.stages.score.few import FEW, FewRows, Values
from ml_assets.stages.score.lists import Lists, answer_lists
from ml_assets.stages.score.read import Ints, Read
from ml_assets.stages.score.row import RowReader
from ml_assets.stages.train.encode import Array
from ml_assets.stages.train.predict import predict

if TYPE_CHECKING:
    from ml_assets.spec.score import ScoreSpec

NOT_SHOWN = "what it said is not shown, since a column is sensitive"


@dataclass(frozen=True)
class Predicted:
    """Rows with their features and predictions, and what is wrong with the others."""

    at: Ints
    """(n,) the numbers of the rows that have features."""
    features: pa.Table
    found: Array
    """(n,) or (n, classes)."""
    missing_joins: Sequence[str | None]
    """(n) the joined datasets that had no batch for the row."""
    problems: Mapping[int, str]
    values: Values | None = None
    """Those of `features`, if there are few rows."""


@dataclass(frozen=True)
class Group:
    """Rows that are joined with the same tables."""

    places: Ints
    """(n,) their places in the table of the rows."""
    joined: Mapping[str, Any]
    """The frames that the function takes besides the rows."""
    missing: str | None = None
    """The joined datasets that have no batch for them."""


@dataclass(frozen=True)
class Scorer:
    """A model document, its family's module, and its features function if it has one."""

    spec: ScoreSpec
    document: Mapping[str, Any]
    family: Any
    hook: Hook | None
    limits: Mapping[str, Any] | None = None
    """How its intervals are made, if they are."""
    coverage: Mapping[str, Any] | None = None
    """Their coverage on test."""

    @cached_property
    def reader(self) -> RowReader:
        """What reads a single raw row quickly."""
        return RowReader(self.spec.rows)

    @cached_property
    def few(self) -> FewRows | None:
        """What predicts a few rows without Arrow; None of a family that it is not for."""
        return FewRows.of(self.document)

    @cached_property
    def _known(self) -> Mapping[str, frozenset[str]]:
        return known_of(self.document)

    def from_rows(self, rows: Read, groups: Sequence[Group]) -> Predicted:
        """Return the predictions for raw rows, each of which is in one group."""
        problems, at = dict(rows.problems), [np.zeros(0, np.int64)]
        missing: list[str | None] = []
        tables = []
        for group in groups:
            whole = len(group.places) == len(rows.table)
            part = rows.table if whole else rows.table.take(pa.array(group.places))
            made = computed(self.spec.features, self.hook, part, group.joined)
            numbers = rows.numbers[group.places]
            problems |= {int(numbers[n]): self._said(why) for n, why in made.failed.items()}
            at.append(np.delete(numbers, list(made.failed)))
            missing += [group.missing] * len(made.table)
            tables.append(made.table)
        features = together(self.spec.features, tables)
        return self._predicted(np.concatenate(at), features, missing, problems)

    def _said(self, error: HookError) -> str:
        if not self.spec.hidden:
            return f"features: {error}"
        kind = type(error.__cause__ or error).__name__
        return f"features: the function raised {kind}; {NOT_SHOWN}"

    def from_features(self, rows: Read) -> Predicted:
        """Return the predictions for rows that have the features already."""
        missing = [None] * len(rows.table)
        return self._predicted(rows.numbers, rows.table, missing, rows.problems)

    def few_answered(self, few: FewRows, values: Values) -> Lists:
        """Return the answer to a few rows of features that keep the contract (see `lists`)."""
        found = few.predict(values)
        return answer_lists(self.document, self.limits, self._known, found, values)

    def answer(self, rows: int, predicted: Predicted) -> pa.Table:
        """Return the answer to `rows` rows (see `answer`)."""
        unseen = unseen_in(self.document, predicted.features, self._known, predicted.values)
        return answer(
            self.document,
            rows,
            predicted.at,
            predicted.found,
            unseen,
            predicted.missing_joins,
            predicted.problems,
            columns(self.limits, self.document, predicted.found, predicted.features),
        )

    def _predicted(
        self,
        at: Ints,
        features: pa.Table,
        missing: Sequence[str | None],
        problems: Mapping[int, str],
    ) -> Predicted:
        values = features.to_pydict() if 0 < len(features) <= FEW else None
        prediction = self.predictions(features, values)
        return Predicted(at, features, prediction, missing, problems, values)

    def predictions(self, features: pa.Table, values: Values | None) -> Array:
        """Return the prediction for each row of features, (n,) or (n, classes).

        With the `values` of a few rows it is found without Arrow where that is quicker.
        """
        if values is not None and self.few is not None:
            return self.few.predict(values)
        return predict(self.document, self.family, features)

    def few_by_few(self, features: pa.Table) -> Array:
        """Return the same for any rows, found as that of a few; there is at least one row."""
        parts = (features.slice(start, FEW) for start in range(0, len(features), FEW))
        return np.concatenate([self.predictions(part, part.to_pydict()) for part in parts])
