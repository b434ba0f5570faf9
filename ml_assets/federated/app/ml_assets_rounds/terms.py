"""What a site insists on, whatever the coordinator asks: its own spec, as it was when it joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .log import FORMAT

MOST_MEASURED = 2
"""The model after the last round is measured, and that of the best round."""


def broken(
    known: Mapping[str, Any],
    plan: Mapping[str, Any],
    *,
    kind: str,
    round_: int,
    before: Sequence[str],
) -> list[str]:
    """Return what a plan asks for beyond what the site knows of itself; nothing if all is well.

    `before` are the kinds of all that left in these rounds: a coordinator could miscount them.
    """
    wrong = []
    if plan["format"] != FORMAT:
        wrong.append(f"version {plan['format']} of these rounds, here is {FORMAT}")
    wrong += [
        f"{name} {plan[name]}, wanted {known[name]}"
        for name in ("model", "learner", "privacy", "secure_aggregation")
        if plan[name] != known[name]
    ]
    if plan["least_rows"] < known["least_rows"]:
        wrong.append(f"least_rows {plan['least_rows']}, wanted at least {known['least_rows']}")
    wrong += [
        f"{name} {got}, wanted at most {known[name]}"
        for name, got in (("rounds", max(round_, plan["rounds"])), ("trees", plan["trees"]))
        if got > known[name]
    ]
    stages = ("keys", "shares", "train", "unmask") if known["secure_aggregation"] else ("train",)
    limits = {"evaluate": MOST_MEASURED, **dict.fromkeys(stages, known["rounds"])}
    most = limits.get(kind, 0)
    if before.count(kind) >= most:
        wrong.append(f"{kind} once more than the {most} times that were agreed")
    unsaid = {column["column"] for column in plan["columns"]} - set(known["columns"])
    if unsaid:
        wrong.append(f"columns of which nothing may be said: {', '.join(sorted(unsaid))}")
    return wrong
