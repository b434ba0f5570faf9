"""The joined tables of an environment as frames, prepared once for each content.

Belongs here: which tables a batch's rows are joined with, as in the recipe of its features. Does
not belong here: which batch a row belongs to (`model`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ml_assets.spec.calendar import Calendar
from ml_assets.stages.frames import to_frame
from ml_assets.stages.moments import Ints, event_times
from ml_assets.stages.schema import table_schema

if TYPE_CHECKING:
    import pandas as pd

    from ml_assets.spec.dataset import DatasetSpec
    from ml_assets.spec.model import FeaturesSpec
    from ml_assets.spec.score import ScoreSpec
    from ml_assets.store.home import Home

    Load = Callable[[str], pa.Table]

HELD = 12
"""Batches whose joined tables are kept in memory."""


@dataclass(frozen=True)
class Joined:
    """What the rows of one batch are joined with."""

    frames: Mapping[str, Any]
    """The arguments of the features function besides the rows."""
    missing: tuple[str, ...] = ()
    """The joined datasets that have no such batch yet: their frames are empty."""
    refused: str | None = None
    """Why rows of this batch have no prediction."""

    def times(self, name: str, column: str) -> list[Ints]:
        """Return the event times of a joined dataset, of the batch and of the ones before."""
        frames = [self.frames[name], *self.frames.get(f"{name}_previous", ())]
        return [event_times(pa.chunked_array([pa.array(frame[column])])) for frame in frames]


@dataclass(frozen=True)
class Tables:
    """The cleaned tables that an environment held at one moment, for one model."""

    held: Mapping[str, Mapping[str, tuple[str, bool]]]
    """By dataset and batch: the digest, and whether the batch may be used."""
    prepared: dict[str, Joined] = field(default_factory=dict, compare=False)
    frames: dict[str, pd.DataFrame] = field(default_factory=dict, compare=False)
    """By digest."""

    def batches(self, dataset: str) -> list[str]:
        """Return the batches of a dataset that may be used."""
        return [batch for batch, (_, usable) in self.held[dataset].items() if usable]


def tables_of(home: Home, spec: FeaturesSpec, before: Tables | None = None) -> Tables:
    """Return what an environment holds now; what `before` holds is returned itself, or shared."""
    names = [join.dataset for join in spec.joins]
    names += [spec.dataset] if spec.previous else []
    held = {
        name: {
            batch: (item.outputs["cleaned"].digest, bool(item.facts.get("usable", True)))
            for batch, item in home.records.held(home.env, f"{name}/cleaned").items()
        }
        for name in names
    }
    if before is None:
        return Tables(held)
    if before.held == held:
        return before
    wanted = {digest for by_batch in held.values() for digest, _ in by_batch.values()}
    return Tables(held, frames={d: f for d, f in list(before.frames.items()) if d in wanted})


def joined_of(
    load: Load,
    spec: ScoreSpec,
    datasets: Mapping[str, DatasetSpec],
    tables: Tables,
    batch: str,
) -> Joined:
    """Return what the rows of a batch are joined with; prepared at the first call.

    `load` reads a table of `tables` by its digest.
    """
    known = tables.prepared.get(batch)
    if known is not None:
        return known
    frames: dict[str, Any] = {}
    missing = []
    for join in spec.features.joins:
        of = datasets[join.dataset]
        digest, usable = tables.held[join.dataset].get(batch if of.calendar else "", ("", False))
        if usable:
            frames[join.dataset] = _frame(load, tables, digest)
        else:
            missing.append(join.dataset)
            frames[join.dataset] = to_frame(table_schema(of.columns).empty_table())
    for name, count in _previous(spec.features).items():
        calendar = datasets[name].calendar
        assert calendar is not None, f"{name} is a snapshot"
        there = _before(calendar, tables.batches(name), batch)
        digests = [tables.held[name][item][0] for item in there[-count:]]
        frames[f"{name}_previous"] = [_frame(load, tables, digest) for digest in digests]
    if len(tables.prepared) >= HELD:
        tables.prepared.clear()
        tables.frames.clear()
    needed = [name for name in missing if spec.join(name).stale == "refuse"]
    made = tables.prepared[batch] = Joined(frames, tuple(missing), _refused(needed, batch))
    return made


def _refused(missing: Sequence[str], batch: str) -> str | None:
    if not missing:
        return None
    said = f"{' and '.join(missing)} {'have' if len(missing) > 1 else 'has'} no batch {batch}"
    return f"join: {said.rstrip()} yet; land it, or set stale: missing"


def _previous(spec: FeaturesSpec) -> dict[str, int]:
    counts = {spec.dataset: spec.previous, **{j.dataset: j.previous for j in spec.joins}}
    return {name: count for name, count in counts.items() if count}


def _before(calendar: Calendar, batches: Sequence[str], batch: str) -> list[str]:
    limit = calendar.rank(batch)
    return [name for name in calendar.sorted(batches) if calendar.rank(name) < limit]


def _frame(load: Load, tables: Tables, digest: str) -> pd.DataFrame:
    if digest not in tables.frames:
        tables.frames[digest] = to_frame(load(digest))
    return tables.frames[digest]
