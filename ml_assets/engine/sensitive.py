"""Which values are sensitive and must not be shown, logged or shipped: the rule for all output.

A column is sensitive if its dataset says so, and a feature if one of its sources is. If it names
no sources, its source is the column with its name, if its values were seen to equal that column's
(`stages/sources`, a fact of the features of each batch). Otherwise nothing is known, so it counts
as sensitive if any column that it may come from is. Belongs here: following `sensitive` from
columns to all that depends on them. Does not belong here: hiding, except in texts (`masked`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ml_assets.spec.expressions import grammar
from ml_assets.spec.model import ModelSpec
from ml_assets.spec.project import Project

if TYPE_CHECKING:
    from ml_assets.store.home import Home

Seen = Mapping[str, str]
"""Feature -> the column that its values were seen to equal, as `dataset.column`."""
FACT = "sources"
"""The name of that fact of a batch's features."""
RECORD = "text"
"""The column of quarantine with records as text; one that does not parse may contain anything."""
SHORT = re.compile(r".|\d\d?")
"""Values that are not masked in texts, since they occur everywhere."""


def looked(project: Project, model: str) -> dict[str, tuple[str, ...]]:
    """Return, for features without sources, the columns of the same name, the main dataset's first.

    It is empty if no column of the model's datasets is sensitive, since it is not needed then.
    """
    spec = project.models[model]
    if not _hidden(project, spec):
        return {}
    by_feature = {
        feature: tuple(
            f"{dataset}.{feature}"
            for dataset in _datasets(spec)
            if feature in project.datasets[dataset].columns
        )
        for feature, column in spec.features.columns.items()
        if not column.sources
    }
    return {feature: names for feature, names in by_feature.items() if names}


def agreed(facts: Iterable[Mapping[str, Any]]) -> Seen:
    """Return the sources on which the features of all batches agree."""
    said = [entry[FACT] for entry in facts if FACT in entry]
    if not said:
        return {}
    return {
        feature: column
        for feature, column in said[0].items()
        if all(other.get(feature) == column for other in said)
    }


def seen(home: Home, project: Project, model: str) -> Seen:
    """Return the sources that were seen in an environment's current features of a model."""
    if not looked(project, model):
        return {}
    return agreed(
        now.facts
        for (asset, _), now in home.records.all_current(home.env).items()
        if asset == f"{model}/features"
    )


def sensitive_inputs(project: Project, model: str, known: Seen) -> tuple[str, ...]:
    """Return the features and slices of a model whose values must not be shown."""
    spec = project.models[model]
    hidden = _hidden(project, spec)
    features = {name for name in spec.features.columns if hidden & _sources(spec, name, known)}
    unknown = undeclared(project, model, known)
    return tuple(sorted({*features, *unknown, *(item.partition(".")[2] for item in hidden)}))


def undeclared(project: Project, model: str, known: Seen) -> tuple[str, ...]:
    """Return the features that are hidden because their sources are unknown."""
    spec = project.models[model]
    if not _hidden(project, spec):
        return ()
    return tuple(name for name in spec.features.columns if not _sources(spec, name, known))


def hidden_columns(project: Project, group: str, known: Seen) -> frozenset[str]:
    """Return the columns, of any table of a dataset or model, whose values must not be shown."""
    if group in project.datasets:
        own = {name for name, c in project.datasets[group].columns.items() if c.sensitive}
        return frozenset({*own, RECORD} if own else ())
    spec = project.models[group]
    main = project.datasets[spec.dataset]
    inputs = set(sensitive_inputs(project, group, known))
    key = main.key or project.inputs(group)
    grouped = spec.split.group if spec.split.kind == "hash" else ()
    made = {
        "_key": key,
        # A row that lacks its group has its key as group.
        "_group": grouped if set(grouped) <= set(main.key) else (*grouped, *key),
        "_time": (main.time,),
        "_weight": (spec.weight,),
        **dict.fromkeys(
            ("_target", "target", "prediction", "baseline"),
            grammar.names(grammar.parse(spec.target, main.columns)),
        ),
    }
    own = {name for name, column in main.columns.items() if column.sensitive}
    return frozenset(
        {*inputs, *(f"_slice_{name}" for name in inputs)}
        | {name for name, columns in made.items() if own & set(columns)}
    )


def masked(text: str, values: Collection[str]) -> str:
    """Return a text with the given values masked wherever they occur as words."""
    from ml_assets.stages.shown import MASK

    there = {value for value in values if value in text and not SHORT.fullmatch(value)}
    for value in sorted(there, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", MASK, text)
    return text


def _datasets(spec: ModelSpec) -> Iterator[str]:
    yield spec.dataset
    yield from (join.dataset for join in spec.joins)


def _hidden(project: Project, spec: ModelSpec) -> set[str]:
    """Return the sensitive columns of a model's datasets, as `dataset.column`."""
    return {
        f"{dataset}.{name}"
        for dataset in _datasets(spec)
        for name, column in project.datasets[dataset].columns.items()
        if column.sensitive
    }


def _sources(spec: ModelSpec, feature: str, known: Seen) -> set[str]:
    declared = spec.features.columns[feature].sources
    return set(declared) or ({known[feature]} if feature in known else set())
