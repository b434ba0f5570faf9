"""A decision and the log's entry for it as Markdown, for MLflow's page and Dagster's.

Belongs here: words and tables. Does not belong here: mlflow, dagster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ml_assets.plan.markdown import plain
from ml_assets.store.home import Home
from ml_assets.store.promotions import ROLLED_BACK, Entry


def described(home: Home, entries: Sequence[Entry]) -> str:
    """Return what a log says of one version, newest first, and its decision's rules."""
    lines = [f"- {at(entry)}: {plain(entry.reason)}" for entry in reversed(entries)]
    digests = [e.evidence["decision"] for e in reversed(entries) if "decision" in e.evidence]
    if digests and not home.objects.missing(digests[:1]):
        lines += ["", rules_table(home.objects.json(digests[0]))]
    return "\n".join(lines)


def at(entry: Entry) -> str:
    """Return what an entry did, when and by whom."""
    done = f"v{entry.version} {entry.action}"
    if entry.action == ROLLED_BACK and entry.previous is not None:
        done = f"v{entry.version}, back from v{entry.previous['version']},"
    return f"{done} {entry.at[:19]} by {entry.actor} (entry {entry.number})"


def standing(home: Home, model: str) -> dict[str, str | None]:
    """Return who is champion, challenger and held, in words."""
    log, env = home.promotions, home.env
    entries = log.entries(env, model)
    versions = {entry.digest: f"v{entry.version}" for entry in entries}
    champion, challenger = log.champion(env, model), log.challenger(env, model)
    held = sorted(versions[digest] for digest in log.held(env, model))
    return {
        "champion": None if champion is None else at(entries[champion.entry - 1]),
        "challenger": None if challenger is None else at(entries[challenger.entry - 1]),
        "held": ", ".join(held) or None,
    }


def decided(home: Home, model: str, digest: str) -> str | None:
    """Return what the log said last of a candidate, and why; None before it is decided."""
    entries = [e for e in home.promotions.entries(home.env, model) if e.digest == digest]
    return f"{at(entries[-1])}: {entries[-1].reason}" if entries else None


def rules_table(decision: Mapping[str, Any]) -> str:
    """Return the lines of a decision as a Markdown table."""
    lines = ["| rule | passed | why |", "| --- | --- | --- |"]
    for rule in decision["rules"]:
        passed = {True: "yes", False: "**no**", None: "not asked"}[rule["passed"]]
        lines.append(f"| {rule['rule']} | {passed} | {plain(rule['text'])} |")
    return "\n".join(lines)
