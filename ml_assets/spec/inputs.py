"""A model's features held against the columns of its dataset.

Belongs here: what a feature takes from the column of its name (type, source), and whether it may.
Does not belong here: target, split and joins (`project`), computing features (`stages`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ml_assets.errors import suggest
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.expressions import grammar
from ml_assets.spec.families import GroupMedian
from ml_assets.spec.mistakes import Place
from ml_assets.spec.model import FeatureColumn, ModelSpec

OF: Mapping[str, tuple[str, ...]] = {
    "integer": ("integer", "number", "category"),
    "number": ("number",),
    "boolean": ("boolean", "category"),
    "category": ("category", "text"),
    "text": ("text", "category"),
    "date": ("date",),
    "timestamp": ("timestamp",),
}
"""By type of a column, the types that a feature may give it; the first by default."""


def resolved(model: ModelSpec, dataset: DatasetSpec) -> ModelSpec:
    """Return a model whose features have their types, and without a function their sources."""
    plain = model.features.function is None
    columns: dict[str, FeatureColumn] = {}
    for name, column in model.features.columns.items():
        updates: dict[str, object] = {}
        if column.type is None:
            updates["type"] = OF[dataset.columns[name].type][0]
        if plain:
            updates["sources"] = (_source(model, name),)
        columns[name] = column.model_copy(update=updates) if updates else column
    features = model.features.model_copy(update={"columns": columns})
    return model.model_copy(update={"features": features})


def input_mismatches(model: ModelSpec, dataset: DatasetSpec) -> Iterator[tuple[Place, str]]:
    """Yield what is wrong with the features of a model, each with its place in the spec."""
    plain = model.features.function is None
    if plain:
        yield from _without_frames(model)
    yield from _wrong_groups(model, dataset)
    yield from _wrong_slices(model, dataset)
    barred = _barred(model, dataset) if plain else {}
    for name, column in model.features.columns.items():
        place: Place = ("features", "columns", name)
        if name not in dataset.columns:
            if plain:
                near = suggest(name, sorted(set(dataset.columns) - set(barred)))
                said = f"no column {name!r} in {model.dataset}{near}"
                yield place, f"{said}; what is not a column needs a features.function"
            elif column.type is None:
                said = f"{model.dataset} has no column {name!r} from which to take its type"
                yield place, f"{said}; write type: {', '.join(_TYPES)}"
            continue
        if name in barred:
            yield place, barred[name]
        yield from _wrong_type(place, column, dataset.columns[name].type, plain)
        if plain and column.sources not in ((), (_source(model, name),)):
            said = f"without a function its source is {_source(model, name)}"
            yield (*place, "sources"), f"{said}; got {', '.join(column.sources)}"


_TYPES = tuple(dict.fromkeys(kind for kinds in OF.values() for kind in kinds))


def _wrong_groups(model: ModelSpec, dataset: DatasetSpec) -> Iterator[tuple[Place, str]]:
    """Yield the baselines that group by what has no groups."""
    for name, family in model.training.families.items():
        by = family.by if isinstance(family, GroupMedian) else None
        column = model.features.columns.get(by) if by is not None else None
        if by is None or column is None:
            continue
        kind = column.type or (dataset.columns[by].type if by in dataset.columns else "")
        if kind in ("date", "timestamp", "text"):
            said = f"{by!r} is a {kind}; wanted a category, integer, boolean or number"
            yield ("training", "families", name, "by"), said


def _wrong_slices(model: ModelSpec, dataset: DatasetSpec) -> Iterator[tuple[Place, str]]:
    """Yield what prediction intervals cannot have a width of its own for."""
    asked = model.prediction_intervals
    for number, name in enumerate(asked.by if asked is not None else ()):
        place: Place = ("prediction_intervals", "by", number)
        column = model.features.columns.get(name)
        if column is None:
            said = f"no feature {name!r}{suggest(name, model.features.columns)}"
            yield place, f"{said}; wanted what is known of a row that is predicted"
            continue
        kind = column.type or (dataset.columns[name].type if name in dataset.columns else "")
        if kind not in ("category", "boolean", "integer", ""):
            yield place, f"{name!r} is a {kind}; wanted a category, boolean or integer"


def _source(model: ModelSpec, name: str) -> str:
    return f"{model.dataset}.{name}"


def _without_frames(model: ModelSpec) -> Iterator[tuple[Place, str]]:
    """Yield the frames that only a function could read."""
    for part, given in (("joins", bool(model.joins)), ("previous", bool(model.previous))):
        if given:
            yield (part,), "is read by a features.function, and there is none"


def _barred(model: ModelSpec, dataset: DatasetSpec) -> dict[str, str]:
    """Return the columns that cannot be inputs as they are, each with the reason."""
    barred: dict[str, str] = {}
    if len(dataset.key) == 1:
        barred[dataset.key[0]] = "is the key: it names a row and says nothing about another"
    if model.predict_at in dataset.moments:
        known = dataset.known_at(str(model.predict_at))
        last = dataset.moments[-1]
        for name, column in dataset.columns.items():
            if name not in known:
                said = f"is known only at {column.known_at or last}"
                barred[name] = f"{said}; the model predicts at {model.predict_at}"
    try:
        read = grammar.names(grammar.parse(model.target, dataset.columns))
    except ValueError:
        # That is a mistake of its own.
        read = set()
    for name in read:
        barred[name] = f"is read by the target ({model.target})"
    return barred


def _wrong_type(
    place: Place, column: FeatureColumn, kind: str, plain: bool
) -> Iterator[tuple[Place, str]]:
    allowed = OF[kind]
    if plain and column.type is not None and column.type not in allowed:
        said = f"got {column.type}, but the column is a {kind}"
        yield (*place, "type"), f"{said}; wanted {' or '.join(allowed)}"
