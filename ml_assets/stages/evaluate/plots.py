"""Plots as SVG texts: the same bytes from the same numbers, legible on light and dark.

Belongs here: figures and their text alternatives. Does not belong here: the page around them.

Drawn without pyplot. Colours are placeholders, replaced by CSS variables of the page; texts stay
texts and take the page's font.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_assets.stages.metrics import Array

RESIDUAL = "target \N{MINUS SIGN} prediction"
INK, GRID, MAIN, OTHER, BAND = "#010101", "#020202", "#030303", "#040404", "#050505"
_VARIABLES = {
    INK: "var(--plot-ink)",
    GRID: "var(--plot-grid)",
    MAIN: "var(--plot-main)",
    OTHER: "var(--plot-other)",
    BAND: "var(--plot-band)",
}
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


@dataclass(frozen=True)
class Plot:
    """One figure: its title, the SVG, and what it shows in words."""

    title: str
    svg: str
    text: str


def residual_histogram(residual: Array, unit: str) -> Plot:
    """Return the distribution of target - prediction, the outer 1% of rows left out."""
    low, high = np.quantile(residual, [0.005, 0.995])
    low, high = (low, high) if high > low else (low - 0.5, high + 0.5)
    heights, edges = np.histogram(residual, bins=50, range=(low, high))
    shares = heights / len(residual)

    def paint(axes: Any) -> None:
        axes.stairs(shares * 100, edges, fill=True, color=MAIN)
        axes.axvline(0, color=INK, linewidth=1)
        axes.set_xlabel(f"{RESIDUAL}{_in(unit)}")
        axes.set_ylabel("rows (%)")
        axes.grid(visible=False, axis="x")

    q10, q25, q50, q75, q90 = np.quantile(residual, [0.1, 0.25, 0.5, 0.75, 0.9])
    text = (
        f"Half of the residuals lie between {_said(q25)} and {_said(q75)}{_unit(unit)}, "
        f"four fifths between {_said(q10)} and {_said(q90)}; the median is {_said(q50)}."
    )
    return Plot("Distribution of residuals", _drawn("histogram", paint), text)


def residual_by_prediction(prediction: Array, residual: Array, unit: str) -> Plot:
    """Return quantiles of the residual over tenths of the rows by prediction."""
    parts = _tenths(prediction)
    centre = np.array([np.median(prediction[rows]) for rows in parts])
    q = np.array([np.quantile(residual[rows], [0.1, 0.25, 0.5, 0.75, 0.9]) for rows in parts]).T

    def paint(axes: Any) -> None:
        axes.fill_between(centre, q[0], q[4], color=BAND, linewidth=0, label="80% of rows")
        axes.fill_between(centre, q[1], q[3], color=OTHER, linewidth=0, label="50% of rows")
        axes.plot(
            centre, q[2], color=MAIN, linewidth=1.8, marker="o", markersize=3.5, label="median"
        )
        axes.axhline(0, color=INK, linewidth=1)
        axes.set_xlabel(f"prediction{_in(unit)}")
        axes.set_ylabel(f"{RESIDUAL}{_in(unit)}")
        axes.grid(visible=False, axis="x")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)

    widest = int(np.argmax(q[4] - q[0]))
    text = (
        f"Rows in {len(parts)} groups of like size by prediction: the median residual runs from "
        f"{_said(q[2].min())} to {_said(q[2].max())}{_unit(unit)}; the spread is widest at "
        f"predictions around {_said(centre[widest])}, where 80% lie between "
        f"{_said(q[0][widest])} and {_said(q[4][widest])}."
    )
    return Plot("Residuals over prediction", _drawn("over-prediction", paint), text)


def calibration(happened: Array, probability: Array, what: str) -> Plot:
    """Return how often it happened (0/1) over tenths of the rows by predicted probability."""
    parts = _tenths(probability)
    said = np.array([probability[rows].mean() for rows in parts])
    share = np.array([happened[rows].mean() for rows in parts])
    low, high = np.array([_wilson(happened[rows]) for rows in parts]).T

    def paint(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle=(0, (4, 3)), label="perfect")
        axes.vlines(said, low, high, color=MAIN, linewidth=1.4)
        axes.plot(
            said, share, color=MAIN, linewidth=1.4, marker="o", markersize=4, label="observed"
        )
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="predicted probability", ylabel=f"share {what}")
        axes.legend(loc="upper left")

    worst = int(np.argmax(np.abs(share - said)))
    text = (
        f"Rows in {len(parts)} groups of like size by predicted probability (bars: 95% Wilson "
        f"intervals). The largest gap is where {said[worst]:.1%} was predicted and "
        f"{share[worst]:.1%} came true; on average {said.mean():.1%} and {share.mean():.1%}."
    )
    return Plot("Calibration", _drawn("calibration", paint), text)


def probabilities(target: Array, probability: Array) -> Plot:
    """Return the distribution of the predicted probability by what happened."""
    edges = np.linspace(0, 1, 41)

    def paint(axes: Any) -> None:
        for value, colour, label in ((0, OTHER, "class 0"), (1, MAIN, "class 1")):
            rows = probability[target == value]
            heights = np.histogram(rows, bins=edges)[0] / max(len(rows), 1)
            axes.stairs(heights * 100, edges, color=colour, linewidth=1.8, label=label)
        axes.set(
            xlim=(0, 1), xlabel="predicted probability of class 1", ylabel="rows of the class (%)"
        )
        axes.grid(visible=False, axis="x")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)

    means = [
        f"class {value}: {probability[target == value].mean():.1%}"
        for value in (0, 1)
        if (target == value).any()
    ]
    text = f"Mean predicted probability of class 1 by what happened: {', '.join(means)}."
    return Plot("Predictions by outcome", _drawn("probabilities", paint), text)


def _tenths(values: Array) -> list[Any]:
    """Return the row numbers of at most ten groups of like size, equal values together."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, 11)[1:-1]))
    group = np.searchsorted(edges, values, side="right")
    return [np.flatnonzero(group == number) for number in np.unique(group)]


