"""What happened in a home when: actions by the time at which they were first recorded.

Belongs here: reading them by period. Does not belong here: actions as results (`records`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select

from ml_assets.store.objects import Ref
from ml_assets.store.records import refs
from ml_assets.store.state import State, actions, load


@dataclass(frozen=True)
class Happened:
    """When an action was first recorded, and what its checks said."""

    name: str
    """Unit and part: `sales/batch@2020-01#ingest`."""
    outputs: Mapping[str, Ref]
    checks: Sequence[Mapping[str, Any]]
    created: str

    @property
    def group(self) -> str:
        """The dataset or model."""
        return self.name.partition("/")[0]

    @property
    def kind(self) -> str:
        """The kind of its unit: `batch`."""
        return self._unit.partition("@")[0]

    @property
    def batch(self) -> str:
        """The batch of its unit, or the empty text."""
        return self._unit.partition("@")[2]

    @property
    def part(self) -> str:
        """Its name within its unit: `ingest`."""
        return self.name.rpartition("#")[2]

    @property
    def _unit(self) -> str:
        return self.name.rpartition("#")[0].partition("/")[2]


def happened(state: State, groups: Sequence[str], start: str, end: str) -> Iterator[Happened]:
    """Yield the actions of datasets and models that were recorded from a time until another.

    Oldest first; times are ISO (UTC).
    """
    mine = or_(*(actions.c.name.startswith(f"{name}/", autoescape=True) for name in groups))
    columns = [actions.c[name] for name in ("name", "outputs", "checks", "created")]
    query = select(*columns).where(mine, actions.c.created >= start, actions.c.created < end)
    with state.read() as db:
        for row in db.execute(query.order_by(actions.c.created, actions.c.key)):
            yield Happened(row.name, refs(row.outputs), load(row.checks), row.created)
