"""A section of the report (text, tables, plots), and its inputs.

Belongs here: plain data that the template lays out. Does not belong here: HTML, figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

from ml_assets.stages.evaluate.bootstrap import Draws
from ml_assets.stages.evaluate.drawing import Plot
from ml_assets.stages.evaluate.rows import PredictedRows
from ml_assets.stages.train.encode import Array

if TYPE_CHECKING:
    from ml_assets.spec.model import EvaluateSpec


@dataclass(frozen=True)
class Study:
    """The test rows as sections measure them; `loss` (n,) is each row's share of the metric."""

    spec: EvaluateSpec
    rows: PredictedRows
    draws: Draws
    loss: Array
    gains: Mapping[str, float]
    """Gain in training by feature, if the family reports it."""


@dataclass(frozen=True)
class View:
    """All documents that a report is built from."""

    spec: EvaluateSpec
    metrics: Mapping[str, Any]
    sections: Mapping[str, Any]
    """What each section measured, by name."""
    explained: Mapping[str, Any]
    optimism: Mapping[str, Any]
    change: Mapping[str, Any]
    """The comparison with the previous candidate (`paired/change`)."""
    folds: Mapping[str, pa.Table]
    """Row references by fold."""
    candidate: str | None = None
    """The content digest of the reported candidate."""


@dataclass(frozen=True)
class TableCell:
    """A table's cell; `tags` are (text, mood), `bar` is a length in percent."""

    text: str
    tags: Sequence[tuple[str, str]] = ()
    bar: float | None = None
    under: str = ""
    code: bool = False


Text: TypeAlias = TableCell | str


@dataclass(frozen=True)
class Line:
    """A table's line; the first cell names it. `mood` is `chosen`, `few` or nothing."""

    cells: Sequence[Text]
    mood: str = ""


@dataclass(frozen=True)
class ReportTable:
    """A table; `left` are the columns of text, `folded` is its label while collapsed."""

    label: str
    head: Sequence[str]
    lines: Sequence[Line]
    left: Sequence[int] = ()
    title: str = ""
    folded: str = ""

    kind = "table"


@dataclass(frozen=True)
class Section:
    """A section of the page: an introduction, plots side by side, tables, notes."""

    name: str
    title: str
    text: str
    tables: Sequence[ReportTable] = ()
    plots: Sequence[Plot] = ()
    notes: Sequence[str] = ()


def lines(rows: Sequence[Sequence[Text]]) -> list[Line]:
    """Return plain lines."""
    return [Line(row) for row in rows]


def nothing(name: str, title: str, why: str) -> Section:
    """Return a section that says why it is empty."""
    return Section(name, title, f"Not computed: {why}.")
