"""The access keys of an environment's prediction service: names, scopes and digests.

A key is shown once, when it is made; the home keeps its SHA-256 only. A key is 256 random bits, so
a plain digest is enough: there is nothing to guess. A revoked key stays as a record, so that a
service which once asked for keys never opens again by itself.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Connection, delete, select

from ml_assets.errors import RequestError, UnknownName
from ml_assets.store.home import Home
from ml_assets.store.state import insert_missing, now, settings

Scope = Literal["predict", "metrics", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
PREFIX = "access/"
BYTES = 32
NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


@dataclass(frozen=True)
class AccessKey:
    """One key; `digest` is the SHA-256 of its text, in hexadecimal digits."""

    name: str
    digest: str
    scopes: tuple[Scope, ...]
    created: str
    revoked: str | None = None

    def allows(self, scope: Scope) -> bool:
        """Tell whether it opens a scope; `admin` opens all."""
        return self.revoked is None and (scope in self.scopes or "admin" in self.scopes)


def digest_of(key: str) -> str:
    """Return what is kept of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def access_keys(home: Home) -> list[AccessKey]:
    """Return the keys of the environment by name, revoked ones too."""
    with home.state.read() as db:
        return _all(db, home)


def made(name: str, scopes: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """Return a new key and what is kept of it; RequestError for wrong names or scopes."""
    wrong = [scope for scope in scopes if scope not in SCOPES]
    said = []
    if not NAME.fullmatch(name):
        said.append(
            f"got the name {name!r}, wanted a letter and up to 62 of a-z, 0-9, _ and - (like web)"
        )
    if wrong or not scopes:
        said.append(
            f"got the scopes {', '.join(wrong) or 'none'}, wanted some of {', '.join(SCOPES)}"
        )
    if said:
        raise RequestError("; ".join(said))
    text = secrets.token_urlsafe(BYTES)
    return text, {
        "digest": digest_of(text),
        "scopes": [scope for scope in SCOPES if scope in scopes],
        "created": now(),
        "revoked": None,
    }


def revoked(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of a key that is revoked."""
    return {**entry, "revoked": entry["revoked"] or now()}


def add_key(home: Home, name: str, scopes: Sequence[str]) -> str:
    """Return a new key; RequestError for a name that is taken, or wrong names or scopes."""
    text, entry = made(name, scopes)
    row = {"env": home.env, "key": PREFIX + name, "value": json.dumps(entry)}
    with home.state.write() as db:
        if db.execute(select(settings).where(*_mine(home, name))).first() is not None:
            raise RequestError(f"a key {name} already exists; choose another name")
        insert_missing(db, settings, [row])
    return text


def revoke_key(home: Home, name: str) -> None:
    """Revoke a key for good; UnknownName if there is none of this name."""
    with home.state.write() as db:
        stored = db.execute(select(settings.c.value).where(*_mine(home, name))).first()
        if stored is None:
            raise UnknownName.of("access key", name, [key.name for key in _all(db, home)])
        entry = revoked(json.loads(stored.value))
        db.execute(delete(settings).where(*_mine(home, name)))
        row = {"env": home.env, "key": PREFIX + name, "value": json.dumps(entry)}
        insert_missing(db, settings, [row])


def _all(db: Connection, home: Home) -> list[AccessKey]:
    asked = select(settings.c.key, settings.c.value).where(
        settings.c.env == home.env, settings.c.key.startswith(PREFIX)
    )
    rows = sorted((row.key, row.value) for row in db.execute(asked))
    return [read(key.removeprefix(PREFIX), json.loads(value)) for key, value in rows]


def read(name: str, entry: Mapping[str, Any]) -> AccessKey:
    """Return a key from what is kept of it."""
    return AccessKey(
        name, entry["digest"], tuple(entry["scopes"]), entry["created"], entry["revoked"]
    )


def _mine(home: Home, name: str) -> tuple[ColumnElement[bool], ...]:
    return settings.c.env == home.env, settings.c.key == PREFIX + name
