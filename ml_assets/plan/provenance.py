"""What a version was made from, down to the landed files: the ingredients of its actions.

An action records the digests of its inputs. Here each is looked up: which version of which
asset, or which landed file, has that content. Identical content can be of several; the asset's
place in the graph and the input's own name say which is meant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ml_assets.plan.address import Found
from ml_assets.plan.cells import Cell
from ml_assets.plan.lineage import edges
from ml_assets.plan.plan import Planner


@dataclass
class Node:
    """A version (or a landed file) and what it was made from."""

    cell: Cell
    version: str
    digest: str
    rows: int | None = None
    created: str = ""
    """When this content first came about."""
    made: str = ""
    """When the newest of its actions was recorded: later, if others gave the same content."""
    seconds: float = 0.0
    """What its actions took together, wherever they ran."""
    file: str | None = None
    actions: dict[str, str] = field(default_factory=dict)
    """Part -> action key."""
    code: dict[str, str] = field(default_factory=dict)
    """Part -> `module:function`."""
    inputs: list[str] = field(default_factory=list)
    """Names of the nodes it was made from."""

    @property
    def name(self) -> str:
        """`flights/cleaned@2013-03:v0`; a landed file has its place among the landings."""
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


def lineage(planner: Planner, found: Found) -> dict[str, Node]:
    """Return name -> node of a version and of all that it was made from, itself first."""
    return _Walk(planner).walk([found])


def steps(planner: Planner, cells: Iterable[Cell]) -> dict[str, Node]:
    """Return name -> node of what cells hold now and of their own inputs, no further up.

    The inputs' nodes have no inputs and no actions; what holds nothing is left out.
    """
    records = planner.home.records
    held = records.all_current(planner.home.env)
    found = []
    for cell in cells:
        now = held.get((cell.asset, cell.partition))
        if now is not None:
            versions = records.versions(cell.asset, cell.partition)
            item = next(version for version in versions if version.number == now.number)
            found.append(Found(cell, item, now))
    return _Walk(planner).walk(found, deep=False)


class _Walk:
    def __init__(self, planner: Planner) -> None:
        self._records = planner.home.records
        self._graph = edges(planner.project)
        self._held = self._records.all_current(planner.home.env)
        self._versions: dict[str, list[Found]] = defaultdict(list)
        self._read: set[str] = set()
        self._landed: dict[str, list[Node]] = defaultdict(list)
        for (dataset, batch), landings in planner.home.batches.landed().items():
            for number, item in enumerate(reversed(landings)):
                cell = Cell(f"{dataset}/landing", batch)
                node = Node(cell, f"v{number}", item.digest, created=item.landed, file=item.name)
                self._landed[item.digest].append(node)

    def walk(self, start: Sequence[Found], deep: bool = True) -> dict[str, Node]:
        nodes: dict[str, Node] = {}
        near: dict[str, Node] = {}
        todo = list(reversed(start))
        while todo:
            found = todo.pop()
            if str(found) in nodes:
                continue
            node = nodes[str(found)] = self._node(found)
            for parent in self._parents(found, node):
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

    def _node(self, found: Found) -> Node:
        version = found.version
        held = found.current.actions if found.current is not None else version.actions
        keys = {part: key for part, key in held.items() if not part.startswith("check:")}
        known = self._records.actions(keys.values())
        return Node(
            found.cell,
            f"v{version.number}",
            version.digest,
            version.rows,
            version.created,
            made=max((record.created for record in known.values()), default=version.created),
            seconds=sum(record.seconds for record in known.values()),
            actions={part: key for part, key in keys.items() if key in known},
            code={p: known[k].ingredients["stage"] for p, k in keys.items() if k in known},
        )

    def _parents(self, found: Found, node: Node) -> Iterator[Found | Node]:
        known = self._records.actions(node.actions.values())
        for asset in self._graph[found.cell.asset]:
            self._index(asset)
        for record in known.values():
            for path, digest in leaves(record.ingredients["inputs"]):
                parent = self._made(found, path, digest)
                if parent is not None:
                    yield parent

    def _index(self, asset: str) -> None:
        """Note every version of an asset by the digests of its outputs."""
        if asset in self._read:
            return
        self._read.add(asset)
        for partition in self._records.partitions(asset):
            held = self._held.get((asset, partition))
            for item in self._records.versions(asset, partition):
                now = held if held is not None and held.number == item.number else None
                found = Found(Cell(asset, partition), item, now)
                for ref in item.outputs.values():
                    self._versions[ref.digest].append(found)

    def _made(self, made: Found, path: Sequence[str], digest: str) -> Found | Node | None:
        """Return which of those with this content is meant; None for what lies between actions."""
        cell = made.cell
        above = self._graph[cell.asset]
        candidates: list[Found | Node] = [
            item
            for item in (*self._landed.get(digest, ()), *self._versions.get(digest, ()))
            if item.cell.asset in above
        ]

        def fits(item: Found | Node) -> tuple[bool, bool, bool, str, bool, bool, str]:
            part = item.cell.partition
            before = path[0] == "previous"
            return (
                item.cell.group in path or item.cell.name.startswith(path[0]),
                part in path,
                part < cell.partition if before else part in ("", cell.partition),
                # Of the batches before, the nearest; of its versions, the one of that time.
                part,
                made.current is not None and isinstance(item, Found) and item.current is not None,
                _created(item) <= _created(made),
                _created(item),
            )

        return max(candidates, key=fits, default=None)


def _created(item: Found | Node) -> str:
    return item.version.created if isinstance(item, Found) else item.created


def leaves(tree: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield (names on the way, digest) of every input; named inputs are lists of pairs."""
    if isinstance(tree, dict):
        for name, item in tree.items():
            yield from leaves(item, (*path, name))
    elif isinstance(tree, list):
        for item in tree:
            pair = isinstance(item, list) and len(item) == 2 and isinstance(item[0], str)
            if pair and not item[0].startswith("d1:"):
                yield from leaves(item[1], (*path, item[0]))
            else:
                yield from leaves(item, path)
    elif isinstance(tree, str):
        yield path, tree
