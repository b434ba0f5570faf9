"""The promotion log: who became champion of which model, when, by whom and on what evidence.

Append-only and hash-chained, one log for each environment and model. `heads` records
each log's length and last hash in the same transaction, so a removed tail is detected too. Someone
who can write to the database can rewrite all of it, but a release contains the entry that first
promoted its version, and so contradicts a rewritten log.

Champion and challenger are read from the log and stored nowhere else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from ml_assets.errors import Conflict, LogBroken
from ml_assets.store.digest import canonical_json
from ml_assets.store.state import State, current, dump, heads, now, promotions

PROMOTED, REFUSED, WAITING = "promoted", "refused", "waiting"
ROLLED_BACK, KEPT = "rolled_back", "kept"
MOVES = (PROMOTED, ROLLED_BACK)
"""The actions that make the entry's version the champion."""


@dataclass(frozen=True)
class LogEntry:
    """One line of the log."""

    env: str
    model: str
    number: int
    """1, 2, … within its environment and model."""
    at: str
    """UTC, ISO, to the millisecond; never earlier than the previous entry."""
    actor: str
    action: str
    """promoted, refused, waiting (as challenger), rolled_back (to this version), kept (the
    champion itself, judged under another policy)."""
    reason: str
    version: int
    digest: str
    """Of the candidate asset."""
    previous: Mapping[str, Any] | None
    """The previous champion, `{"version", "digest"}`."""
    evidence: Mapping[str, str]
    """Digests by name: decision, policy, …"""
    before: str
    """The hash of the previous entry; empty for the first."""
    hash: str
    """SHA-256 of the canonical JSON of all other fields."""

    def to_json(self) -> dict[str, Any]:
        """Return the entry as one JSON object, as it is exported."""
        return asdict(self)


@dataclass(frozen=True)
class LoggedVersion:
    """A champion or challenger by the log, and the number of the entry that made it so."""

    version: int
    digest: str
    entry: int


def entry_hash(entry: LogEntry) -> str:
    """Return the expected `entry.hash`; it can be computed from the exported line alone."""
    document = {name: value for name, value in asdict(entry).items() if name != "hash"}
    return hashlib.sha256(canonical_json(document)).hexdigest()


