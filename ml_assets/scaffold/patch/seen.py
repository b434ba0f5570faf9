"""What landed files hold that a dataset's spec does not expect.

Belongs here: reading the newest file of each batch again, and counting. Does not belong here: what
to change in the spec (`suggested`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.engine.plan import Planner
from ml_assets.engine.recipes.dataset import clean_spec, ingest_spec
from ml_assets.spec.dataset import CleanSpec, DatasetSpec
from ml_assets.spec.project import Project
from ml_assets.stages import cleaning
from ml_assets.stages.budget import within
from ml_assets.stages.clean import filtered
from ml_assets.stages.contract import broken
from ml_assets.stages.frames import to_frame
from ml_assets.stages.ingest import ingest, read
from ml_assets.stages.ingest.columns import expected
from ml_assets.stages.ingest.source import Unreadable
from ml_assets.stages.labels import at_once
from ml_assets.stages.memory import InMemory
from ml_assets.stages.schema import LINE
from ml_assets.store.batches import Landed

EXAMPLES = 3
RULES = ("range", "allowed", "not_null")


@dataclass
class BrokenRule:
    """The rows that break one rule of a column, over all batches."""

    rows: int = 0
    batches: dict[str, int] = field(default_factory=dict)
    values: Counter[Any] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    """Values with file and line."""
    whole: bool = False
    """Whether a batch was refused, of which this rule was broken."""

    def add(self, batch: str, rows: int) -> None:
        """Count rows of a batch."""
        self.rows += rows
        self.batches[batch] = self.batches.get(batch, 0) + rows


@dataclass
class Seen:
    """What is unexpected in the newest files of a dataset."""

    broken: dict[tuple[str, str], BrokenRule] = field(default_factory=dict)
    """By column and rule: `range`, `allowed`, `not_null`, or `parse`."""
    missing: dict[str, list[str]] = field(default_factory=dict)
    """By column of the contract's files: the batches whose file lacks it."""
    extra: dict[str, list[str]] = field(default_factory=dict)
    """By column that is not in the contract: the batches whose file has it."""
    files: dict[str, Landed] = field(default_factory=dict)
    """The newest file of each batch, in calendar order."""
    looked: int = 0
    """Batches whose rows were read again."""


def seen(planner: Planner, dataset: str) -> Seen:
    """Read the newest files again that do not fit the spec without a remark."""
    home = planner.home
    newest = {
        b: landings[0] for (name, b), landings in home.batches.landed().items() if name == dataset
    }
    withdrawn = home.batches.withdrawn(home.env)
    for (name, batch), out in withdrawn.items():
        if name == dataset and batch in newest and newest[batch].id <= out.upto:
            del newest[batch]
    survey = Seen(
        files={batch: newest[batch] for batch in planner.project.ordered(dataset, newest)}
    )
    current = home.records.all_current(home.env)
    for batch, landed in survey.files.items():
        held = current.get((f"{dataset}/quarantine", batch))
        if held is not None and held.facts.get("landing") == landed.digest and _fits(held.facts):
            continue
        survey.looked += 1
        _read(survey, planner.project, dataset, batch, home.objects.read(landed.digest))
    return survey


def _fits(facts: Mapping[str, Any]) -> bool:
    remarks = any("not in the contract" in text for text in facts.get("warnings", ()))
    troubled = facts.get("quarantined") or facts.get("warned") or facts.get("refused")
    return not troubled and not remarks


def _read(survey: Seen, project: Project, dataset: str, batch: str, content: bytes) -> None:
    spec = project.datasets[dataset]
    try:
        source = read(content, spec.landing, spec.columns)
    except Unreadable:
        return
    names, wanted = list(source.names), expected(spec.columns)
    whole = set(names).difference(*(part.columns for part in source.lacks))
    for name in wanted if spec.on_missing_column != "ignore" else ():
        if name not in whole:
            survey.missing.setdefault(name, []).append(batch)
    for name in names:
        if name and name not in wanted:
            survey.extra.setdefault(name, []).append(batch)
    # What refuses a file as a whole hides what is wrong in it.
    milder: dict[str, Any] = {"on_new_column": "ignore"}
    if spec.on_type_change != "ignore":
        milder["on_type_change"] = "quarantine"
    reading = ingest_spec(project, dataset).model_copy(update=milder)
    parsed: Mapping[str, Any] = ingest(reading, landed=InMemory(content)).outputs
    if parsed["summary"]["refused"] is not None:
        return
    file = survey.files[batch].name
    parts = [*_rejected(spec, parsed["rejects"], file)]
    parts += _judged(clean_spec(project, dataset), parsed["raw"], file)
    landed = parsed["summary"]["landed"]
    for key, count, values, examples in parts:
        one = survey.broken.setdefault(key, BrokenRule())
        one.add(batch, count)
        one.values.update(values)
        one.examples += examples[: EXAMPLES - len(one.examples)]
        one.whole |= not within(spec, count, landed)


Part = tuple[tuple[str, str], int, Counter[Any], list[str]]


def _rejected(spec: DatasetSpec, rejects: pa.Table, file: str) -> Iterator[Part]:
    for name, column in spec.columns.items():
        mine = rejects.filter(pc.equal(rejects["column"], name))
        if not mine.num_rows:
            continue
        shown = mine.slice(0, EXAMPLES).to_pylist()
        said = [f"{row['reason']} ({file} line {row[LINE]})" for row in shown]
        yield (name, "parse"), mine.num_rows, Counter(), [] if column.sensitive else said


def _judged(params: CleanSpec, raw: pa.Table, file: str) -> Iterator[Part]:
    contract, filters = params.contract, params.filters
    if params.labels is not None:
        # What waits for a label refuses no row.
        contract = at_once(contract, params.labels)
        filters = tuple(item for item in filters if item.id not in params.labels.filters)
    done = cleaning.apply(params.cleaning, raw)
    frame = to_frame(done)
    kept = np.array([name is None for name in filtered(filters, frame)], dtype=bool)
    for rule, mask in broken(contract, frame).items():
        column, _, kind = rule.rpartition(".")
        if kind not in RULES or column not in contract.columns or not (mask & kept).any():
            continue
        rows = done.select([LINE, column]).filter(pa.array(mask & kept))
        values = rows[column].to_pylist()
        lines = rows[LINE].to_pylist()
        said = [f"{v!r} ({file} line {n})" for v, n in zip(values, lines, strict=True)][:EXAMPLES]
        hidden = contract.columns[column].sensitive
        yield (
            (column, kind),
            len(values),
            Counter() if hidden else Counter(values),
            ([] if hidden else said),
        )
