"""Which columns of a dataset are known only with the labels, where labels arrive later.

Belongs here: what `labels: later` means for the columns of a dataset, given the models on it.
Does not belong here: what follows for a row (`stages.clean`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from ml_assets.spec.dataset import DatasetSpec, Labels
from ml_assets.spec.expressions import grammar
from ml_assets.spec.mistakes import Place
from ml_assets.spec.model import ModelSpec

Models = Mapping[str, ModelSpec]


def labels_of(name: str, dataset: DatasetSpec, models: Models) -> Labels | None:
    """Return the label-time columns of a dataset; None where it has none.

    With moments they are the columns known after the earliest `predict_at` of its models. Without,
    they are those that targets read and no feature does.
    """
    mine = [model for model in models.values() if model.dataset == name]
    if dataset.labels is None or not mine:
        return None
    read = [_read_by_target(model, dataset) for model in mine]
    columns = _late(dataset, mine) if dataset.moments else _only_targets(name, dataset, mine, read)
    if not columns:
        return None
    needed = {tuple(c for c in columns if c in names) for names in read}
    rules = tuple(r.id for r in dataset.rules if _reads(r.expression, dataset, columns))
    filters = tuple(f.id for f in dataset.filters if _reads(f.expression, dataset, columns))
    return Labels(columns=columns, targets=tuple(sorted(needed)), rules=rules, filters=filters)


def label_mismatches(
    name: str, dataset: DatasetSpec, models: Models
) -> Iterator[tuple[Place, str]]:
    """Yield where a spec needs of every row what arrives with the labels."""
    mine = [model for model in models.values() if model.dataset == name]
    labels = labels_of(name, dataset, models)
    if dataset.labels is not None and mine and labels is None:
        said = "no column is known only with the labels"
        hint = "give the target's column a later `known_at`" if dataset.moments else "remove it"
        yield ("labels",), f"{said}; {hint}"
    if labels is None:
        return
    said = "arrives with the labels (`labels: later`), but every row needs it"
    for number, column in enumerate(dataset.key):
        if column in labels.columns:
            yield ("key", number), f"{column!r} {said}"
    if dataset.time in labels.columns:
        yield ("time",), f"{dataset.time!r} {said}"
    cut = dataset.landing.cut
    if cut is not None and cut.column in labels.columns:
        yield ("landing", "batch"), f"{cut.column!r} {said}"
    for number, step in enumerate(dataset.cleaning):
        filled = [c for c in step.columns if c in labels.columns] if step.op == "fill" else []
        if filled:
            made = f"would make up labels that have not arrived: {', '.join(filled)}"
            yield ("cleaning", number, "columns"), f"fill {made}; remove the step"


def _late(dataset: DatasetSpec, models: Collection[ModelSpec]) -> tuple[str, ...]:
    moments = [m.predict_at for m in models if m.predict_at in dataset.moments]
    if not moments:
        return ()
    first = min(moments, key=lambda moment: dataset.moments.index(str(moment)))
    known = dataset.known_at(str(first))
    return tuple(name for name in dataset.columns if name not in known)


def _only_targets(
    name: str, dataset: DatasetSpec, models: Collection[ModelSpec], read: Collection[set[str]]
) -> tuple[str, ...]:
    inputs: set[str] = set()
    for model in models:
        if model.features.function is None:
            inputs |= set(model.features.columns)
        for column in model.features.columns.values():
            sources = (source.split(".", 1) for source in column.sources)
            inputs |= {source[-1] for source in sources if source[0] == name}
    targets = set().union(*read)
    return tuple(column for column in dataset.columns if column in targets - inputs)


def _read_by_target(model: ModelSpec, dataset: DatasetSpec) -> set[str]:
    try:
        return set(grammar.names(grammar.parse(model.target, dataset.columns)))
    except ValueError:
        # That is a mistake of its own.
        return set()


def _reads(expression: str, dataset: DatasetSpec, columns: Collection[str]) -> bool:
    names = grammar.names(grammar.parse(expression, dataset.columns))
    return not names.isdisjoint(columns)