class Promotions:
    """The promotion logs of a home; all that read one raise LogBroken for an invalid line."""

    def __init__(self, state: State) -> None:
        self._state = state

    def entries(self, env: str, model: str) -> list[LogEntry]:
        """Return a log as it is stored, oldest first, without verifying it."""
        with self._state.read() as db:
            return self.read(db, env, model)

    def read(self, db: Connection, env: str, model: str) -> list[LogEntry]:
        """Return a log as it is stored, in an open transaction."""
        return _entries(db, env, model)

    def champion(self, env: str, model: str, at: str | None = None) -> LoggedVersion | None:
        """Return the champion now, or at a time (ISO; UTC if it has no zone)."""
        log = self.entries(env, model)
        return champion_of(log if at is None else until(log, at))

    def challenger(self, env: str, model: str) -> LoggedVersion | None:
        """Return the version that waits as challenger, as `challenger_of` does."""
        return challenger_of(self.entries(env, model))

    def held(self, env: str, model: str) -> set[str]:
        """Return the digests that were rolled back and not promoted since."""
        return held_in(self.entries(env, model))

    def decided(self, env: str, model: str, digest: str, policy: str) -> LogEntry | None:
        """Return the entry by which a candidate was decided under a policy (its digest)."""
        return decided_in(self.entries(env, model), digest, policy)

    def first_promotion(self, env: str, model: str, digest: str) -> LogEntry | None:
        """Return the entry that first made a candidate champion."""
        return next(
            (e for e in self.entries(env, model) if e.digest == digest and e.action in MOVES), None
        )

    def length(self, env: str, model: str) -> int:
        """Return how many entries a log has, by a query of one row."""
        with self._state.read() as db:
            query = select(heads.c.number).where(heads.c.env == env, heads.c.model == model)
            return db.execute(query).scalar() or 0

    def verify(self, env: str, model: str) -> list[LogEntry]:
        """Return a log after verifying it; raises LogBroken naming the first bad entry."""
        with self._state.read() as db:
            return _verified(db, env, model)

    def append(
        self,
        env: str,
        model: str,
        *,
        action: str,
        version: int,
        digest: str,
        expected: str | None,
        actor: str,
        reason: str,
        evidence: Mapping[str, str] | None = None,
    ) -> LogEntry:
        """Append an entry, if the champion is still the expected one (its digest).

        The same transaction marks the champion asset as unpublished, so that a run publishes it
        if this process does not. Raises Conflict, naming who came first, and LogBroken.
        """
        try:
            with self._state.write() as db:
                log = _verified(db, env, model)
                champion = champion_of(log)
                if (None if champion is None else champion.digest) != expected:
                    raise Conflict(_won(log, champion, model, version, action))
                before = log[-1] if log else None
                entry = LogEntry(
                    env=env,
                    model=model,
                    number=len(log) + 1,
                    at=now() if before is None else max(now(), before.at),
                    actor=actor,
                    action=action,
                    reason=reason,
                    version=version,
                    digest=digest,
                    previous=_named(champion),
                    evidence=dict(evidence or {}),
                    before="" if before is None else before.hash,
                    hash="",
                )
                entry = replace(entry, hash=entry_hash(entry))
                _write(db, entry)
        except IntegrityError as error:
            # The database let two transactions read the same last entry.
            raise Conflict(f"{model}: another decision was recorded at the same time") from error
        return entry

    def mark_shown(self, env: str, model: str, token: str, length: int) -> bool:
        """Record that a log of this length and the asset's content have been published.

        Returns False, and records nothing, if an entry was appended in the meantime.
        """
        with self._state.write() as db:
            mine = (heads.c.env == env, heads.c.model == model)
            if (db.execute(select(heads.c.number).where(*mine)).scalar() or 0) != length:
                return False
            db.execute(update(current).where(*_asset(env, model)).values(published=token))
        return True


def champion_of(entries: Sequence[LogEntry]) -> LoggedVersion | None:
    """Return the champion at the end of these entries."""
    return next((_pointer(e) for e in reversed(entries) if e.action in MOVES), None)


def challenger_of(entries: Sequence[LogEntry]) -> LoggedVersion | None:
    """Return the version that is waiting at the end of these entries.

    That is the newest, except one that waits behind the challenger (`behind` in its evidence):
    it follows when the challenger is refused. Any promotion ends the waiting of all. One that is
    decided again, under another policy, has waited since the first time.
    """
    waiting: LogEntry | None = None
    behind: LogEntry | None = None
    for entry in entries:
        mine = waiting is not None and waiting.digest == entry.digest
        if entry.action == PROMOTED:
            waiting = behind = None
        elif entry.action == WAITING and not mine:
            queued = waiting is not None and entry.evidence.get("behind") == waiting.digest
            waiting, behind = (waiting, entry) if queued else (entry, None)
        elif entry.action == REFUSED and mine:
            waiting, behind = behind, None
        elif entry.action == REFUSED and behind is not None and behind.digest == entry.digest:
            behind = None
    return None if waiting is None else _pointer(waiting)


def held_in(entries: Sequence[LogEntry]) -> set[str]:
    """Return the digests that these entries rolled back and did not promote since."""
    digests: set[str] = set()
    for entry in entries:
        if entry.action == ROLLED_BACK and entry.previous is not None:
            digests.add(entry.previous["digest"])
        if entry.action in MOVES:
            digests.discard(entry.digest)
    return digests


def decided_in(entries: Sequence[LogEntry], digest: str, policy: str) -> LogEntry | None:
    """Return the first of these entries by which a candidate was decided under a policy."""
    return next(
        (e for e in entries if e.digest == digest and e.evidence.get("policy") == policy), None
    )


