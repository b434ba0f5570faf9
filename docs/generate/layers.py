"""The picture of the layers: import-linter's contract, each layer with its modules' first lines."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

from docs.generate.svg import Box, arrow, page

WIDTH = 860


def layers(pyproject: Path) -> list[list[str]]:
    """Return the layers, highest first; those of one row do not import each other."""
    settings = tomllib.loads(pyproject.read_text(encoding="utf-8"))["tool"]["importlinter"]
    contract = next(item for item in settings["contracts"] if item["type"] == "layers")
    rows = [[n.strip().strip("()") for n in row.split(":")] for row in contract["layers"]]
    package = pyproject.parent / "ml_assets"
    return [kept for row in rows if (kept := [n for n in row if _module(package, n)])]


def picture(pyproject: Path) -> str:
    """Return the layers as SVG, highest on top: what is above imports what is below."""
    package = pyproject.parent / "ml_assets"
    parts: list[str] = []
    y = 20
    rows = layers(pyproject)
    for number, row in enumerate(rows):
        width = (WIDTH - 40 - 20 * (len(row) - 1)) // len(row)
        boxes = [
            Box(20 + place * (width + 20), y, width, name, _wrapped(_about(package, name), width))
            for place, name in enumerate(row)
        ]
        parts += [box.draw() for box in boxes]
        bottom = y + max(box.height for box in boxes)
        if number + 1 < len(rows):
            parts.append(arrow((WIDTH // 2, bottom), (WIDTH // 2, bottom + 20)))
        y = bottom + 22
    return page(WIDTH, y, "The layers of ml_assets: each imports only those below it", parts)


def _module(package: Path, name: str) -> Path | None:
    for path in (package / name / "__init__.py", package / f"{name}.py"):
        if path.is_file():
            return path
    folder = package / name
    return folder if folder.is_dir() else None


def _about(package: Path, name: str) -> str:
    """Return the first sentence of a layer's docstring."""
    path = _module(package, name)
    if path is None or path.is_dir():
        return "One folder a dataset or model: yours here."
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(doc.split("\n\n")[0].split())


def _wrapped(text: str, width: int) -> list[str]:
    """Return a text in lines that fit a box of this many pixels."""
    import textwrap

    return textwrap.wrap(text.replace("`", ""), max(20, (width - 20) // 6))[:3]
