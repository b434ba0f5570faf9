"""The plot of an experiment: the validation metric by each varied setting.

Belongs here: one SVG file, always the same bytes for the same numbers. Does not belong here: plots
of a report (`stages/evaluate`).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ml_assets.operations.variation import CURRENT, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ml_assets.operations.experiment import Tried

_STYLE: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "ml_assets", "font.size": 9.0}
_MAIN, _REST, _LINE = "#1f6fb2", "#9aa7b4", "#b2431f"


def plot(tried: Sequence[Tried], paths: Sequence[str], metric: str) -> bytes:
    """Return an SVG: a panel for each varied setting, a dot for each variation, the best marked.

    The dashed line is the value with the YAML's settings. Variations without a value are left
    out; `tried` is sorted with the best first.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(3.4 * len(paths) + 0.6, 3.2), layout="constrained")
        FigureCanvasSVG(figure)
        panels = figure.subplots(1, len(paths), sharey=True, squeeze=False)[0]
        for axes, (path, short) in zip(panels, shortened(paths).items(), strict=True):
            _panel(axes, tried, path)
            axes.set_xlabel(short)
        panels[0].set_ylabel(f"{metric} on validation")
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue().encode()


def _panel(axes: Axes, tried: Sequence[Tried], path: str) -> None:
    shown = [item for item in tried if item.value is not None]
    places = [item.settings[path] for item in shown]
    numbers = all(_is_number(place) for place in places)
    at: list[Any] = places if numbers else [str(place) for place in places]
    if numbers and places and min(places) > 0 and max(places) / min(places) >= 10:
        axes.set_xscale("log")
    values = [float(item.value or 0.0) for item in shown]
    for item, value in zip(shown, values, strict=True):
        if item.name == CURRENT:
            axes.axhline(value, color=_LINE, linestyle="--", linewidth=0.9)
    axes.scatter(at, values, color=_REST, s=22)
    axes.scatter(at[:1], values[:1], color=_MAIN, s=46, zorder=3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", linewidth=0.4)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