def until(entries: Sequence[LogEntry], at: str) -> list[LogEntry]:
    """Return the entries up to a time (ISO; UTC if it has no zone); ValueError if none."""
    return [entry for entry in entries if entry.at <= utc(at)]


def utc(at: str) -> str:
    """Return an ISO time as the log writes it; ValueError if it is not one."""
    moment = datetime.fromisoformat(at)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds")


def _pointer(entry: LogEntry) -> LoggedVersion:
    return LoggedVersion(entry.version, entry.digest, entry.number)


def _named(champion: LoggedVersion | None) -> dict[str, Any] | None:
    if champion is None:
        return None
    return {"version": champion.version, "digest": champion.digest}


def _asset(env: str, model: str) -> tuple[Any, ...]:
    return (current.c.env == env, current.c.asset == f"{model}/champion")


def _write(db: Connection, entry: LogEntry) -> None:
    row = {**asdict(entry), "previous": dump(entry.previous), "evidence": dump(entry.evidence)}
    db.execute(insert(promotions), row)
    db.execute(delete(heads).where(heads.c.env == entry.env, heads.c.model == entry.model))
    head = {"env": entry.env, "model": entry.model, "number": entry.number, "hash": entry.hash}
    db.execute(insert(heads), head)
    db.execute(update(current).where(*_asset(entry.env, entry.model)).values(published=None))


def _entries(db: Connection, env: str, model: str) -> list[LogEntry]:
    mine = (promotions.c.env == env, promotions.c.model == model)
    rows = db.execute(select(promotions).where(*mine).order_by(promotions.c.number)).all()
    return [_entry(row) for row in rows]


def _entry(row: Any) -> LogEntry:
    try:
        parsed = {name: json.loads(getattr(row, name)) for name in ("previous", "evidence")}
    except ValueError as error:
        raise LogBroken(
            f"the promotion log of {row.model} ({row.env}) is broken at entry {row.number}: it "
            f"was edited: {error}; restore the state database from a copy"
        ) from error
    return LogEntry(**{**row._mapping, **parsed})


def _verified(db: Connection, env: str, model: str) -> list[LogEntry]:
    entries = _entries(db, env, model)
    mine = (heads.c.env == env, heads.c.model == model)
    head = db.execute(select(heads).where(*mine)).one_or_none()
    where = f"the promotion log of {model} ({env}) is broken at entry"
    cure = "restore the state database from a copy"
    before = ""
    for number, entry in enumerate(entries, start=1):
        if entry.number != number:
            raise LogBroken(f"{where} {number}: it was removed; {cure}")
        if entry.hash != entry_hash(entry):
            raise LogBroken(
                f"{where} {number} ({entry.action} v{entry.version}): it was edited or moved, its "
                f"content does not match its hash; {cure}"
            )
        if entry.before != before:
            raise LogBroken(
                f"{where} {number} ({entry.action} v{entry.version}): it does not follow the "
                f"previous entry; {cure}"
            )
        before = entry.hash
    wanted = 0 if head is None else head.number
    if wanted != len(entries):
        which = "it was removed" if wanted > len(entries) else "it was added after the log's end"
        raise LogBroken(f"{where} {min(wanted, len(entries)) + 1}: {which}; {cure}")
    if head is not None and head.hash != before:
        raise LogBroken(f"{where} {wanted}: it is not the log's recorded last entry; {cure}")
    return entries


def _won(
    entries: Sequence[LogEntry],
    champion: LoggedVersion | None,
    model: str,
    version: int,
    action: str,
) -> str:
    if champion is None:
        return f"{model} v{version} was not {action}: there is no champion, but one was expected"
    last = entries[champion.entry - 1]
    return (
        f"{model} v{version} was not {action}: the champion is now v{champion.version} "
        f"({last.action} by {last.actor} at {last.at}, entry {last.number}: {last.reason}); "
        "check it, then retry"
    )
