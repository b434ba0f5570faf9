"""A file of rows scored by a loaded model, piece by piece, in the order of its rows.

Belongs here: what an answer in a file holds besides the prediction. Does not belong here: reading
(`pieces`), writing (`written`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from ml_assets.errors import RequestError, StageError
from ml_assets.serve.hidden import hidden_rows
from ml_assets.serve.model import LoadedModel, rows_spec
from ml_assets.serve.pieces import pieces
from ml_assets.spec.score import RowsSpec
from ml_assets.stages.ingest.columns import extra, named
from ml_assets.stages.ingest.fields import fields
from ml_assets.stages.ingest.source import Source, Unreadable
from ml_assets.stages.ingest.spelling import read as read_column
from ml_assets.stages.score.answer import PROBLEM, placed
from ml_assets.stages.score.explain import Explainer
from ml_assets.stages.score.read import Read, read

LINE, KEY = "line", "_key"


class Scoring:
    """The scoring of one file, by one state of the model from the first row to the last."""

    def __init__(
        self, model: LoadedModel, *, features: bool, explain: bool, batch: str | None
    ) -> None:
        self._model, self._features = model, features
        self._batch = batch
        self.state = model.state
        self.rows = 0
        self.problems: Counter[str] = Counter()
        """Rows without a prediction, by the rule that they break first."""
        self.warnings: list[str] = []
        self._explainer = self._explained() if explain else None

    def _explained(self) -> Explainer:
        try:
            explainer = self.state.explainer
        except StageError as error:
            raise RequestError(f"--explain: {error}") from None
        self.warnings.append(f"base and contributions of a row add up to {explainer.scale}")
        return explainer

    def answers(self, path: Path) -> Iterator[pa.Table]:
        """Yield the answers to the rows of a file; RequestError if it cannot be read."""
        spec = rows_spec(self.state, self._features)
        try:
            for piece in pieces(path, spec):
                source = piece
                if self.state.hiding is not None and not self._features:
                    source = hidden_rows(self.state.hiding, piece, spec)
                rows = read(spec, source)
                if not self.rows:
                    self.warnings += self._unknown(source, spec)
                yield self._answer(source, rows, spec)
        except Unreadable as error:
            raise RequestError(f"{path}: {error.reason}") from None

    def _answer(self, source: Source, rows: Read, spec: RowsSpec) -> pa.Table:
        scorer = self.state.scorer
        predicted = self._model.predicted(
            self.state, rows, features=self._features, batch=self._batch
        )
        answer = scorer.answer(len(rows.lines), predicted)
        names = {LINE: rows.lines, **self._keys(source, rows, spec)}
        columns = {**names, **dict(zip(answer.column_names, answer.columns, strict=True))}
        if self._explainer is not None:
            parts = self._explainer.explained(predicted.features)
            columns |= {
                n: placed(pa.array(v), len(rows.lines), predicted.at) for n, v in parts.items()
            }
        self.rows += len(rows.lines)
        self.problems.update(why.partition(": ")[0] for why in predicted.problems.values())
        table = pa.table(columns)
        return table.select([*(n for n in columns if n != PROBLEM), PROBLEM])

    def _unknown(self, source: Source, spec: RowsSpec) -> list[str]:
        if self._features:
            names = [name for name in source.names if not name.startswith("_")]
            return extra(names, spec.contract.columns)
        return extra(source.names, self.state.main.columns)

    def _keys(self, source: Source, rows: Read, spec: RowsSpec) -> Mapping[str, pa.Array]:
        """Return the key columns as the file has them, missing where a record has none."""
        whole = np.searchsorted(rows.lines.to_numpy(), source.lines.to_numpy())
        if self._features:
            if KEY not in source.names:
                return {}
            texts = source.columns[source.names.index(KEY)].cast(pa.string())
            return {KEY: placed(texts, len(rows.lines), whole)}
        columns = {
            name: spec.contract.columns[name]
            for name in self.state.scorer.spec.key
            if all(part in source.names for part in named(name, spec.contract.columns[name]))
        }
        given = fields(source, spec.landing, columns)
        return {
            name: placed(read_column(*given[name]).values, len(rows.lines), whole)
            for name in columns
        }
