"""What is wrong with rows, without any of their values: for answers that others may read or log.

Belongs here: every rule that a row breaks. Does not belong here: reasons with values (`read`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml_assets.stages import cleaning
from ml_assets.stages.contract import broken, rules
from ml_assets.stages.frames import to_frame
from ml_assets.stages.ingest.fields import fields
from ml_assets.stages.ingest.records import typed
from ml_assets.stages.ingest.source import Source
from ml_assets.stages.schema import LINE
from ml_assets.stages.score.read import numbered

if TYPE_CHECKING:
    from ml_assets.spec.score import RowsSpec

FEATURES = "features"
TAKEN = "a row that the features function takes"


@dataclass(frozen=True, order=True)
class Problem:
    """One rule that one row breaks."""

    row: int
    """Its number, from 0."""
    column: str | None
    """None for a rule between columns."""
    rule: str
    wanted: str
    """What the column's value must be; of another rule, the reason that its spec gives."""


def problems(spec: RowsSpec, source: Source, reasons: Mapping[int, str]) -> list[Problem]:
    """Return all problems of the rows of a source, by row.

    `reasons` are the rows without a prediction, each with its first problem in words.
    """
    _, source = numbered(source)
    listed = [*_unread(spec, source), *_broken(spec, source)]
    known = {problem.row for problem in listed}
    others = ((row, why.partition(": ")) for row, why in reasons.items() if row not in known)
    listed += [
        Problem(row, None, rule, TAKEN if rule == FEATURES else said)
        for row, (rule, _, said) in others
    ]
    return sorted(listed, key=lambda problem: (problem.row, problem.column or "", problem.rule))


def _unread(spec: RowsSpec, source: Source) -> Iterator[Problem]:
    """Yield the values that are not of their type."""
    for item in source.broken:
        yield Problem(item.line, None, item.rule, "a record that can be read")
    given = fields(source, spec.landing, spec.contract.columns)
    _, failed, _ = typed(source, given, spec.contract.columns)
    lines = source.lines.to_pylist()
    for record, columns in failed.items():
        for column, rule in columns:
            yield Problem(lines[record], column, rule, given[column][1].wanted)


def _broken(spec: RowsSpec, source: Source) -> Iterator[Problem]:
    """Yield the rules that rows break whose values are of their types."""
    given = fields(source, spec.landing, spec.contract.columns)
    table, _, _ = typed(source, given, spec.contract.columns)
    table = cleaning.apply(spec.cleaning, table)
    known = {rule.id: rule for rule in rules(spec.contract)}
    numbers = table[LINE].to_numpy()
    for name, mask in broken(spec.contract, to_frame(table)).items():
        if not known[name].warn:
            for row in np.flatnonzero(mask):
                rule = known[name]
                yield Problem(int(numbers[row]), rule.column, name, rule.wanted)
