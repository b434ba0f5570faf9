"""Parts of dates and times as ONNX operators, exact in double precision.

Belongs here: the parts that `train/elements` computes. Does not belong here: families.
Days to year, month and day go by Howard Hinnant's algorithm ("chrono-Compatible Low-Level Date
Algorithms", 2013): whole numbers only, each far below 2^53.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ml_assets.faults import NotExpressible
from ml_assets.stages.release.graph import Graph
from ml_assets.stages.train.elements import DAY, TABLES
from ml_assets.stages.train.prepare import taken


def prepared(graph: Graph, document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Add the parts of each date and time; return the document with the columns of its family.

    A time comes as whole seconds since 1970 (n, 1). Raises NotExpressible where there is a text.
    """
    prepare = document.get("prepare")
    if not prepare:
        return document
    texts = [name for name, said in sorted(prepare.items()) if said["type"] == "text"]
    if texts:
        raise NotExpressible(
            f"{', '.join(texts)}: a text is split into words, for which ONNX has no operators"
        )
    for feature, said in sorted(prepare.items()):
        parts = _Parts(graph, feature)
        for name, part in sorted(said["parts"].items()):
            graph.named(name, _within(graph, parts.of(part), said.get("ends", {}).get(part)))
    return {**document, "columns": taken(document["columns"], prepare)}


def _within(graph: Graph, value: str, ends: Sequence[float] | None) -> str:
    """Return a part within its ends; missing stays missing."""
    if ends is None:
        return value
    for kind, end in zip(("Less", "Greater"), ends, strict=True):
        limit = graph.constant(np.float64(end))
        value = graph.op("Where", graph.op(kind, value, limit), limit, value)
    return value


class _Parts:
    """The parts of one time, each of its steps added once."""

    def __init__(self, graph: Graph, seconds: str) -> None:
        self._graph = graph
        self._seconds = seconds
        self._known: dict[str, str] = {}

    def of(self, part: str) -> str:
        """Return the tensor (n, 1) of a part."""
        if part not in self._known:
            self._known[part] = self._added(part)
        return self._known[part]

    def _added(self, part: str) -> str:
        if part == "days":
            return self._op("Div", self._seconds, float(DAY))
        if part == "hour":
            return self._op("Div", self.of("_second"), 3600.0)
        if part == "weekday":
            return self._rest(self._op("Add", self.of("_day"), 3.0), 7.0)
        if part.startswith("hour_"):
            return self._looked_up(part, self._floor(self.of("_second"), 3600.0))
        if part.startswith("month_"):
            return self._looked_up(part, self._op("Sub", self.of("month"), 1.0))
        if part == "_day":
            return self._floor(self._seconds, float(DAY))
        if part == "_second":
            return self._rest(self._seconds, float(DAY))
        return self._civil(part)

    def _civil(self, part: str) -> str:
        """Return `year`, `month` or `day`; years begin in March, within eras of 400 years."""
        day = self._op("Add", self.of("_day"), 719_468.0)
        era, of_era = self._floor(day, 146_097.0), self._rest(day, 146_097.0)
        leap = self._op("Sub", of_era, self._floor(of_era, 1460.0))
        leap = self._op("Add", leap, self._floor(of_era, 36_524.0))
        leap = self._op("Sub", leap, self._floor(of_era, 146_096.0))
        year = self._floor(leap, 365.0)
        before = self._op("Add", self._op("Mul", year, 365.0), self._floor(year, 4.0))
        before = self._op("Sub", before, self._floor(year, 100.0))
        of_year = self._op("Sub", of_era, before)
        fifth = self._op("Add", self._op("Mul", of_year, 5.0), 2.0)
        march = self._floor(fifth, 153.0)
        if part == "day":
            first = self._floor(self._op("Add", self._op("Mul", march, 153.0), 2.0), 5.0)
            return self._op("Add", self._op("Sub", of_year, first), 1.0)
        early = self._graph.op("Less", march, self._graph.constant(10.0))
        month = self._graph.op(
            "Where", early, self._op("Add", march, 3.0), self._op("Sub", march, 9.0)
        )
        if part == "month":
            return month
        one, none = self._graph.constant(1.0), self._graph.constant(0.0)
        # January and February are of the next year that begins in March.
        later = self._graph.op("Where", early, none, one)
        year = self._op("Add", year, self._op("Mul", era, 400.0))
        return self._graph.op("Add", year, later)

    def _looked_up(self, part: str, place: str) -> str:
        missing = self._graph.op("IsNaN", place)
        index = self._graph.op("Where", missing, self._graph.constant(0.0), place)
        index = self._graph.op("Cast", index, to=7)  # TensorProto.INT64
        table = self._graph.constant(np.array(TABLES[part], dtype=np.float64))
        gathered = self._graph.op("Gather", table, index)
        return self._graph.op("Where", missing, self._graph.constant(np.nan), gathered)

    def _floor(self, value: str, by: float) -> str:
        return self._graph.op("Floor", self._op("Div", value, by))

    def _rest(self, value: str, by: float) -> str:
        return self._op("Sub", value, self._op("Mul", self._floor(value, by), by))

    def _op(self, kind: str, value: str, other: str | float) -> str:
        other = other if isinstance(other, str) else self._graph.constant(other)
        return self._graph.op(kind, value, other)
