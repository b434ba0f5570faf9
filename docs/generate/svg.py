"""Boxes and arrows as SVG text: fixed places, no clock, so that equal input gives equal bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

STYLE = (
    "text{font-family:sans-serif;font-size:13px;fill:#1b1f24}"
    ".small{font-size:11px;fill:#57606a}"
    "rect{fill:#f6f8fa;stroke:#8c959f}.page{fill:#fff;stroke:none}"
    "line,path{stroke:#57606a;fill:none;marker-end:url(#head)}"
)
HEAD = (
    '<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><path d="M0 0L8 4L0 8z" style="fill:#57606a;stroke:none"/></marker>'
)


@dataclass(frozen=True)
class Box:
    """A box with a title and smaller lines below it; x and y are its upper left corner."""

    x: int
    y: int
    width: int
    title: str
    lines: Sequence[str] = ()

    @property
    def height(self) -> int:
        """Room for the title and every line, in pixels."""
        return 28 + 15 * len(self.lines)

    def draw(self) -> str:
        """Return the box as SVG."""
        said = [
            f'<rect x="{self.x}" y="{self.y}" width="{self.width}" height="{self.height}" rx="4"/>',
            f'<text x="{self.x + 10}" y="{self.y + 19}">{escape(self.title)}</text>',
        ]
        for number, line in enumerate(self.lines):
            at = self.y + 36 + 15 * number
            said.append(f'<text class="small" x="{self.x + 10}" y="{at}">{escape(line)}</text>')
        return "\n".join(said)


def arrow(start: tuple[int, int], end: tuple[int, int]) -> str:
    """Return an arrow from one place to another."""
    return f'<line x1="{start[0]}" y1="{start[1]}" x2="{end[0]}" y2="{end[1]}"/>'


def page(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    """Return a picture with a white ground, readable in a dark page too."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<defs><style>{STYLE}</style>{HEAD}</defs>",
            f'<rect class="page" width="{width}" height="{height}"/>',
            *parts,
            "</svg>\n",
        ]
    )
