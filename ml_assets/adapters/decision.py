"""A decision and the log's entry for it as Markdown, for MLflow's page and Dagster's.

Belongs here: words and tables. Does not belong here: mlflow, dagster.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_assets.store.home import Home
from ml_assets.store.promotions import Entry


def described(home: Home, entry: Entry) -> str:
    """Return an entry in words, with the rules of the decision it rests on, if it does."""
    head = (
        f"**{entry.action.replace('_', ' ')}** at {entry.at} by {entry.actor} "
        f"(entry {entry.number}): {entry.reason}"
    )
    digest = entry.evidence.get("decision")
    if digest is None or home.objects.missing([digest]):
        return head
    return f"{head}\n\n{rules_table(home.objects.json(digest))}"


def standing(home: Home, model: str) -> dict[str, str | None]:
    """Return who is champion, challenger and held, in words."""
    log, env = home.promotions, home.env
    entries = log.entries(env, model)
    versions = {entry.digest: f"v{entry.version}" for entry in entries}
    champion, challenger = log.champion(env, model), log.challenger(env, model)
    held = sorted(versions[digest] for digest in log.held(env, model))
    return {
        "champion": None if champion is None else _since(entries[champion.entry - 1]),
        "challenger": None if challenger is None else _since(entries[challenger.entry - 1]),
        "held": ", ".join(held) or None,
    }


def _since(entry: Entry) -> str:
    action = entry.action.replace("_", " ")
    return f"v{entry.version} ({action} {entry.at} by {entry.actor}, entry {entry.number})"


def rules_table(decision: Mapping[str, Any]) -> str:
    """Return the lines of a decision as a Markdown table."""
    lines = ["| rule | passed | got | wanted | why |", "| --- | --- | --- | --- | --- |"]
    for rule in decision["rules"]:
        passed = {True: "yes", False: "**no**", None: "not asked"}[rule["passed"]]
        cells = [rule["rule"], passed, rule["got"], rule["wanted"], rule["text"]]
        lines.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    return "\n".join(lines)


def _cell(value: object) -> str:
    text = "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
