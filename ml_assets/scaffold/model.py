"""A new model's defs.yaml, from its target alone: the choices of the other modules, as text.

Belongs here: the order and wording of the file. Does not belong here: what is guessed, and how.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.engine.plan import Planner
from ml_assets.errors import RequestError, UnknownName
from ml_assets.guess.facts import Facts
from ml_assets.guess.kinds import guessed
from ml_assets.guess.profile import ColumnProfile
from ml_assets.scaffold import text
from ml_assets.scaffold.entities import Entity, entity_of
from ml_assets.scaffold.families import SMALL, borders, training_lines
from ml_assets.scaffold.folds import split_lines
from ml_assets.scaffold.inputs import InputColumn, inputs_of
from ml_assets.scaffold.leaks import Leak, leaks_of
from ml_assets.scaffold.rows import rows_of
from ml_assets.scaffold.target import Target, target_of
from ml_assets.spec.columns import ColumnType
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.model import Task
from ml_assets.spec.text import comment, one_line, scalar

TRAIN = 0.7
"""The share of rows that train, about: leaves are sized by it."""
SLICES = 3
"""Most slices that are proposed."""
SLICE_VALUES = 12
SLICE_ROWS = 100

WHEN = (
    "a time: the test rows are later than all that a model has seen, so it says nothing of them; "
    "take it in where seasons of several years matter"
)


@dataclass(frozen=True)
class Asked:
    """What a person says of a new model."""

    name: str
    dataset: str
    target: str
    task: str | None = None
    metric: str | None = None
    predict_at: str | None = None
    group: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    """Columns that are inputs, whatever speaks against it."""
    files: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Written:
    """The text of a spec, and what was decided in it."""

    text: str
    task: Task
    target: str
    inputs: tuple[str, ...]
    left_out: dict[str, str]
    leaks: tuple[str, ...]
    """Columns left out that all but give the target."""
    to_land: tuple[Path, ...]
    """Files that were looked at and have not landed."""


def model_text(planner: Planner, asked: Asked) -> Written:
    """Return the defs.yaml of a new model.

    RequestError or UnknownName says what of the request will not do.
    """
    if asked.dataset not in planner.project.datasets:
        raise UnknownName.of("dataset", asked.dataset, planner.project.datasets)
    spec = planner.project.datasets[asked.dataset]
    for name in (*asked.group, *asked.keep):
        if name not in spec.columns:
            raise UnknownName.of(f"column of {asked.dataset}", name, spec.columns)
    rows = rows_of(planner, asked.dataset, asked.files)
    profiles = {name: _profile(name, rows.table[name]) for name in spec.columns}
    target = target_of(asked.target, spec, rows.table, profiles, asked.task, asked.metric)
    moment = _moment(spec, target, asked.predict_at)
    later = _later(spec, moment)
    _refuse_kept(asked, spec, target, dict.fromkeys(later, f"is known later than {moment}"))
    entity = None
    if not asked.group:
        entity = entity_of(rows.table, profiles, {*target.columns, spec.time or ""})
    apart = dict.fromkeys(later, f"known later than {moment}")
    apart |= dict.fromkeys(asked.group or _named(entity), "names what rows share")
    apart |= dict.fromkeys(target.columns, "")
    keep = asked.keep
    chosen = inputs_of(spec, profiles, apart, {}, keep)
    when = set() if asked.group else _when(spec)
    if any(item.name not in when and not item.out for item in chosen):
        apart = {**dict.fromkeys(sorted(when), WHEN), **apart}
        chosen = inputs_of(spec, profiles, apart, {}, keep)
    leaks = leaks_of(target, rows.table, {i.name: _type(i, spec) for i in _judged(chosen)})
    chosen = inputs_of(spec, profiles, apart, leaks, keep)
    taken = [item for item in chosen if not item.out]
    if not taken:
        left = "; ".join(f"{item.name}: {item.out}" for item in chosen) or "it is the only column"
        raise RequestError(f"no column is left to predict {asked.target!r} from ({left})")
    lines = [
        "type: ml_assets.TabularModel",
        "",
        *comment(
            f"Guessed from {rows.said} by `ml-assets new model`. The comments are the evidence: "
            "correct what is wrong."
        ),
        "attributes:",
        f"  description: {scalar(f'{asked.target} of {asked.dataset}')}"
        "  # TODO: what is predicted, for whom",
        f"  dataset: {asked.dataset}",
        *_target_lines(target, moment, spec),
        "",
        *_feature_lines(chosen, leaks),
        "",
        "  split:",
        *split_lines(spec, rows, target, entity, asked.group),
        "",
        *training_lines(target, TRAIN, _splits(taken, target, spec, profiles)),
        *_interval_lines(target, _slices(spec, profiles, taken)),
        *_evaluation_lines(_slices(spec, profiles, taken)),
        *_monitoring_lines(spec),
    ]
    if asked.group or spec.time is None or spec.calendar is None:
        lines += _gate_lines(spec, target, asked.group or _named(entity))
    left_out = {item.name: item.out for item in chosen if item.out}
    return Written(
        "\n".join(lines) + "\n",
        target.task,
        target.expression,
        tuple(item.name for item in taken),
        left_out,
        tuple(item.name for item in chosen if item.leak),
        rows.to_land,
    )


def _refuse_kept(asked: Asked, spec: DatasetSpec, target: Target, why: Mapping[str, str]) -> None:
    """Raise RequestError for columns that no model may have as an input."""
    barred = {**why, **dict.fromkeys(target.columns, "is what the target is made of")}
    if len(spec.key) == 1:
        barred[spec.key[0]] = f"is the key of {asked.dataset}"
    wrong = [f"{name} {barred[name]}" for name in asked.keep if name in barred]
    if wrong:
        raise RequestError(f"--keep: {'; '.join(wrong)}; it cannot be an input")


def _splits(
    taken: Sequence[InputColumn],
    target: Target,
    spec: DatasetSpec,
    profiles: Mapping[str, ColumnProfile],
) -> int:
    return sum(
        borders(
            profiles[item.name].distinct,
            _type(item, spec) in ("category", "text"),
            len(target.classes),
        )
        for item in taken
    )


def _when(spec: DatasetSpec) -> set[str]:
    """Return the columns that say when a row was, of a dataset whose newest rows are tested."""
    if spec.time is None or spec.calendar is None:
        return set()
    parts = spec.columns[spec.time].source or ()
    return {spec.time, *((parts,) if isinstance(parts, str) else parts)} & set(spec.columns)


def _profile(name: str, column: pa.ChunkedArray) -> ColumnProfile:
    facts = Facts(name)
    for chunk in column.chunks:
        facts.add(pc.fill_null(chunk.cast(pa.string()), ""))
    return guessed(facts)


def _named(entity: Entity | None) -> tuple[str, ...]:
    return () if entity is None else (entity.column,)


def _judged(chosen: Sequence[InputColumn]) -> list[InputColumn]:
    return [item for item in chosen if not item.out and item.type != "text"]


def _type(item: InputColumn, spec: DatasetSpec) -> ColumnType:
    return item.type or spec.columns[item.name].type


def _moment(spec: DatasetSpec, target: Target, given: str | None) -> str | None:
    """Return the moment of prediction: by default the last before the target is known.

    Raises UnknownName for one that the dataset has not.
    """
    if given is not None:
        if given not in spec.moments:
            raise UnknownName.of("moment", given, spec.moments)
        return given
    if not spec.moments:
        return None
    order = list(spec.moments)
    known = [spec.columns[name].known_at or order[-1] for name in target.columns]
    last = max(order.index(moment) for moment in known)
    return order[max(last - 1, 0)]


def _later(spec: DatasetSpec, moment: str | None) -> set[str]:
    return set() if moment is None else set(spec.columns) - set(spec.known_at(moment))


def _target_lines(target: Target, moment: str | None, spec: DatasetSpec) -> list[str]:
    lines = [f"  task: {target.task}"]
    for said in target.about_task:
        lines = [*comment(said, 2), *lines]
    for said in (*target.about_target, *_open_set(target, spec)):
        lines += comment(said, 2)
    quoted = "  # in backticks: no plain word of an expression" if "`" in target.expression else ""
    lines.append(f"  target: {scalar(target.expression)}{quoted}")
    if moment is not None:
        others = [m for m in spec.moments if m != moment]
        about = (
            f"  # or {one_line(' or '.join(others))}: when predictions are made" if others else ""
        )
        lines.append(f"  predict_at: {scalar(moment)}{about}")
    return lines


def _open_set(target: Target, spec: DatasetSpec) -> Iterator[str]:
    """Yield what becomes of a target's values that are not in its set, if they are kept."""
    column = spec.columns[target.columns[0]]
    if len(target.columns) > 1 or column.allowed is None or column.action != "warn":
        return
    name = target.columns[0]
    if target.task == "multiclass":
        yield f"a value of {name} that is new becomes a class of its own"
    elif target.expression != text.column(name):
        yield f"a value of {name} that is new counts as the other one"
    else:
        return
    yield f"to keep such rows out, remove `action: warn` from {name} in the dataset's defs.yaml"


