"""What of a model's inputs may not be shown.

Belongs here: following `sensitive` from columns to features. Does not belong here: hiding.
"""

from __future__ import annotations

from ml_assets.spec.project import Project


def sensitive_inputs(project: Project, name: str) -> tuple[str, ...]:
    """Return the features and slices of a model whose values may not be shown.

    A feature is sensitive if a source of it is; one that names no sources is, if any column of
    the model's datasets is.
    """
    model = project.models[name]
    datasets = [model.dataset, *(join.dataset for join in model.joins)]
    hidden = {
        f"{dataset}.{column}"
        for dataset in datasets
        for column, declared in project.datasets[dataset].columns.items()
        if declared.sensitive
    }
    features = {
        feature
        for feature, column in model.features.columns.items()
        if hidden and (not column.sources or hidden & set(column.sources))
    }
    return tuple(sorted(features | {item.partition(".")[2] for item in hidden}))
