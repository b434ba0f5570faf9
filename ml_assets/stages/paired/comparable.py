"""Can an earlier model be compared on the candidate's rows?

Belongs here: reasons why a comparison is impossible or meaningless. Does not belong here: the
comparison.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from ml_assets.stages.evaluate.rows import Fitted
    from ml_assets.stages.result import Handle

BATCHES = 3
"""Number of newest batches, known to both models in different versions, whose rows are compared."""
MOST = 0.5
"""Share of informative rows that may differ before a column counts as redefined."""


class Told(Protocol):
    """The parts of a spec on which two models must agree."""

    @property
    def target(self) -> str:
        """What is predicted."""

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that name a row."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Where none do: the columns by whose values a row is known."""


def why_silent(candidate: Fitted, other: Fitted) -> str | None:
    """Return why an earlier model cannot predict, or None."""
    if "lost" in other.model:
        return str(other.model["lost"])
    got, wanted = other.model.get("format"), candidate.model["format"]
    if got != wanted:
        return f"its document has format {got}, wanted {wanted}"
    if other.family is None:
        return f"the code of its family {other.model['source'] or other.model['family']} is gone"
    return None


def why_not(
    spec: Told,
    said: Told | None,
    candidate: Mapping[str, Any],
    other: Mapping[str, Any],
    features: Mapping[str, Handle],
    before: Mapping[str, Handle],
) -> list[str]:
    """Return why two models cannot be compared; empty if they can.

    `features` and `before` are the current features tables and those that the other model was
    trained on. Specs are compared first, then the rows that both know.
    """
    if candidate["task"] != other["task"]:
        return [f"the task was {other['task']}, is {candidate['task']}"]
    if said is not None and said.key != spec.key:
        return [f"the key was {_listed(said.key)}, is {_listed(spec.key)}"]
    if said is not None and not spec.key and (not said.inputs or set(said.inputs) - {*spec.inputs}):
        return [f"rows were known by {_listed(said.inputs)}, are by {_listed(spec.inputs)}"]
    wrong = []
    if said is not None and said.target != spec.target:
        wrong.append(f"the target was {said.target!r}, is {spec.target!r}")
    now = candidate["columns"]
    for name, kind in sorted(other["columns"].items()):
        if name not in now:
            wrong.append(f"feature {name} is gone")
        elif now[name] != kind:
            wrong.append(f"feature {name} was {kind}, is {now[name]}")
    shared = [name for name, kind in sorted(other["columns"].items()) if now.get(name) == kind]
    return wrong or _redefined(shared, features, before)


def _listed(columns: tuple[str, ...]) -> str:
    return ", ".join(columns) or "none"


def _redefined(
    columns: list[str], features: Mapping[str, Handle], before: Mapping[str, Handle]
) -> list[str]:
    """Return which columns changed their meaning, by rows available in both versions.

    A corrected delivery changes some values of some rows; a column whose definition changed
    differs in most of the informative rows, those that do not hold its most frequent value.
    """
    changed = [b for b in features if b in before and features[b].digest != before[b].digest]
    if not changed:
        return []
    wanted = ["_key", "_target", *columns]
    pairs = [
        _matched(features[b].table(wanted), before[b].table(wanted)) for b in changed[-BATCHES:]
    ]
    rows, known = sum(len(old) for _, old, _ in pairs), sum(count for _, _, count in pairs)
    if rows < MOST * known:
        return [f"keys are built differently: of {known:,} rows {rows:,} were found again"]
    now = pa.concat_tables([new for new, _, _ in pairs])
    then = pa.concat_tables([old for _, old, _ in pairs])
    wrong = []
    for name in ("_target", *columns):
        telling, differing = _differing(now[name], then[name], labels=name == "_target")
        if differing > MOST * telling:
            what = "the target" if name == "_target" else f"feature {name}"
            wrong.append(f"{what} differs in {differing:,} of {telling:,} rows known to both")
    return wrong


def _matched(now: pa.Table, then: pa.Table) -> tuple[pa.Table, pa.Table, int]:
    """Return the rows of both that share keys, in the same order, and how many `then` had."""
    place = pc.index_in(then["_key"], value_set=now["_key"].combine_chunks())
    matched = place.is_valid()
    return now.take(place.filter(matched)), then.filter(matched), len(then)


def _differing(now: pa.ChunkedArray, then: pa.ChunkedArray, labels: bool) -> tuple[int, int]:
    """Return how many rows are informative about a column, and how many of them differ."""
    now, then = _values(now), _values(then)
    if labels:
        # A label that arrived late is not a change of the target.
        both = pc.and_(now.is_valid(), then.is_valid())
        now, then = now.filter(both), then.filter(both)
    if len(then) == 0:
        return 0, 0
    counts = then.value_counts()
    usual = counts.field("values")[
        pc.index(counts.field("counts"), pc.max(counts.field("counts"))).as_py()
    ]
    same = pc.or_(pc.equal(now, then).fill_null(False), pc.and_(now.is_null(), then.is_null()))
    tells = pc.invert(pc.and_(_is(now, usual), _is(then, usual)))
    differs = pc.and_(tells, pc.invert(same))
    return int(pc.sum(tells).as_py() or 0), int(pc.sum(differs).as_py() or 0)


def _values(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one comparable array: categories as text, NaN as missing."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(pa.string())
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks else pa.array([], array.type)
    if pa.types.is_floating(array.type):
        array = pc.if_else(pc.is_nan(array).fill_null(False), pa.scalar(None, array.type), array)
    return array


def _is(column: pa.Array, value: pa.Scalar) -> pa.Array:
    return pc.equal(column, value).fill_null(False) if value.is_valid else column.is_null()