def _feature_lines(chosen: Sequence[InputColumn], leaks: dict[str, Leak]) -> list[str]:
    taken = [item for item in chosen if not item.out]
    typed = any(item.type for item in taken)
    lines = ["  features:"]
    lines += comment(
        "The dataset's columns are the inputs. To compute others, add here `function: "
        "features.py:build`, beside this file a features.py with `def build(frame): ...`, which "
        "returns a frame, and its columns with their types below.",
        4,
    )
    lines.append("    columns:")
    for item in taken:
        about = f"  # {one_line(item.about)}" if item.about else ""
        name = scalar(item.name)
        kind = f" {{type: {item.type}}}" if item.type else ""
        lines.append(f"      {name}:{kind}{about}" if typed else f"      - {name}{about}")
    # Leaks come last, beside the lines that make them inputs.
    out = sorted((item for item in chosen if item.out), key=lambda item: item.leak)
    if out:
        lines.append("      # Left out:")
    for item in out:
        name = scalar(item.name)
        said = f"{name}:" if typed else f"- {name}"
        lines += [f"      # {said}  # {one_line(item.out)}"]
    near = {item.name: leaks[item.name] for item in taken if item.name in leaks}
    return [*lines, *_leakage_lines(near, [item.name for item in out if item.leak])]


