"""Plots as SVG texts: the same bytes from the same numbers, legible in light and dark mode.

Belongs here: how a plot is drawn and put into a page or a file. Does not belong here: what is
plotted (each section's file).

Drawn without pyplot. Colours are placeholders: CSS variables in the page, fixed colours in a
separate file. Texts stay texts and use the page's font.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

RESIDUAL = "target \N{MINUS SIGN} prediction"
INK, GRID, MAIN, OTHER, BAND = "#010101", "#020202", "#030303", "#040404", "#050505"
COLOURS = {
    INK: ("var(--plot-ink)", "#3a4656"),
    GRID: ("var(--plot-grid)", "#d5dbe3"),
    MAIN: ("var(--plot-main)", "#1f5fa8"),
    OTHER: ("var(--plot-other)", "#7fb0de"),
    BAND: ("var(--plot-band)", "#d3e4f5"),
}
"""Placeholder -> the page's variable, and the colour in a separate file."""
LEGEND = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.2}
"""Above the axes, where it hides nothing."""
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "ml_assets",
    "text.parse_math": False,
    "axes.unicode_minus": True,
    "font.size": 9.0,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GRID,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": GRID,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "xtick.major.size": 0.0,
    "ytick.major.size": 0.0,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
}
_MACHINE = frozenset({"backend", "backend_fallback", "interactive", "toolbar", "webagg.port"})


@dataclass(frozen=True)
class Plot:
    """One figure: its name (an id), title, the SVG with placeholders, and its text alternative."""

    name: str
    title: str
    svg: str
    text: str

    def element(self) -> str:
        """Return an element in the page's colours, hidden from screen readers (a text follows)."""
        head = 'class="plot" aria-hidden="true" focusable="false"'
        return _coloured(self.svg.replace("HEAD", head, 1), 0)

    def file(self) -> str:
        """Return a whole SVG file on white, its title and text inside it."""
        from html import escape

        texts = f"<title>{escape(self.title)}</title><desc>{escape(self.text)}</desc>"
        svg = self.svg.replace("HEAD", _FILE, 1)
        head, mark, tail = svg.partition(">")
        white = '<rect width="100%" height="100%" fill="#ffffff"/>'
        return _coloured(f"{head}{mark}{texts}{white}{tail}", 1)


_FILE = (
    'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img" '
    'width="560" font-family="system-ui, Arial, sans-serif"'
)


def drawn(name: str, title: str, text: str, paint: Callable[[Any], None]) -> Plot:
    """Return the plot that `paint` draws on a matplotlib Axes."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    # Start from the defaults: a local matplotlibrc must not change the bytes.
    style: Any = {k: v for k, v in matplotlib.rcParamsDefault.items() if k not in _MACHINE}
    with matplotlib.rc_context(style | _STYLE):
        figure = Figure(figsize=(4.3, 2.9))
        # Fixed margins: measuring texts first would take as long as drawing.
        figure.subplots_adjust(left=0.165, right=0.965, bottom=0.17, top=0.9)
        FigureCanvasSVG(figure)
        paint(figure.add_subplot())
        svg = io.StringIO()
        figure.savefig(
            svg, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
        )
    return Plot(name, title, _bare(svg.getvalue(), name), text)


def _bare(svg: str, name: str) -> str:
    """Return an SVG element with unique ids, and HEAD in place of its attributes."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<g id=\"[^\"]*\"", "<g", svg)
    svg = re.sub(r"(id=\"|url\(#|href=\"#)", rf"\1{name}-", svg)
    svg = re.sub(r"^<svg[^>]*viewBox=\"([^\"]*)\"[^>]*>", r'<svg viewBox="\1" HEAD>', svg, count=1)
    return re.sub(r"'DejaVu Sans'[^;\"]*", "inherit", svg)


def _coloured(svg: str, place: int) -> str:
    for placeholder, colours in COLOURS.items():
        svg = svg.replace(placeholder, colours[place])
    return svg


def in_unit(unit: str) -> str:
    """Return " (unit)" for an axis, or nothing."""
    return f" ({unit})" if unit else ""
