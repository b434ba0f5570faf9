"""The picture of a landed row's way: the assets of one dataset and one model, from the plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from docs.generate.svg import Box, arrow, page
from ml_assets.assets.edges import edges
from ml_assets.assets.registry import BY_NAME
from ml_assets.spec.project import read_project
from ml_assets.workspace import PACKAGE

DATASET, MODEL = "flights", "flight_delay"
BOX, GAP, RISE = 250, 24, 46


def graph() -> dict[str, tuple[str, ...]]:
    """Return asset -> what it is made from, of one dataset and one model of those shipped."""
    found = edges(read_project(PACKAGE / "defs"))
    return {
        asset: tuple(source for source in sources if source.split("/")[0] in (DATASET, MODEL))
        for asset, sources in found.items()
        if asset.split("/")[0] in (DATASET, MODEL)
    }


def picture() -> str:
    """Return the assets as SVG: each below all that it is made from."""
    assets = graph()
    rows = ranks(assets)
    width = 20 + max(len(row) for row in rows) * (BOX + GAP)
    places: dict[str, Box] = {}
    y = 20
    for row in rows:
        left = (width - len(row) * (BOX + GAP) + GAP) // 2
        for number, asset in enumerate(row):
            lines = _wrapped(BY_NAME[asset.split("/")[1]].description)
            places[asset] = Box(left + number * (BOX + GAP), y, BOX, asset, lines)
        y += max(places[asset].height for asset in row) + RISE
    lines = [
        arrow(
            (places[source].x + BOX // 2, places[source].y + places[source].height),
            (places[asset].x + BOX // 2, places[asset].y),
        )
        for asset, sources in direct(assets).items()
        for source in sources
    ]
    boxes = [box.draw() for box in places.values()]
    return page(width, y - RISE + 20, "The path of a landed row, asset by asset", [*lines, *boxes])


def ranks(assets: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Return assets row by row: an asset stands one row below the lowest of its sources."""
    depth: dict[str, int] = {}
    for asset, sources in assets.items():
        depth[asset] = 1 + max((depth[source] for source in sources), default=-1)
    return [[a for a in assets if depth[a] == row] for row in range(max(depth.values()) + 1)]


def direct(assets: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the graph without an edge that a longer way says already."""

    def above(asset: str) -> set[str]:
        return {asset} | {far for source in assets[asset] for far in above(source)}

    found = {}
    for asset, sources in assets.items():
        longer = {far for source in sources for near in assets[source] for far in above(near)}
        found[asset] = [source for source in sources if source not in longer]
    return found


def _wrapped(text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(text.replace("`", ""), (BOX - 20) // 6)
