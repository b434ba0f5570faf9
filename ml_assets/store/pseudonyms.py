"""Pseudonyms of sensitive values: an HMAC by a key that is never in the home.

Data sets, requests and legal deletions share the key, so that one value has one pseudonym. Belongs
here: the key, what the state knows of it. Does not belong here: which values (`engine/hiding`).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from ml_assets.errors import RequestError
from ml_assets.store.state import files, insert_missing, now, settings

if TYPE_CHECKING:
    from ml_assets.store.home import Home

KEY, FILE = "ML_ASSETS_SENSITIVE_KEY", "ML_ASSETS_SENSITIVE_KEY_FILE"
OLD_KEY, OLD_FILE = "ML_ASSETS_REQUESTS_KEY", "ML_ASSETS_REQUESTS_KEY_FILE"
"""The names from when requests alone had pseudonyms; read where the new ones are not set."""
SHORTEST = 32
"""Bytes: as many as the digest has."""
WANTED = f"set {FILE} to a file outside of the home, or {KEY}, to at least {SHORTEST} bytes"
SETTING, NAMED = "pseudonyms", "ml_assets key"
"""Where the state has the fingerprint, and the text whose pseudonym it is."""
PLACE = "pseudonymised/"
"""Where the table of known files has contents without clear values, by dataset."""
PART = "part/"
"""Begins the name of a content that is known by its own digest."""


@dataclass(frozen=True)
class Pseudonyms:
    """The keys, oldest first: each but the first hides what the one before it gave."""

    keys: Sequence[bytes]

    def of(self, text: str) -> str:
        """Return the pseudonym of a value, in hexadecimal digits."""
        for key in self.keys:
            text = hashed(key, text)
        return text

    def of_bytes(self, content: bytes) -> str:
        """Return what tells a file apart without being a digest that anyone could compute."""
        return self.of(hmac.new(self.keys[0], content, hashlib.sha256).hexdigest())

    @property
    def fingerprint(self) -> str:
        """What tells keys apart, and tells nothing of them."""
        return self.of(NAMED)[:16]


def pseudonyms(home: Path, environ: Mapping[str, str] | None = None) -> Pseudonyms:
    """Return the keys that the environment names; RequestError without one, or in the home.

    After a change of keys, the file's variable names all of them, oldest first, as PATH does.
    """
    environ = os.environ if environ is None else environ
    key = environ.get(KEY) or ("" if environ.get(FILE) else environ.get(OLD_KEY))
    if key:
        return Pseudonyms([_long_enough(key.encode())])
    files_named = environ.get(FILE) or environ.get(OLD_FILE)
    if not files_named:
        raise RequestError(f"sensitive columns are stored as HMAC, which needs a secret: {WANTED}")
    return Pseudonyms([key_in(Path(name), home) for name in files_named.split(os.pathsep) if name])


def key_in(path: Path, home: Path) -> bytes:
    """Return the key in a file; RequestError if it is in the home, or too short."""
    path = path.resolve()
    if path.is_relative_to(home.resolve()):
        raise RequestError(f"{path} is in the home, next to what it hides; {WANTED}")
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error.strerror}; {WANTED}") from None
    return _long_enough(key)


def _long_enough(key: bytes) -> bytes:
    if len(key) < SHORTEST:
        raise RequestError(f"the secret for sensitive columns has {len(key)} bytes; {WANTED}")
    return key


def hashed(key: bytes, value: str) -> str:
    """Return the HMAC-SHA256 of a value, in hexadecimal digits."""
    return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()


def pseudonyms_of(home: Home) -> Pseudonyms:
    """Return the keys at hand; RequestError without one, or if the home was made with others."""
    made, known = pseudonyms(home.root), known_key(home)
    if known is not None and known.next is not None:
        raise RequestError(
            "a change of the secret for sensitive columns was interrupted: repeat ml-assets "
            f"pseudonyms rotate, to the secret with which it began ({known.next})"
        )
    if known is not None and known.fingerprint != made.fingerprint:
        raise RequestError(
            f"the secret for sensitive columns has the fingerprint {made.fingerprint}, and what is "
            f"in the home was made with {known.fingerprint}: one value would have two pseudonyms. "
            f"Give that secret ({FILE} or {KEY}), or change it by `ml-assets pseudonyms rotate`"
        )
    return made


@dataclass(frozen=True)
class Known:
    """What the state knows of the keys."""

    fingerprint: str
    since: str
    next: str | None = None
    """The fingerprint of those that are just taking their place."""


def known_key(home: Home) -> Known | None:
    """Return what the state knows of the keys; None before the first."""
    with home.state.read() as db:
        value = db.execute(select(settings.c.value).where(*_MINE)).scalar()
    return None if value is None else Known(**json.loads(value))


def fingerprint(home: Home) -> str:
    """Return the fingerprint of the keys that a home was made with; empty before the first."""
    known = known_key(home)
    return "" if known is None else known.fingerprint


def keep_key(home: Home, fingerprint: str) -> None:
    """Record the home's first key, before anything is stored that was made with it.

    Raises RequestError if another process was the first, with another key.
    """
    set_key(home, Known(fingerprint, now()), first=True)
    pseudonyms_of(home)


def set_key(home: Home, known: Known, first: bool = False) -> None:
    """Record the keys in use; the `first` ones stay, whoever else records some meanwhile."""
    row = {"env": "", "key": SETTING, "value": json.dumps(asdict(known))}
    with home.state.write() as db:
        if not first:
            db.execute(delete(settings).where(*_MINE))
        insert_missing(db, settings, [row])


_MINE = (settings.c.env == "", settings.c.key == SETTING)


@dataclass(frozen=True)
class Marked:
    """A content in which columns were replaced by pseudonyms."""

    digest: str
    fingerprint: str
    columns: frozenset[str]
    """The columns of the file."""


def mark(
    home: Home, dataset: str, content: str, digest: str, key: str, columns: Collection[str]
) -> None:
    """Record that a content holds pseudonyms; `content` is the HMAC of the delivered bytes.

    What the same bytes became before, with fewer columns hidden, stays known.
    """
    path = f"{PLACE}{dataset}/{content}"
    row = {"path": path, "digest": digest, "stat": json.dumps([key, sorted(columns)])}
    mine = files.c.path == path
    with home.state.write() as db:
        before = db.execute(select(files.c.digest, files.c.stat).where(mine)).one_or_none()
        db.execute(delete(files).where(mine))
        insert_missing(db, files, [row])
        if before is not None and before.digest != digest:
            kept = f"{PLACE}{dataset}/{PART}{before.digest}"
            insert_missing(db, files, [{**before._mapping, "path": kept}])


def mark_as(home: Home, dataset: str, old: str, new: str) -> None:
    """Record that a content holds pseudonyms, if the one that it replaces does."""
    if marked(home, dataset, new):
        return
    for item in marked(home, dataset, old).values():
        mark(home, dataset, f"{PART}{new}", new, item.fingerprint, item.columns)


def marked(home: Home, dataset: str, digest: str = "") -> Mapping[str, Marked]:
    """Return a dataset's contents that hold pseudonyms, by the HMAC of what was delivered.

    With `digest`, only that one.
    """
    begin = f"{PLACE}{dataset}/"
    wanted = select(files).where(files.c.path.startswith(begin, autoescape=True))
    if digest:
        wanted = wanted.where(files.c.digest == digest)
    with home.state.read() as db:
        items = [
            (row.path.removeprefix(begin), row.digest, *json.loads(row.stat))
            for row in db.execute(wanted)
        ]
    return {path: Marked(found, key, frozenset(names)) for path, found, key, names in items}


def marked_as(home: Home, dataset: str, content: str) -> Marked | None:
    """Return what delivered bytes became, by their HMAC; None if that is not known."""
    mine = files.c.path == f"{PLACE}{dataset}/{content}"
    with home.state.read() as db:
        row = db.execute(select(files.c.digest, files.c.stat).where(mine)).one_or_none()
    if row is None:
        return None
    key, names = json.loads(row.stat)
    return Marked(row.digest, key, frozenset(names))


def hidden_in(home: Home, dataset: str) -> Mapping[str, frozenset[str]]:
    """Return the columns of a dataset's contents that are pseudonyms, by digest."""
    hidden: dict[str, frozenset[str]] = {}
    for item in marked(home, dataset).values():
        hidden[item.digest] = hidden.get(item.digest, frozenset()) | item.columns
    return hidden


def unmark(home: Home, dataset: str, key: str) -> None:
    """Forget the contents of a dataset with pseudonyms by a key."""
    gone = [
        f"{PLACE}{dataset}/{c}" for c, m in marked(home, dataset).items() if m.fingerprint == key
    ]
    with home.state.write() as db:
        for path in gone:
            db.execute(delete(files).where(files.c.path == path))
