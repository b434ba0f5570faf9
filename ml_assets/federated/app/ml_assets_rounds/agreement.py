"""From what sites said to what all of them use: cuts of numbers, values of categories, a start.

Belongs here: finding statements that do not fit together, and agreeing on the rest. Does not belong
here: measuring (at the sites), learning (`boost`, `linear`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .log import FORMAT

Array = NDArray[np.float64]
Document = Mapping[str, Any]
MOST_CUTS = 255
ONE_HOT = 10
"""A category of at most so many values becomes a column for each, others one of mean targets."""
SMOOTH = 30.0
"""Weight of the overall mean in that of a value, in rows."""
SPREAD = 5.0
"""Sites whose numbers differ this many times in spread are taken to be of different units."""
CLOSE = 0.02
"""A spread that is a smaller share of the numbers themselves says nothing of their unit."""


def problems(statements: Mapping[str, Document], asked: Document) -> list[str]:
    """Return why sites cannot learn together, a line for each reason and site; none if they can.

    `asked` is what the coordinator's own spec says: `model`, `contract`, `least_rows`, `differing`.
    """
    found = []
    for site, said in statements.items():
        if said.get("format") != FORMAT:
            got, known = said.get("format"), f"this is version {FORMAT}"
            found.append(f"{site}: speaks version {got} of these rounds; {known}")
            continue
        if said["model"] != asked["model"]:
            found.append(f"{site}: has rows of {said['model']}, wanted {asked['model']}")
            continue
        differ = [n for n, d in asked["contract"].items() if said["contract"].get(n) != d]
        differ += [name for name in said["contract"] if name not in asked["contract"]]
        found += [f"{site}: another version of {name}" for name in differ]
        if said["task"] == "binary" and len(said["target"].get("values", ())) < 2:
            found.append(f"{site}: rows of one class only; nothing can be learned from them")
        if said["least_rows"] < asked["least_rows"]:
            got, wanted = said["least_rows"], asked["least_rows"]
            found.append(f"{site}: spoke of {got} rows together, wanted at least {wanted}")
    return found or _units(statements, asked)


def _units(statements: Mapping[str, Document], asked: Document) -> list[str]:
    """Return the columns of sites that look as if they were in another unit."""
    found = []
    names = next(iter(statements.values()))["columns"]
    for name in [*names, None]:
        if name in asked["differing"]:
            continue
        entries = {
            s: d["target"] if name is None else d["columns"][name] for s, d in statements.items()
        }
        for site, entry in entries.items():
            others = [e for s, e in entries.items() if s != site]
            why = _another(entry, others)
            if why is not None:
                found.append(f"{site}: {name or 'the target'} {why}")
    return found


def _another(entry: Document, others: Sequence[Document]) -> str | None:
    if {entry.get("unit")} != {other.get("unit") for other in others}:
        units = ", ".join(sorted({str(other.get("unit")) for other in others}))
        return f"is in {entry.get('unit')}, elsewhere in {units}"
    mine, rest = _points(entry), [_points(other) for other in others]
    rest = [points for points in rest if len(points)]
    if "blocks" not in entry or not rest:
        return None
    low, middle, high = _quantiles([mine])
    below, center, above = _quantiles(rest)
    said = f"lies around {middle:g} ({low:g} to {high:g}), elsewhere around {center:g}"
    said += f" ({below:g} to {above:g}); is it in another unit?"
    if low > above or high < below:
        return said
    spreads = sorted([high - low, above - below])
    small = CLOSE * max(abs(middle), abs(center))
    return said if spreads[1] > SPREAD * max(spreads[0], small) else None


def _points(entry: Document) -> Array:
    """Return (n, 2): a number, and the share of rows that are about it."""
    found = entry.get("blocks") or entry.get("values") or []
    if found and not isinstance(found[0][0], int | float):
        return np.empty((0, 2))
    return np.array(found, dtype=np.float64).reshape(-1, 2)


def _quantiles(parts: Sequence[Array], at: Sequence[float] = (0.1, 0.5, 0.9)) -> Array:
    """Return quantiles of what several sites said of a number."""
    points = np.concatenate(parts)
    points = points[np.argsort(points[:, 0], kind="stable")]
    reached = np.cumsum(points[:, 1]) / points[:, 1].sum()
    return np.asarray(points[np.minimum(np.searchsorted(reached, at), len(points) - 1), 0])


def agreed(statements: Mapping[str, Document], asked: Document) -> dict[str, Any]:
    """Return the plan of the rounds, from statements that have no `problems`."""
    first = next(iter(statements.values()))
    weight = {site: said["rows"]["train"] for site, said in statements.items()}
    columns, left_out = [], []
    for name in sorted(first["columns"]):
        entries = {site: said["columns"][name] for site, said in statements.items()}
        column = _column(name, entries, weight)
        if column is None:
            left_out.append(name)
        else:
            columns.append(column)
    return {
        "format": FORMAT,
        "model": first["model"],
        "task": first["task"],
        "metric": first["metric"],
        "least_rows": max(said["least_rows"] for said in statements.values()),
        "columns": columns,
        "left_out": left_out,
        "rows": weight,
        **_target(first, {s: d["target"] for s, d in statements.items()}, weight),
        **{name: asked[name] for name in ("learner", "rounds", "trees", "learning_rate")},
        **{name: asked[name] for name in ("num_leaves", "lambda_l2", "privacy")},
        "secure_aggregation": asked["secure_aggregation"],
    }


def _column(
    name: str, entries: Mapping[str, Document], weight: Mapping[str, int]
) -> dict[str, Any] | None:
    if next(iter(entries.values()))["type"] == "category":
        return _category(name, entries, weight)
    parts = [_weighted(entry, weight[site]) for site, entry in entries.items()]
    points = np.concatenate(parts)
    cuts = cuts_of(points[:, 0])
    if not len(cuts):
        return None
    mean = float((points[:, 0] * points[:, 1]).sum() / points[:, 1].sum())
    variance = float(((points[:, 0] - mean) ** 2 * points[:, 1]).sum() / points[:, 1].sum())
    scale = variance**0.5 or 1.0
    return {"column": name, "cuts": cuts.tolist(), "mean": mean, "scale": scale}


def _category(
    name: str, entries: Mapping[str, Document], weight: Mapping[str, int]
) -> dict[str, Any] | None:
    """Return a category's values, and with more than a few the mean target of each."""
    counts: dict[str, float] = {}
    sums: dict[str, float] = {}
    for site, entry in entries.items():
        for value, share, mean in entry.get("values", ()):
            counts[value] = counts.get(value, 0.0) + share * weight[site]
            sums[value] = sums.get(value, 0.0) + mean * share * weight[site]
    if not counts:
        return None
    values = sorted(counts)
    if len(values) <= ONE_HOT:
        return {"column": name, "values": values}
    overall = sum(sums.values()) / sum(counts.values())
    means = [(sums[v] + SMOOTH * overall) / (counts[v] + SMOOTH) for v in values]
    points = np.array(sorted({*means, overall}))
    scale = float(np.std(means)) or 1.0
    return {
        "column": name,
        "values": values,
        "means": means,
        "other": overall,
        "cuts": cuts_of(points).tolist(),
        "mean": float(np.mean(means)),
        "scale": scale,
    }


