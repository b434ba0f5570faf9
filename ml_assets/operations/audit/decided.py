"""Which versions were in use, and who decided what about them on what evidence.

Belongs here: what the promotion log, the verdicts on training and withdrawals say. Does not belong
here: what was observed of data and predictions (`observed`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ml_assets.history.trials import running_in
from ml_assets.operations.audit.period import Period
from ml_assets.store.home import Home
from ml_assets.store.promotions import (
    MOVES,
    ROLLED_BACK,
    LogEntry,
    LoggedVersion,
    held_in,
)

GATE, TRIAL, PERSON = "gate", "trial", "person"
DIGESTS = ("decision", "trial", "policy", "against", "behind")


def in_use(entries: Sequence[LogEntry], period: Period) -> list[dict[str, Any]]:
    """Return the champions of a period, each as often as it became champion."""
    moves = [entry for entry in entries if entry.action in MOVES]
    ends = [*(entry.at for entry in moves[1:]), None]
    return [
        {
            "version": f"v{entry.version}",
            "digest": entry.digest,
            "since": entry.at,
            "until": until,
            **_said(entry),
        }
        for entry, until in zip(moves, ends, strict=True)
        if period.overlaps(entry.at, until)
    ]


def decisions(home: Home, entries: Sequence[LogEntry], period: Period) -> list[dict[str, Any]]:
    """Return every entry of the log, with its evidence and who or what decided."""
    return [
        {
            "at": entry.at,
            "version": f"v{entry.version}",
            "digest": entry.digest,
            "previous": None if entry.previous is None else f"v{entry.previous['version']}",
            **_said(entry),
            "decided_by": decided_by(home, entry),
            "evidence": _evidence(home, entry),
            "rules": _rules(home, entry),
            "hash": entry.hash,
        }
        for entry in entries
        if entry.at in period
    ]


def decided_by(home: Home, entry: LogEntry) -> str:
    """Return what an entry came about by: the gate, the verdict of a trial, or a person."""
    if "decision" in entry.evidence:
        return GATE
    document = _json(home, entry.evidence.get("trial"))
    if document is None:
        # One that was removed can only have been a verdict's: a person may end without one.
        return TRIAL if "trial" in entry.evidence else PERSON
    return PERSON if document["verdict"] == "running" else TRIAL


def overrides(
    home: Home, model: str, datasets: Sequence[str], entries: Sequence[LogEntry], period: Period
) -> list[dict[str, Any]]:
    """Return what people decided otherwise than the rules, with their reasons, by time."""
    found = [
        {"at": e.at, "what": _what(e), "by": e.actor, "reason": e.reason, "entry": e.number}
        for e in entries
        if e.at in period and decided_by(home, e) == PERSON
    ]
    found += [
        {
            "at": logged.at,
            "what": "trained out of turn (run --now)",
            "by": logged.verdict.by,
            "reason": logged.verdict.reason,
            "entry": None,
        }
        for logged in home.verdicts.entries(home.env, model)
        if logged.at in period and logged.verdict.by
    ]
    found += [
        {
            "at": out.at,
            "what": f"withdrew {dataset} {batch}".rstrip(),
            # Who withdrew a batch is not recorded.
            "by": None,
            "reason": out.reason,
            "entry": None,
        }
        for dataset, batch, out in home.batches.withdrawals(home.env)
        if out.at in period and dataset in datasets
    ]
    return sorted(found, key=lambda item: str(item["at"]))


def holds(entries: Sequence[LogEntry], period: Period) -> list[dict[str, Any]]:
    """Return the versions that could not become champion since they were rolled back from."""
    found = []
    for place, entry in enumerate(entries):
        if entry.action != ROLLED_BACK or entry.previous is None:
            continue
        digest = entry.previous["digest"]
        later = range(place + 1, len(entries))
        until = next(
            (entries[n].at for n in later if digest not in held_in(entries[: n + 1])), None
        )
        if period.overlaps(entry.at, until):
            found.append(
                {
                    "version": f"v{entry.previous['version']}",
                    "digest": digest,
                    "since": entry.at,
                    "until": until,
                    "by": entry.actor,
                    "reason": entry.reason,
                }
            )
    return found


def trials(home: Home, model: str, entries: Sequence[LogEntry], period: Period) -> list[Any]:
    """Return the trials that were on in a period, with their last document."""
    documents = _documents(home, model)
    found = []
    for champion, challenger, began, ended in _pairs(entries):
        told = documents.get((champion[1], challenger[1]))
        until = None if ended is None else ended.at
        if told is None or not period.overlaps(began, until):
            continue
        digest, document = told
        found.append(
            {
                "champion": champion[0],
                "challenger": challenger[0],
                "since": began,
                "until": until,
                "verdict": document["verdict"],
                "said": document["sentence"],
                "rows": document["rows"],
                "blocks": len(document["blocks"]),
                "ended": None if ended is None else _said(ended) | {"at": ended.at},
                "evidence": digest,
            }
        )
    return found


def _pairs(entries: Sequence[LogEntry]) -> Iterator[tuple[Any, Any, str, LogEntry | None]]:
    """Yield each champion with a challenger beside it: since when, and the entry that ended it."""
    before: tuple[Any, Any] | None = None
    began = ""
    for number, entry in enumerate(entries, start=1):
        trial = running_in(entries[:number])
        pair = None if trial is None else (_named(trial.champion), _named(trial.challenger))
        if pair != before:
            if before is not None:
                yield *before, began, entry
            before, began = pair, entry.at
    if before is not None:
        yield *before, began, None


def _named(version: LoggedVersion) -> tuple[str, str]:
    return f"v{version.version}", version.digest


def _documents(home: Home, model: str) -> dict[tuple[str, str], tuple[str, Mapping[str, Any]]]:
    """Return the newest document of each trial, by champion and challenger."""
    found = {}
    for version in home.records.versions(f"{model}/trial"):
        digest = version.outputs["trial"].digest
        document = _json(home, digest)
        if document is not None:
            pair = (document["champion"]["digest"], document["challenger"]["digest"])
            found[pair] = (digest, document)
    return found


def trainings(home: Home, model: str, period: Period) -> list[dict[str, Any]]:
    """Return when new data trained the model or did not, and why, by its policy."""
    return [
        {
            "at": logged.at,
            "train": logged.verdict.train,
            "reason": logged.verdict.said,
            "by": logged.verdict.by or None,
        }
        for logged in home.verdicts.entries(home.env, model)
        if logged.at in period
    ]


def _said(entry: LogEntry) -> dict[str, Any]:
    return {
        "entry": entry.number,
        "action": entry.action,
        "by": entry.actor,
        "reason": entry.reason,
    }


def _what(entry: LogEntry) -> str:
    if entry.action == ROLLED_BACK and entry.previous is not None:
        return f"rolled back from v{entry.previous['version']} to v{entry.version}"
    return f"{entry.action.replace('_', ' ')} v{entry.version}"


def _evidence(home: Home, entry: LogEntry) -> dict[str, Any]:
    """Return the digests that an entry names, and whether each document is still stored."""
    named = {name: d for name in DIGESTS if (d := entry.evidence.get(name))}
    documents = {name: d for name, d in named.items() if name in ("decision", "trial")}
    missing = set(home.objects.missing(list(documents.values()))) if documents else set()
    return {
        name: {"digest": digest, **({"stored": digest not in missing} if name in documents else {})}
        for name, digest in named.items()
    }


def _rules(home: Home, entry: LogEntry) -> list[dict[str, Any]]:
    """Return what each rule of the gate said, as far as it applied."""
    document = _json(home, entry.evidence.get("decision"))
    if document is None:
        return []
    names = ("rule", "effect", "passed", "text")
    return [
        {name: rule[name] for name in names}
        for rule in document["rules"]
        if rule["passed"] is not None
    ]


def _json(home: Home, digest: str | None) -> Any:
    """Return a stored document; None if there is none or it was removed."""
    if not digest or home.objects.missing([digest]):
        return None
    return home.objects.json(digest)