def _wilson(happened: Array) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson, 1927)."""
    n, share, z = len(happened), float(happened.mean()), 1.959964
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _drawn(name: str, paint: Callable[[Any], None]) -> str:
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    # From the defaults: a matplotlibrc of the machine must not change the bytes.
    style: Any = {k: v for k, v in matplotlib.rcParamsDefault.items() if k not in _MACHINE}
    with matplotlib.rc_context(style | _STYLE):
        figure = Figure(figsize=(4.3, 2.9), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        paint(axes)
        text = io.StringIO()
        figure.savefig(
            text, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
        )
    return _inline(text.getvalue(), name)


_MACHINE = frozenset({"backend", "backend_fallback", "interactive", "toolbar", "webagg.port"})


def _inline(svg: str, name: str) -> str:
    """Return an SVG document as an element for a page: no ids but its own, the page's colours."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<g id=\"[^\"]*\"", "<g", svg)
    svg = re.sub(r"(id=\"|url\(#|href=\"#)", rf"\1{name}-", svg)
    svg = re.sub(r"^<svg[^>]*viewBox=\"([^\"]*)\"[^>]*>", r'<svg viewBox="\1" HEAD>', svg, count=1)
    svg = svg.replace("HEAD", 'class="plot" aria-hidden="true" focusable="false"', 1)
    svg = re.sub(r"'DejaVu Sans'[^;\"]*", "inherit", svg)
    for placeholder, variable in _VARIABLES.items():
        svg = svg.replace(placeholder, variable)
    return svg


def _said(value: float) -> str:
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}")


def _in(unit: str) -> str:
    return f" ({unit})" if unit else ""


def _unit(unit: str) -> str:
    return f" {unit}" if unit else ""
