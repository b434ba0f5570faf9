"""Small charts as SVG texts: drawn by hand, since a plotting library takes 0.1 s each.

Belongs here: bars and outlines. Does not belong here: their text alternatives (`page`).
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

WIDTH, HEIGHT = 120, 30


def histogram(heights: Sequence[float], before: Sequence[float] | None, said: str) -> Markup:
    """Return bars of shares, and the reference's as a line; `said` is the text alternative."""
    top = max([*heights, *(before or ()), 1e-9])
    bars = _steps(heights, top)
    line = Markup("")
    if before:
        line = Markup('<path class="then" d="M{}"/>').format(_steps(before, top))
    return Markup(
        '<svg class="spark" viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '<path class="now" d="M0 {}L{}L{} {}Z"/>{}</svg>'
    ).format(WIDTH, HEIGHT, said, HEIGHT, bars, WIDTH, HEIGHT, line)


def _steps(heights: Sequence[float], top: float) -> str:
    step = WIDTH / len(heights)
    points = []
    for place, height in enumerate(heights):
        y = f"{HEIGHT - height / top * (HEIGHT - 2):.1f}"
        points += [f"{place * step:g} {y}", f"{(place + 1) * step:g} {y}"]
    return "L".join(points)
