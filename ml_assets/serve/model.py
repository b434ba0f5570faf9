"""The one loaded model: the champion, and all that it needs to predict raw rows.

Commands, notebooks and services predict with it. It holds one state, the champion's version and the
joined tables of one moment, until `refresh` puts another in its place. Belongs here: which state.
Does not belong here: the batch of a row (`groups`), what happens to it (`stages/score`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ml_assets.errors import NotMaterialized, RequestError, UnknownName
from ml_assets.history.decisions import candidate_of
from ml_assets.history.scorer import past_scorer
from ml_assets.history.trials import running_in
from ml_assets.serve.frames import Tables, tables_of
from ml_assets.serve.groups import grouped
from ml_assets.serve.hidden import hidden_rows, hiding_for
from ml_assets.serve.learned import Ranges, learned, ranges
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.project import Project
from ml_assets.spec.score import RowsSpec, ScoreSpec, feature_rows
from ml_assets.stages.ingest.columns import expected
from ml_assets.stages.ingest.source import Source, Unreadable
from ml_assets.stages.score.explain import Explainer
from ml_assets.stages.score.few import Values
from ml_assets.stages.score.read import Read, read
from ml_assets.stages.score.row import RowReader
from ml_assets.stages.score.score import Predicted, Scorer
from ml_assets.stages.score.source import source_of
from ml_assets.store.home import Home
from ml_assets.store.promotions import LogEntry, LoggedVersion, champion_of

if TYPE_CHECKING:
    from ml_assets.engine.hiding.columns import Hiding
    from ml_assets.serve.frames import Load

FEW = 32
"""Rows of features that are read one by one, which is faster then."""


@dataclass(frozen=True)
class LoadedVersion:
    """A version of a model, and the joined tables that it predicts with."""

    version: int
    digest: str
    """Of the candidate."""
    document: str
    """The digest of its model document."""
    scorer: Scorer
    datasets: Mapping[str, DatasetSpec]
    """Those that it was made from, with the current calendars."""
    tables: Tables
    learned: Callable[[], pa.Table]
    """Reads features of rows that it learned from."""
    ranges: Callable[[], Ranges]
    """Reads the least and the greatest number of each feature among all of them."""
    hiding: Hiding | None = None
    """How raw rows are hidden, where it learned from pseudonyms."""

    @property
    def main(self) -> DatasetSpec:
        """The dataset whose rows are predicted."""
        return self.datasets[self.scorer.spec.features.dataset]

    @cached_property
    def inputs(self) -> RowsSpec:
        """How rows of features are read."""
        return feature_rows(self.scorer.spec.features)

    @cached_property
    def inputs_reader(self) -> RowReader:
        """What reads a single row of features quickly."""
        return RowReader(self.inputs)

    @cached_property
    def explainer(self) -> Explainer:
        """What explains predictions; StageError if they cannot be explained."""
        return Explainer(self.scorer.document, self.scorer.family, self.learned)


class Predictor:
    """A model ready to predict; `load` reads a joined table by its digest."""

    def __init__(self, name: str, load: Load, state: LoadedVersion) -> None:
        self.name = name
        self.state = state
        self._load = load

    def predict(self, rows: Any, *, features: bool = False, batch: str | None = None) -> pa.Table:
        """Return the answer to rows, one row for each, in their order (see `stages/score/answer`).

        `rows` are a pandas frame, a pyarrow table or a list of mappings: raw rows as they would
        land, or with `features` the model's inputs. A row is of the batch of its time, if the
        calendar has a period; else, if the model joins batches, `batch` names it. RequestError
        where rows cannot be read at all, such as without a column that is needed.
        """
        state = self.state
        try:
            parsed = self.read(state, rows, features=features)
        except Unreadable as error:
            raise RequestError(f"the rows cannot be read: {error.reason}") from None
        predicted = self.predicted(state, parsed, features=features, batch=batch)
        return state.scorer.answer(len(parsed.lines), predicted)

    def read(self, state: LoadedVersion, rows: Any, *, features: bool = False) -> Read:
        """Return rows (as `predict` takes them, or a source) that were read; Unreadable if not.

        A single one, and few of features, are read without a frame where that is possible.
        """
        if state.hiding is not None and not features:
            rows = hidden_rows(state.hiding, rows, rows_spec(state, features))
        if _are_few(rows, FEW if features else 1):
            reader = state.inputs_reader if features else state.scorer.reader
            table = reader.read(*rows)
            if table is not None:
                return Read(pa.array(range(1, len(rows) + 1), pa.int64()), table, {})
        spec = rows_spec(state, features)
        if isinstance(rows, list) and not rows:
            names = expected(spec.contract.columns)
            rows = pa.table({name: pa.array([], pa.string()) for name in names})
        return read(spec, rows if isinstance(rows, Source) else source_of(rows, spec))

    def few(self, state: LoadedVersion, rows: Any) -> Values | None:
        """Return the values of a few rows of features, by column, that surely keep the contract.

        None where only `read` can tell, or the family has no quicker way for a few.
        """
        if state.scorer.few is None or not _are_few(rows, FEW):
            return None
        return state.inputs_reader.values(*rows)

    def predicted(
        self, state: LoadedVersion, rows: Read, *, features: bool = False, batch: str | None = None
    ) -> Predicted:
        """Return features and predictions of rows that were read."""
        if features:
            return state.scorer.from_features(rows)
        rows, groups = grouped(
            self._load,
            state.scorer.spec,
            state.datasets,
            state.tables,
            rows,
            batch,
        )
        return state.scorer.from_rows(rows, groups)


class LoadedModel(Predictor):
    """The champion of a model in an environment, ready to predict."""

    def __init__(
        self,
        home: Home,
        project: Project,
        name: str,
        log: Sequence[LogEntry] | None = None,
        load: Load | None = None,
    ) -> None:
        """Load it by its promotion `log`, which is read if it is not given."""
        self.name = name
        self._home = home
        self._project = project
        super().__init__(name, load or home.objects.table, self._now(None, log))

    def refresh(
        self,
        check: Callable[[LoadedVersion], None] | None = None,
        log: Sequence[LogEntry] | None = None,
    ) -> bool:
        """Take over today's champion and joined tables; return whether anything changed.

        Calls that are under way end with the state with which they began. If it raises, or `check`
        does on the new state, the state stays as it was.
        """
        before = self.state
        after = self._now(before, log)
        if check is not None and after is not before:
            check(after)
        self.state = after
        return after is not before

    def _wanted(self, log: Sequence[LogEntry]) -> LoggedVersion:
        """Return the version to predict with; raises NotMaterialized without one."""
        champion = champion_of(log)
        if champion is None:
            raise NotMaterialized(
                f"{self.name} has no champion in environment {self._home.env}: nothing to predict "
                "with; see `ml-assets status`"
            )
        return champion

    def _now(self, before: LoadedVersion | None, log: Sequence[LogEntry] | None) -> LoadedVersion:
        if log is None:
            log = self._home.promotions.entries(self._home.env, self.name)
        wanted = self._wanted(log)
        if before is not None and before.digest == wanted.digest:
            tables = tables_of(self._home, before.scorer.spec.features, before.tables)
            if tables is before.tables:
                return before
            return replace(before, tables=tables)
        version = candidate_of(self._home, self.name, wanted.digest)
        past = past_scorer(self._home, self.name, version)
        datasets = {name: self._today(name, spec) for name, spec in past.datasets.items()}
        score = past.scorer.spec
        return LoadedVersion(
            version=wanted.version,
            digest=wanted.digest,
            document=version.outputs["model"].digest,
            scorer=replace(past.scorer, spec=self._timed(score)),
            datasets=datasets,
            tables=tables_of(self._home, past.scorer.spec.features),
            learned=learned(self._home, version, sorted(past.scorer.document["columns"])),
            ranges=ranges(self._home, version, past.scorer.document["columns"]),
            hiding=hiding_for(self._home, datasets[score.features.dataset], score.rows),
        )

    def _timed(self, spec: ScoreSpec) -> ScoreSpec:
        """Return how rows are scored, with what is said today of late joins and unusual rows."""
        today = self._project.models[self.name]
        return spec.model_copy(update={"joins": today.joins, "serving": today.serving})

    def _today(self, name: str, then: DatasetSpec) -> DatasetSpec:
        """Return the spec of a dataset with the calendar by which its batches are named today."""
        now = self._project.datasets.get(name)
        return then if now is None else then.model_copy(update={"calendar": now.calendar})


class LoadedChallenger(LoadedModel):
    """The challenger of the trial that is on, ready to predict."""

    def _wanted(self, log: Sequence[LogEntry]) -> LoggedVersion:
        """Return the challenger; raises NotMaterialized while no trial is on."""
        trial = running_in(log)
        if trial is None:
            raise NotMaterialized(f"{self.name} has no trial in environment {self._home.env}")
        return trial.challenger


def _are_few(rows: Any, most: int) -> bool:
    """Return whether rows are a list of so many mappings at most."""
    return isinstance(rows, list) and 0 < len(rows) <= most and isinstance(rows[0], Mapping)


def rows_spec(state: LoadedVersion, features: bool) -> RowsSpec:
    """Return how rows are read: raw rows, or rows of features."""
    return state.inputs if features else state.scorer.spec.rows


def load(home: Home, project: Project, name: str) -> LoadedModel:
    """Return the champion of a model, loaded.

    UnknownName for a model that the project does not have, NotMaterialized without a champion or
    where the store has lost what it needs.
    """
    if name not in project.models:
        raise UnknownName.of("model", name, project.models)
    return LoadedModel(home, project, name)
