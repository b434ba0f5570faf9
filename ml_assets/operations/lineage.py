"""What a version was computed from, down to the landed files.

`history/ancestry.py` finds the actions and the producers of their inputs; this module turns them
into the versions and landed files that people know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ml_assets.assets.cells import Cell
from ml_assets.assets.edges import sources_of
from ml_assets.assets.registry import PREDICTED
from ml_assets.engine.address import FoundVersion
from ml_assets.engine.plan import Planner
from ml_assets.history.ancestry import ancestry_of


@dataclass
class Node:
    """A version (or a landed file) and its inputs."""

    cell: Cell
    version: str
    digest: str
    rows: int | None = None
    created: str = ""
    """When this content was first produced."""
    made: str = ""
    """When the newest of its actions was recorded; actions may be newer than their content."""
    seconds: float = 0.0
    """The total time of its actions, wherever they ran."""
    file: str | None = None
    actions: dict[str, str] = field(default_factory=dict)
    """Part -> action key."""
    code: dict[str, str] = field(default_factory=dict)
    """Part -> `module:function`."""
    inputs: list[str] = field(default_factory=list)
    """Names of the nodes that it was computed from."""

    @property
    def name(self) -> str:
        """`flights/cleaned@2013-03:v0`; a landed file has its number among the landings."""
        return f"{self.cell}:{self.version}"

    def to_json(self) -> dict[str, Any]:
        """Return the node as `ml-assets lineage --json` prints it."""
        return {
            "name": self.name,
            "asset": self.cell.asset,
            "partition": self.cell.partition or None,
            "version": self.version,
            "digest": self.digest,
            "rows": self.rows,
            "file": self.file,
            "created": self.created,
            "actions": [
                {"part": part, "key": key, "stage": self.code[part]}
                for part, key in self.actions.items()
            ],
            "inputs": self.inputs,
        }


def lineage(planner: Planner, revision: FoundVersion) -> dict[str, Node]:
    """Return name -> node of a version and all its ancestors, itself first.

    For a version that the environment holds, the actions are those of its current record.
    """
    return _Walk(planner, [revision]).nodes()


def steps(planner: Planner, cells: Iterable[Cell]) -> dict[str, Node]:
    """Return name -> node of the cells' current versions and their direct inputs.

    The inputs' nodes have no inputs or actions; empty cells are left out.
    """
    records = planner.home.records
    held = records.all_current(planner.home.env)
    revisions = []
    for cell in cells:
        now = held.get((cell.asset, cell.partition))
        if now is not None:
            versions = records.versions(cell.asset, cell.partition)
            item = next(version for version in versions if version.number == now.number)
            revisions.append(FoundVersion(cell, item, now))
    return _Walk(planner, revisions).nodes(deep=False)


class _Walk:
    """From all ancestors of a version's actions to the versions that they produced."""

    def __init__(self, planner: Planner, start: Sequence[FoundVersion]) -> None:
        self._records = planner.home.records
        self._project = planner.project
        self._held = self._records.all_current(planner.home.env)
        self._landings = planner.home.batches.landed()
        self._ancestry = ancestry_of(planner.home)
        prefer = {key for held in self._held.values() for key in held.actions.values()}
        self._start = start
        keys = [
            key
            for revision in start
            for key in self._actions(revision).values()
            if key in self._ancestry.steps
        ]
        self._closure = self._ancestry.closure(keys, prefer=prefer)

    def nodes(self, deep: bool = True) -> dict[str, Node]:
        nodes: dict[str, Node] = {}
        near: dict[str, Node] = {}
        todo = list(reversed(self._start))
        while todo:
            revision = todo.pop()
            if str(revision) in nodes:
                continue
            node = nodes[str(revision)] = self._node(revision)
            for parent in self._parents(revision, node.actions.values()):
                name = parent.name if isinstance(parent, Node) else str(parent)
                if name not in node.inputs:
                    node.inputs.append(name)
                if isinstance(parent, Node):
                    nodes.setdefault(name, parent)
                elif not deep:
                    version = parent.version
                    near[name] = Node(parent.cell, f"v{version.number}", version.digest)
                elif name not in nodes:
                    todo.append(parent)
        return {**near, **nodes}

    def _actions(self, revision: FoundVersion) -> dict[str, str]:
        """Return the actions that produced a version, by part, without checks."""
        held = revision.version.actions if revision.current is None else revision.current.actions
        return {part: key for part, key in held.items() if not part.startswith("check:")}

    def _node(self, revision: FoundVersion) -> Node:
        version, steps = revision.version, self._ancestry.steps
        keys = {part: key for part, key in self._actions(revision).items() if key in steps}
        return Node(
            revision.cell,
            f"v{version.number}",
            version.digest,
            version.rows,
            version.created,
            made=max((steps[key].created for key in keys.values()), default=version.created),
            seconds=sum(steps[key].seconds for key in keys.values()),
            actions=keys,
            code={part: steps[key].stage for part, key in keys.items()},
        )

    def _parents(
        self, revision: FoundVersion, keys: Iterable[str]
    ) -> Iterator[FoundVersion | Node]:
        """Yield an asset's inputs in the graph, without results that pass between actions."""
        above = {*sources_of(self._project, revision.cell.asset)}
        if revision.cell.name in PREDICTED:
            # The scorer is pinned: the current candidate may be another.
            above.add(f"{revision.cell.group}/candidate")
        for key in keys:
            for digest, maker in self._closure.makers.get(key, ()):
                parent = self._landed(key, digest) if maker is None else self._made(maker, digest)
                if parent is not None and parent.cell.asset in above:
                    yield parent

    def _made(self, maker: str, digest: str) -> FoundVersion | None:
        """Return the version with this content that an action produced."""
        step = self._ancestry.steps[maker]
        for name, ref in step.outputs.items():
            cell = step.cell(name)
            held = self._held.get((cell.asset, cell.partition))
            for version in self._records.versions(cell.asset, cell.partition):
                if ref.digest == digest in {out.digest for out in version.outputs.values()}:
                    now = held if held is not None and held.number == version.number else None
                    return FoundVersion(cell, version, now)
        return None

    def _landed(self, key: str, digest: str) -> Node | None:
        unit = self._ancestry.steps[key].cell()
        landings = self._landings.get((unit.group, unit.partition), [])
        for number, item in enumerate(reversed(landings)):
            if item.digest == digest:
                cell = Cell(f"{unit.group}/landing", unit.partition)
                return Node(cell, f"v{number}", digest, created=item.landed, file=item.name)
        return None
