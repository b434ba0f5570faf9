"""What scoring a row depends on: which columns it must have, and the rules that it must keep.

Belongs here: what is taken from the specs of a model and its dataset. Does not belong here: reading
rows, predicting (`stages/score`).
"""

from __future__ import annotations

from collections.abc import Collection

from ml_assets.spec.base import Name, Spec
from ml_assets.spec.columns import Column
from ml_assets.spec.dataset import Contract, DatasetSpec, Filter, Landing
from ml_assets.spec.expressions import grammar
from ml_assets.spec.model import FeaturesSpec, Join, ModelSpec, Task
from ml_assets.spec.serving import Serving
from ml_assets.spec.steps import Step


class RowsSpec(Spec):
    """Everything that reading rows to score depends on."""

    landing: Landing
    contract: Contract
    """The columns that a row must have, and rules that read no other. It has no key: uniqueness is
    a rule of a batch."""
    optional: dict[str, Column] = {}
    """Columns that a function may read but that a row need not have, such as the target's: missing
    if they are not there or not of their type."""
    cleaning: tuple[Step, ...] = ()
    filters: tuple[Filter, ...] = ()


class ScoreSpec(Spec):
    """Everything that a prediction depends on besides model, function, joined tables and row."""

    model: Name
    task: Task
    rows: RowsSpec
    features: FeaturesSpec
    key: tuple[str, ...]
    """The key columns that an answer may repeat: those that are not sensitive."""
    hidden: bool = False
    """Whether a column is sensitive: what a function raises may quote it, and is not shown."""
    joins: tuple[Join, ...] = ()
    """Until when joined rows are usable, where that is said."""
    serving: Serving = Serving()
    """What the service does with unusual rows."""

    def join(self, name: str) -> Join:
        """Return what is said of a joined dataset."""
        joins = (*self.joins, *self.features.joins)
        return next(join for join in joins if join.dataset == name)


class RawParitySpec(Spec):
    """Everything that the parity of predictions from raw rows depends on besides model and rows."""

    score: ScoreSpec
    rows: int


def score_spec(dataset: DatasetSpec, features: FeaturesSpec) -> ScoreSpec:
    """Return how rows of a dataset are scored by a model with these features.

    A row must have the columns that are known when the model predicts, except, in a dataset without
    moments, the target's and the weight.
    """
    spare = _spare(dataset, features.target, features.weight, features.columns)
    needed = {n: c for n, c in dataset.columns.items() if n in features.known and n not in spare}
    optional = {n: c for n, c in dataset.columns.items() if n in spare}
    steps = [
        step.model_copy(update={"columns": tuple(n for n in step.columns if n in needed)})
        for step in dataset.cleaning
    ]
    rows = RowsSpec(
        landing=dataset.landing,
        contract=Contract(
            columns=needed,
            rules=tuple(r for r in dataset.rules if reads(r.expression, dataset) <= {*needed}),
        ),
        optional=optional,
        cleaning=tuple(step for step in steps if step.columns),
        filters=tuple(f for f in dataset.filters if reads(f.expression, dataset) <= {*needed}),
    )
    shown = tuple(n for n in dataset.key if n in needed and not dataset.columns[n].sensitive)
    return ScoreSpec(
        model=features.model,
        task=features.task,
        rows=rows,
        features=features,
        key=shown,
        hidden=any(column.sensitive for column in dataset.columns.values()),
    )


def typed_rows(rows: RowsSpec) -> RowsSpec:
    """Return how rows that were parsed already are read: each column by its own name."""
    columns = {n: c.model_copy(update={"source": None}) for n, c in rows.contract.columns.items()}
    optional = {n: c.model_copy(update={"source": None}) for n, c in rows.optional.items()}
    contract = rows.contract.model_copy(update={"columns": columns})
    return rows.model_copy(update={"contract": contract, "optional": optional})


def feature_rows(features: FeaturesSpec) -> RowsSpec:
    """Return how rows that have the features already are read."""
    columns = {name: Column(type=column.kind) for name, column in features.columns.items()}
    landing = Landing(pattern="", null_values=("",))
    return RowsSpec(landing=landing, contract=Contract(columns=columns))


def needed_columns(dataset: DatasetSpec, model: ModelSpec) -> dict[str, Column]:
    """Return the columns that a row must have, by the current specs."""
    moment = model.predict_at
    known = dataset.columns if moment is None else dataset.known_at(moment)
    spare = _spare(dataset, model.target, model.weight, model.features.columns)
    return {n: c for n, c in dataset.columns.items() if n in known and n not in spare}


def _spare(
    dataset: DatasetSpec, target: str, weight: str | None, features: Collection[str]
) -> Collection[str]:
    """Return the columns that are known, by the spec, but that a row to score need not have."""
    if dataset.moments:
        return ()
    given = set() if weight is None else {weight}
    return (given | reads(target, dataset)) - set(features)


def reads(expression: str, dataset: DatasetSpec) -> set[str]:
    """Return the columns that an expression reads."""
    return grammar.names(grammar.parse(expression, dataset.columns))
