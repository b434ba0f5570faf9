"""The text of a pull request's comment, from what `pull_request.sh` collected.

    python scripts/comment.py OUT

Reads plan.json, run.json, before.json and after.json in OUT; prints Markdown. Needs nothing but
Python.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

SHOWN = 40
"""The most cells that are listed; the rest is counted."""
GREATER_IS_BETTER = ("r2", "auc", "accuracy")


def comment(
    plan: Mapping[str, Any],
    run: Mapping[str, Any],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> str:
    """Return the Markdown: the plan by asset, the run, each model's test metrics."""
    lines = ["## What this change does", "", *_planned(plan), *_ran(run)]
    for model in sorted({*before["models"], *after["models"]}):
        lines += _model(model, before["models"].get(model), after["models"].get(model))
    return "\n".join(lines) + "\n"


def _planned(plan: Mapping[str, Any]) -> Iterator[str]:
    counts = {name: len(plan[name]) for name in ("run", "maybe", "reuse", "waiting")}
    yield (
        f"In production **{counts['run']}** would run, {counts['maybe']} may run, "
        f"{counts['reuse']} are reused, {counts['waiting']} wait."
    )
    yield ""
    rows = [(title, row) for title in ("run", "maybe") for row in plan[title]]
    if not rows:
        return
    yield "<details><summary>What would run, and why</summary>"
    yield ""
    yield "| | asset | why |"
    yield "| --- | --- | --- |"
    for title, row in rows[:SHOWN]:
        yield f"| {title} | `{row['asset']}` | {_cell(row['reason'])} |"
    if len(rows) > SHOWN:
        rest = Counter(row["asset"].split("@")[0] for _, row in rows[SHOWN:])
        listed = ", ".join(f"`{asset}` ({count})" for asset, count in sorted(rest.items()))
        yield f"| … | {listed} | |"
    yield ""
    yield "</details>"
    yield ""


def _ran(run: Mapping[str, Any]) -> Iterator[str]:
    word = "passed" if run["success"] else "**failed**"
    yield (
        f"The run of this change {word}: {len(run['executed'])} executed, "
        f"{len(run['reused'])} reused, {len(run['failed'])} failed."
    )
    yield ""
    for fault in [*run["faults"], *run["problems"]]:
        yield f"- {_cell(fault)}"
    if run["faults"] or run["problems"]:
        yield ""


def _model(
    name: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> Iterator[str]:
    old, new = ((status or {}).get("candidate") for status in (before, after))
    yield f"### {name}"
    yield ""
    if new is None:
        waits = (after or {}).get("waiting") or ["it is gone" if after is None else "no candidate"]
        yield f"No candidate with this change: {_cell(waits[0])}."
        yield ""
        return
    if old is not None and old["digest"] == new["digest"]:
        yield f"The same candidate as in production ({old['version']}, {old['family']})."
        yield ""
        return
    yield "| on test | production | this change | difference |"
    yield "| --- | ---: | ---: | ---: |"
    was = {} if old is None else old.get("metrics", {}).get("test", {})
    for metric, value in new.get("metrics", {}).get("test", {}).items():
        yield f"| {metric} | {_number(was.get(metric))} | {_number(value)} | " + (
            f"{_difference(metric, was.get(metric), value)} |"
        )
    yield f"| family | {'-' if old is None else old['family']} | {new['family']} | |"
    yield ""


def _difference(metric: str, old: float | None, new: float | None) -> str:
    if old is None or new is None:
        return "-"
    if old == new:
        return "0"
    better = (new > old) == (metric in GREATER_IS_BETTER)
    return f"{new - old:+.4g} ({'better' if better else 'worse'})"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.5g}"


def _cell(text: str) -> str:
    """Return a text that stays within its cell and is no markup."""
    plain = " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("@", "@\u200b")
    return plain if len(plain) <= 300 else plain[:299] + "…"


def main() -> None:
    """Read the four documents and print the comment."""
    folder = Path(sys.argv[1])
    names = ("plan", "run", "before", "after")
    documents = [json.loads((folder / f"{n}.json").read_text(encoding="utf-8")) for n in names]
    sys.stdout.write(comment(*documents))


if __name__ == "__main__":
    main()
