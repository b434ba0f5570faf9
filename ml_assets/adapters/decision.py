"""A decision and its entry in the log as Markdown, for the pages of MLflow and Dagster.

Belongs here: texts and tables. Does not belong here: mlflow, dagster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ml_assets.engine.markdown import plain
from ml_assets.store.home import Home
from ml_assets.store.promotions import (
    ROLLED_BACK,
    LogEntry,
    challenger_of,
    champion_of,
    held_in,
)


def described(home: Home, entries: Sequence[LogEntry]) -> str:
    """Return the log entries of one version, newest first, and its decision's rules."""
    lines = [f"- {at(entry)}: {plain(entry.reason)}" for entry in reversed(entries)]
    digests = [e.evidence["decision"] for e in reversed(entries) if "decision" in e.evidence]
    if digests and not home.objects.missing(digests[:1]):
        lines += ["", rules_table(home.objects.json(digests[0]))]
    return "\n".join(lines)


def at(entry: LogEntry) -> str:
    """Return what an entry did, when, and by whom."""
    done = f"v{entry.version} {entry.action}"
    if entry.action == ROLLED_BACK and entry.previous is not None:
        done = f"v{entry.version}, back from v{entry.previous['version']},"
    return f"{done} {entry.at[:19]} by {entry.actor} (entry {entry.number})"


def standing(entries: Sequence[LogEntry]) -> dict[str, str | None]:
    """Return a text naming champion, challenger and held versions at the end of a log."""
    versions = {entry.digest: f"v{entry.version}" for entry in entries}
    champion, challenger = champion_of(entries), challenger_of(entries)
    held = sorted(versions[digest] for digest in held_in(entries))
    return {
        "champion": None if champion is None else at(entries[champion.entry - 1]),
        "challenger": None if challenger is None else at(entries[challenger.entry - 1]),
        "held": ", ".join(held) or None,
    }


def decided(entries: Sequence[LogEntry], digest: str) -> str | None:
    """Return the last entry about a candidate, with its reason; None before it is decided."""
    mine = [entry for entry in entries if entry.digest == digest]
    return f"{at(mine[-1])}: {mine[-1].reason}" if mine else None


def rules_table(decision: Mapping[str, Any]) -> str:
    """Return the lines of a decision as a Markdown table."""
    lines = ["| rule | passed | why |", "| --- | --- | --- |"]
    for rule in decision["rules"]:
        passed = {True: "yes", False: "**no**", None: "not asked"}[rule["passed"]]
        lines.append(f"| {rule['rule']} | {passed} | {plain(rule['text'])} |")
    return "\n".join(lines)
