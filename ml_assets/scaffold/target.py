"""What a model predicts: task, metric and expression, from the target's values.

Belongs here: the target. Does not belong here: the inputs (`inputs`), the folds (`folds`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.errors import RequestError, UnknownName, suggest
from ml_assets.guess.profile import ColumnProfile
from ml_assets.scaffold import text
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.expressions import grammar
from ml_assets.spec.expressions.kinds import kind_of
from ml_assets.spec.metrics import METRICS, NUMBERED, Metric, plain
from ml_assets.spec.model import Task
from ml_assets.stages.expressions import value
from ml_assets.stages.frames import to_frame

FEW = 10
"""Most distinct whole numbers that are taken for classes."""
LEAST = 10
"""Fewest labelled rows from which a model is written."""
RARE = 10
"""Rows of a class below which it is said to be rare."""
SHOWN_CLASSES = 6
YES = frozenset(
    [
        "yes",
        "y",
        "true",
        "t",
        "1",
        "p",
        "pos",
        "positive",
        "good",
        "bad",
        "success",
        "fail",
        "failure",
        "churn",
        "default",
    ]
)
NUMBER = re.compile(r"[+-]?[0-9]+([.][0-9]+)?")
NO = {"no", "n", "false", "f", "0", "neg", "negative", "none", "normal"}
METRIC: dict[Task, tuple[Metric, str]] = {
    "regression": ("rmse", "or mae, if twice the error is only twice as bad"),
    "binary": ("log_loss", "or auc, if only the order of the rows matters"),
    "multiclass": ("log_loss", "or accuracy, if only the likeliest class matters"),
}


@dataclass(frozen=True)
class Target:
    """The target of a model, and the evidence for what was guessed of it."""

    columns: tuple[str, ...]
    """The columns that it is made of."""
    expression: str
    task: Task
    labels: pa.Array
    """By row: a number, true or false, or a text; null without a label."""
    about_task: tuple[str, ...] = ()
    about_target: tuple[str, ...] = ()
    metric: Metric = "log_loss"
    about_metric: str = ""
    classes: tuple[tuple[str, int], ...] = ()
    """Rows by class, most frequent first."""

    @property
    def labelled(self) -> int:
        """Rows with a label."""
        return len(self.labels) - int(self.labels.null_count)


def target_of(
    given: str,
    spec: DatasetSpec,
    table: pa.Table,
    profiles: dict[str, ColumnProfile],
    task: str | None,
    metric: str | None,
) -> Target:
    """Return the target that a column or an expression gives; RequestError or UnknownName if
    it cannot be one.
    """
    if task is not None and task not in METRICS:
        raise UnknownName.of("task", task, METRICS)
    name = given.strip("`") if given.strip("`") in spec.columns else None
    if name is None:
        target = _expression(given, spec, table)
    else:
        _refuse(name, spec, profiles[name])
        target = _column(name, spec, table, profiles[name], task)
    if task is not None and target.task != task:
        way = ""
        if task == "regression" and all(NUMBER.fullmatch(value) for value, _ in target.classes):
            way = ". If they are amounts, say type: integer or number in the dataset's defs.yaml"
        raise RequestError(f"{given!r} cannot be a target for {task}: {target.about_task[0]}{way}")
    if target.labelled < LEAST:
        raise RequestError(
            f"{given!r} has a value in {target.labelled:,} of {len(table):,} rows; "
            f"wanted at least {LEAST} rows to train and test on"
        )
    return _measured(target, metric, len(table))


def _refuse(name: str, spec: DatasetSpec, profile: ColumnProfile) -> None:
    """Raise RequestError for a column that nothing could learn to predict."""
    what = ""
    if spec.columns[name].sensitive:
        what = "is sensitive, and a report shows the values of a target; set sensitive: false"
        what += " in the dataset's defs.yaml if they may be shown"
    elif not profile.present:
        what = "has no value in any row"
    elif profile.distinct == 1:
        what = f"has one value in all {profile.present:,} rows that have one: there is no choice"
    elif profile.kind == "id":
        what = f"is an id ({'; '.join(profile.evidence)}): it says nothing of a new row"
    elif spec.columns[name].type in ("date", "timestamp"):
        what = f"is a {spec.columns[name].type}; wanted a number, a truth value or a category"
    elif spec.columns[name].type in ("text", "category") and profile.distinct * 2 > profile.present:
        what = f"has {profile.distinct:,} classes in {profile.present:,} rows: most occur once"
    if what:
        raise RequestError(f"{name!r} cannot be a target: it {what}. Name another with --target")


def _column(
    name: str, spec: DatasetSpec, table: pa.Table, profile: ColumnProfile, task: str | None
) -> Target:
    column, written = spec.columns[name], text.column(name)
    values = table[name].combine_chunks()
    if column.type == "boolean":
        return Target(
            (name,), written, "binary", values, ("true or false",), classes=_classes(values)
        )
    if column.type in ("text", "category"):
        return _categories(name, values.cast(pa.string()), written, task, quoted=True)
    whole = _whole(values)
    said = f"{profile.distinct:,} different numbers"
    if whole and profile.distinct <= 2 and task in (None, "binary"):
        return _numbers(name, values, written)
    if task == "binary":
        raise RequestError(
            f"{name!r} has {profile.distinct:,} different values, wanted 2 for binary; "
            f'say which of them count, like --target "{written} > 1"'
        )
    if task == "multiclass" or (task is None and whole and profile.distinct <= FEW):
        classes = _classes(values)
        about = (
            f"{profile.distinct} different whole numbers, taken for classes. If they are amounts: "
            "task: regression, metric: rmse, families median instead of prior",
        )
        return Target(
            (name,), written, "multiclass", values.cast(pa.string()), about, classes=classes
        )
    about = (said,)
    if whole and profile.distinct <= 2 * FEW:
        about = (
            f"only {said}, taken for amounts. If they are classes: task: multiclass, "
            "metric: log_loss, families prior instead of median",
        )
    return Target((name,), written, "regression", values.cast(pa.float64()), about)


def _categories(
    name: str, values: pa.Array, written: str, task: str | None, quoted: bool
) -> Target:
    classes = _classes(values)
    if len(classes) != 2 or task == "multiclass":
        about = f"{len(classes)} classes: {_shares(classes)}"
        if task == "binary":
            raise RequestError(
                f"{name!r} has {len(classes)} values, wanted 2 for binary; say which of them "
                f'count, like --target "{written} == {classes[-1][0]!r}"'
            )
        return Target((name,), written, "multiclass", values, (about,), classes=classes)
    yes, why = _positive([value for value, _ in classes])
    return Target(
        (name,),
        f"{written} == {yes!r}" if quoted else f"{written} == {yes}",
        "binary",
        pc.equal(values, yes),
        (f"2 values: {_shares(classes)}",),
        (f"{yes} is predicted: {why}",),
        classes=classes,
    )


def _numbers(name: str, values: pa.Array, written: str) -> Target:
    numbers = sorted(set(values.drop_null().to_pylist()))
    classes = _classes(values)
    about = (f"2 values: {_shares(classes)}",)
    if numbers == [0, 1]:
        return Target((name,), written, "binary", values.cast(pa.int8()), about, classes=classes)
    yes = numbers[-1]
    said = (f"{yes:g} is predicted: the greater of the two",)
    return Target(
        (name,),
        f"{written} == {yes:g}",
        "binary",
        pc.equal(values, yes),
        about,
        said,
        classes=classes,
    )


def _expression(given: str, spec: DatasetSpec, table: pa.Table) -> Target:
    try:
        kind = kind_of(given, spec.columns)
        names = sorted(grammar.names(grammar.parse(given, spec.columns)))
    except ValueError as error:
        near = suggest(given, spec.columns)
        raise RequestError(
            f"no column {given!r}{near}. It is not an expression of columns either: {error}"
        ) from None
    tasks: dict[Any, Task] = {"boolean": "binary", "number": "regression", "text": "multiclass"}
    if not names or kind not in tasks:
        raise RequestError(f"{given!r} gives the same for each row, or a time; wanted a target")
    present = np.ones(len(table), dtype=bool)
    for name in names:
        present &= table[name].is_valid().to_numpy()
    labels = pa.nulls(len(table), pa.float64() if kind == "number" else pa.string())
    if present.any():
        values = value(given, to_frame(table.filter(pa.array(present))), "target")
        some = pa.Array.from_pandas(values.astype(object))
        at = pa.array(np.where(present, np.cumsum(present) - 1, -1))
        labels = some.take(pa.array(at.to_pylist(), mask=~present))
    about = f"an expression that gives {'true or false' if kind == 'boolean' else f'a {kind}'}"
    classes = () if kind == "number" else _classes(labels)
    if kind != "number" and len(classes) == 1:
        raise RequestError(f"{given!r} is {classes[0][0]} in all rows: there is no choice")
    return Target(tuple(names), given, tasks[kind], labels, (about,), classes=classes)


def _measured(target: Target, metric: str | None, rows: int) -> Target:
    usual, other = METRIC[target.task]
    if metric in NUMBERED:
        raise RequestError(f"{metric} needs a number between 0 and 1, such as {metric}_0.9")
    if metric is not None and plain(metric) not in METRICS[target.task]:
        near = suggest(metric, METRICS[target.task])
        raise RequestError(f"no metric {metric!r} for {target.task}{near}")
    about = list(target.about_target)
    if target.labelled < rows:
        gone = rows - target.labelled
        about.append(f"{gone:,} of {rows:,} rows have no value: no label, so no part in any fold")
    rare = [f"{value} in {count}" for value, count in target.classes if count < RARE]
    if rare:
        about.append(
            f"rare classes (rows): {text.listed(rare)}; a fold may have none of them, and what "
            "training has never seen cannot be predicted"
        )
    return replace(
        target,
        metric=metric or usual,
        about_target=tuple(about),
        about_metric=other if metric is None else "",
    )


def _classes(values: pa.Array) -> tuple[tuple[str, int], ...]:
    counts = pc.value_counts(values.drop_null()).to_pylist()
    classes = [(_named(item["values"]), int(item["counts"])) for item in counts]
    return tuple(sorted(classes, key=lambda item: (-item[1], item[0])))


def _named(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _shares(classes: Sequence[tuple[str, int]]) -> str:
    total = sum(count for _, count in classes)
    said = [f"{value} in {count / total:.1%} of rows" for value, count in classes]
    return text.listed(said, SHOWN_CLASSES)


def _positive(values: Sequence[str]) -> tuple[str, str]:
    """Return which of two values (most frequent first) is predicted, and why."""
    words = [value.strip().lower() for value in values]
    for here, there in ((0, 1), (1, 0)):
        if words[here] in YES and words[there] not in YES:
            return values[here], f"the other value is {values[there]}"
        if words[there] in NO and words[here] not in NO:
            return values[here], f"the other value is {values[there]}"
    return values[1], "the rarer of the two"


def _whole(values: pa.Array) -> bool:
    if pa.types.is_integer(values.type):
        return True
    numbers = values.drop_null()
    return bool(pc.all(pc.equal(pc.floor(numbers), numbers)).as_py())
