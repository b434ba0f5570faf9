"""The boundary check: a dagster-pandas type for each dataset, from the same contract."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Collection
from typing import Any

from ml_assets.engine.run import Boundary
from ml_assets.errors import StageError
from ml_assets.spec.columns import Column
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.project import Project

DTYPES = {
    "integer": {"Int64", "int64"},
    "number": {"float64", "Float64"},
    "boolean": {"boolean", "bool"},
    "text": {"string", "object"},
    "category": {"category"},
    "timestamp": {"datetime64[us, UTC]"},
    "date": {"datetime64[s]", "datetime64[us]", "datetime64[ns]", "object"},
}


CONTEXT: Any = None
"""dagster-pandas' own check functions do not look at the context."""


def dagster_type(name: str, spec: DatasetSpec, labels: Collection[str] = ()) -> Any:
    """Return the dagster-pandas DataFrame type of a dataset's cleaned rows.

    Columns with `labels` may have no values yet, and then their rules wait as well.
    """
    import dagster_pandas as dp

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        columns = [
            _column(dp, column, rule, now=column not in labels)
            for column, rule in spec.columns.items()
        ]
        return dp.create_dagster_pandas_dataframe_type(
            name=f"{name.title().replace('_', '')}Cleaned", columns=columns
        )


def _column(dp: Any, name: str, column: Column, *, now: bool) -> Any:
    from dagster_pandas import constraints as rules

    constraints: list[Any] = [rules.ColumnDTypeInSetConstraint(DTYPES[column.type])]
    if column.action == "quarantine" and now:
        if not column.nullable:
            constraints.append(rules.NonNullableColumnConstraint())
        if column.range is not None and column.range[0] is not None:
            constraints.append(
                rules.MinValueColumnConstraint(column.range[0], ignore_missing_vals=True)
            )
        if column.range is not None and column.range[1] is not None:
            constraints.append(
                rules.MaxValueColumnConstraint(column.range[1], ignore_missing_vals=True)
            )
        if column.allowed is not None:
            constraints.append(
                rules.CategoricalColumnConstraint(set(column.allowed), ignore_missing_vals=True)
            )
    return dp.PandasColumn(name, constraints=constraints)


def boundary(project: Project) -> Boundary:
    """Return the check that a cleaned table matches its dataset's dagster-pandas type.

    The check raises StageError if it does not.
    """

    @functools.cache
    def of(name: str) -> Any:
        labels = project.labels(name)
        return dagster_type(name, project.datasets[name], labels.columns if labels else ())

    def check(dataset: str, table: Any) -> None:
        from ml_assets.stages.frames import to_frame

        frame = to_frame(table.select(list(project.datasets[dataset].columns)))
        verdict = of(dataset).type_check(CONTEXT, frame)
        if not verdict.success:
            raise StageError(
                f"{dataset}/cleaned does not match its dagster-pandas type: {verdict.description}"
            )

    return check
