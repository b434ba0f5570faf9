"""Appends decisions to the promotion log, if they are new.

Belongs here: an entry's content, and whether it is written. Does not belong here: how a
candidate is judged (`stages/gate`), what MLflow and Dagster show of the log.
"""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from ml_assets.errors import UnknownName
from ml_assets.store.home import Home
from ml_assets.store.promotions import (
    KEPT,
    MOVES,
    PROMOTED,
    REFUSED,
    WAITING,
    LogEntry,
    LoggedVersion,
)
from ml_assets.store.records import Current, Version

ACTOR = "ML_ASSETS_ACTOR"


def actor() -> str:
    """Return the actor: `ML_ASSETS_ACTOR`, or the user and host names of the system."""
    return os.environ.get(ACTOR) or f"{getpass.getuser()}@{socket.gethostname()}"


def candidates(home: Home, model: str) -> Sequence[Version]:
    """Return every candidate of a model, oldest first."""
    return home.records.versions(f"{model}/candidate")


def candidate_of(home: Home, model: str, digest: str) -> Version:
    """Return a candidate by its digest; raises UnknownName."""
    matches = [version for version in candidates(home, model) if version.digest == digest]
    if not matches:
        raise UnknownName(f"{model} has no candidate with digest {digest}")
    return matches[0]


def candidate_named(home: Home, model: str, name: str) -> Version:
    """Return a candidate by `v3`, `3` or its digest; raises UnknownName with the nearest."""
    known = {f"v{version.number}": version for version in candidates(home, model)}
    every = {version.digest: version for version in known.values()}
    candidate = known.get(f"v{name.strip().removeprefix('v')}") or every.get(name)
    if candidate is None:
        raise UnknownName.of(f"version of {model}/candidate", name, known)
    return candidate


def compared_with(home: Home, model: str, candidate: str, policy: str) -> str | None:
    """Return the digest of the champion with which a candidate is (or was) compared.

    A candidate is decided once per policy. It stays compared with the champion of that time, so
    a later promotion or rollback causes no new decision. The champion itself is compared with
    the one that it replaced.
    """
    log, env = home.promotions, home.env
    decided = log.decided(env, model, candidate, policy)
    if decided is not None:
        return decided.evidence.get("against") or None
    champion = log.champion(env, model)
    if champion is None:
        return None
    if champion.digest != candidate:
        return champion.digest
    first = log.first_promotion(env, model, candidate)
    return None if first is None or first.previous is None else str(first.previous["digest"])


def log_decision(home: Home, model: str, current: Current) -> LogEntry | None:
    """Append a decision to the log, unless it is in it already; return the new entry.

    Raises Conflict if the champion is not the one with which the candidate was compared,
    UnknownName if the candidate has no version, and LogBroken.
    """
    facts = current.facts
    log, env = home.promotions, home.env
    digest, policy = str(facts["candidate"]), str(facts["policy"])
    if log.decided(env, model, digest, policy) is not None:
        return None
    champion = log.champion(env, model)
    own = champion is not None and champion.digest == digest
    action, reason = (KEPT, "it is the champion") if own else _action(home, model, facts)
    behind = _behind(home, model, digest) if facts.get("on_new") == "queue" else None
    if action == WAITING and behind is not None:
        reason = f"{reason} It waits until the trial of v{behind.version} has ended."
    return log.append(
        env,
        model,
        action=action,
        version=candidate_of(home, model, digest).number,
        digest=digest,
        expected=digest if own else facts["against"],
        actor=actor(),
        reason=reason,
        evidence={
            "decision": current.outputs["decision"].digest,
            "policy": policy,
            "against": facts["against"] or "",
            **({"behind": behind.digest} if action == WAITING and behind is not None else {}),
        },
    )


def _behind(home: Home, model: str, digest: str) -> LoggedVersion | None:
    """Return the challenger whose trial another candidate does not disturb."""
    log, env = home.promotions, home.env
    challenger = log.challenger(env, model)
    if (
        challenger is None
        or challenger.digest == digest
        or challenger.digest in log.held(env, model)
    ):
        return None
    return challenger


def _action(home: Home, model: str, facts: Mapping[str, Any]) -> tuple[str, str]:
    reason = str(facts["reason"])
    if facts["verdict"] == "refuse":
        return REFUSED, reason
    if facts["candidate"] in home.promotions.held(home.env, model):
        return WAITING, f"{reason} It is held: it was rolled back from."
    return (PROMOTED if facts["verdict"] == "promote" else WAITING), reason


def rollback_target(home: Home, model: str) -> LoggedVersion | None:
    """Return the newest earlier champion that is not held."""
    log, env = home.promotions, home.env
    champion, held = log.champion(env, model), log.held(env, model)
    for entry in reversed(log.entries(env, model)):
        if entry.action not in MOVES or entry.digest in held:
            continue
        if champion is not None and entry.digest != champion.digest:
            return LoggedVersion(entry.version, entry.digest, entry.number)
    return None


def was_champion(home: Home, model: str) -> set[str]:
    """Return the digests of every past and present champion."""
    return {e.digest for e in home.promotions.entries(home.env, model) if e.action in MOVES}