def _weighted(entry: Document, rows: int) -> Array:
    points = _points(entry)
    if len(points):
        points[:, 1] *= rows / points[:, 1].sum()
    return points


def cuts_of(points: Array) -> Array:
    """Return cuts halfway between numbers, at most `MOST_CUTS`, evenly among them.

    >>> cuts_of(np.array([3.0, 1.0, 1.0])).tolist()
    [2.0]
    """
    known = np.unique(points)
    between = np.unique((known[:-1] + known[1:]) / 2)
    if len(between) <= MOST_CUTS:
        return np.asarray(between)
    places = np.unique(np.linspace(0, len(between) - 1, MOST_CUTS).round().astype(int))
    return np.asarray(between[places])


ROBUST = ("mae", "median_ae", "mape")
"""Metrics for which a row far away counts for its direction, not for how far away it is."""
STEEPEST = 2.0
"""The most that a leaf changes log-odds, before the learning rate."""


def _target(
    first: Document, entries: Mapping[str, Document], weight: Mapping[str, int]
) -> dict[str, float]:
    """Return the score to start from, the range of targets, how far a row or a leaf may pull."""
    points = np.concatenate([_weighted(entry, weight[site]) for site, entry in entries.items()])
    if first["task"] == "binary":
        share = float((points[:, 0] * points[:, 1]).sum() / points[:, 1].sum())
        start = float(np.log(share / (1 - share)))
        return {"start": start, "low": 0.0, "high": 1.0, "pull": 1.0, "bound": STEEPEST}
    low, middle, high = _quantiles([points], (0.1, 0.5, 0.9))
    ends = {"low": float(points[:, 0].min()), "high": float(points[:, 0].max())}
    pull = float(high - low) / 2 or 1.0
    bound = pull if first["metric"] in ROBUST else ends["high"] - ends["low"]
    return {"start": float(middle), **ends, "pull": pull, "bound": float(bound) or 1.0}
