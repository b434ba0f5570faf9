"""lineage: the inputs of an asset, down to the landed files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from ml_assets.cli.complete import assets
from ml_assets.cli.console import err, out
from ml_assets.cli.here import opened
from ml_assets.cli.inspect import Partition
from ml_assets.cli.output import JSON, emit, guarded
from ml_assets.cli.progress import working
from ml_assets.engine.address import find
from ml_assets.operations.lineage import Node
from ml_assets.operations.lineage import lineage as trace


@guarded
def lineage(
    asset: Annotated[
        str,
        typer.Argument(
            help="An asset, one of its batches or versions, e.g. flights/cleaned@2013-03:v0.",
            autocompletion=assets,
        ),
    ],
    partition: Partition = None,
    openlineage: Annotated[
        str | None,
        typer.Option(
            envvar="ML_ASSETS_OPENLINEAGE",
            help="Also send OpenLineage events to a file (appended) or http(s)://host.",
        ),
    ] = None,
    as_json: bool = JSON,
) -> None:
    """Show every input of an asset, with digests, down to the landed files.

    Example: ml-assets lineage flight_delay/candidate
    """
    planner = opened(asset)
    revision = find(planner, asset, partition)
    with working(f"tracing {revision}"):
        nodes = trace(planner, revision)
        sent = 0
        if openlineage is not None:
            from ml_assets.adapters.openlineage import send

            sent = send(nodes, openlineage)
    if openlineage is not None:
        err.print(f"{sent} OpenLineage events sent to {openlineage}")
    if as_json:
        emit({"asset": str(revision), "nodes": [node.to_json() for node in nodes.values()]})
        return
    for line in tree(nodes, str(revision), set()):
        out.print(line)


def tree(
    nodes: dict[str, Node], name: str, shown: set[str], first: str = "", rest: str = ""
) -> Iterator[str]:
    """Yield the lines of a tree; a repeated node is printed without its inputs.

    Rich's own tree would truncate lines at the terminal's width, and files are at their ends.
    """
    node = nodes[name]
    again = name in shown and bool(node.inputs)
    what = "row ranges" if node.cell.name.endswith("_split") else "rows"
    rows = "" if node.rows is None else f"  {node.rows} {what}"
    file = "" if node.file is None else f"  {node.file}"
    above = "  (inputs above)" if again else ""
    yield f"{first}{name}  {node.digest[:15]}…{rows}{file}{above}"
    shown.add(name)
    for number, parent in enumerate([] if again else node.inputs):
        last = number + 1 == len(node.inputs)
        turn, down = ("└── ", "    ") if last else ("├── ", "│   ")
        yield from tree(nodes, parent, shown, rest + turn, rest + down)