def _leakage_lines(near: Mapping[str, Leak], barred: Sequence[str]) -> list[str]:
    """Return what is acknowledged, and for what is left out the lines to take it in with."""
    lines = []
    if barred:
        them = "these" if len(barred) > 1 else "this"
        lines += comment(
            f"If you know {them} when predicting, remove the # of {text.listed(barred)} above "
            "and below and say why, or write the model anew with --keep:",
            4,
        )
    if near or barred:
        mark = "" if near else "# "
        lines += [f"    {mark}leakage:", f"    {mark}  acknowledged:"]
    for name, leak in near.items():
        said = (
            f"kept on request ({leak.why}): say why it is known in time"
            if leak.whole
            else f"tells one class apart ({leak.why}), not all; guessed to be known in time, "
            "confirm it"
        )
        lines.append(f"        {scalar(name)}: {scalar(said)}")
    return [*lines, *(f"    #     {scalar(name)}: WHY" for name in barred)]


def _slices(
    spec: DatasetSpec, profiles: dict[str, ColumnProfile], taken: Sequence[InputColumn]
) -> list[str]:
    """Return the inputs that are proposed as slices: few values, each in enough rows."""
    names = []
    for item in taken:
        values, column = profiles[item.name].values, spec.columns[item.name]
        if column.sensitive or values is None or column.type not in ("category", "boolean"):
            continue
        if 2 <= len(values) <= SLICE_VALUES and sorted(values.values())[-2] >= SLICE_ROWS:
            names.append(item.name)
    return names[:SLICES]


def _interval_lines(target: Target, slices: Sequence[str]) -> list[str]:
    what = "its interval" if target.task == "regression" else "its set of classes"
    about = f"# nine in ten true values should be in {what}"
    by = f", by: [{scalar(slices[0])}]" if slices else ""
    return ["", f"  prediction_intervals: {{coverage: 0.9{by}}}  {about}"]


def _evaluation_lines(slices: Sequence[str]) -> list[str]:
    if not slices:
        return []
    names = ", ".join(scalar(name) for name in slices)
    return ["", "  evaluation:", f"    slices: [{names}]  # reported and gated by value"]


def _monitoring_lines(spec: DatasetSpec) -> list[str]:
    if spec.calendar is None:
        return []
    about = "# each batch to come is compared with the training rows"
    return ["", f"  monitoring: {{}}  {about}"]


def _gate_lines(spec: DatasetSpec, target: Target, groups: Sequence[str]) -> list[str]:
    lines = []
    block = "group" if groups else "row" if spec.time is None else ""
    if block:
        lines.append(f"    not_worse: {{block: {block}}}  # {block}s are drawn: no event time")
    if target.labelled < SMALL:
        lines.append("    few_rows: cross_validation  # where the test rows are too few to compare")
    return ["", "  gate:", *lines] if lines else []
