"""What is stored of a delivery: its bytes, or for columns of pseudonyms, those that replace them.

Belongs here: what the home knows of keys and contents. Does not belong here: formats (`content`),
which are imported when a file is hidden: a plan needs no Arrow.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ml_assets.errors import RequestError
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.pseudonyms import pseudonymised
from ml_assets.store.digest import bytes_digest
from ml_assets.store.home import Home
from ml_assets.store.pseudonyms import (
    Known,
    Marked,
    fingerprint,
    mark,
    marked,
    pseudonyms_of,
    set_key,
)
from ml_assets.store.state import now

if TYPE_CHECKING:
    from ml_assets.engine.hiding.columns import Hiding

CLEAR = "clear values of {} are stored, which landed before: ml-assets pseudonyms apply"


def hides(spec: DatasetSpec) -> bool:
    """Return whether only pseudonyms of some columns are stored."""
    return bool(pseudonymised(spec.columns))


def hidden_names(spec: DatasetSpec) -> frozenset[str]:
    """Return the columns of a file that are pseudonyms once it has landed."""
    from ml_assets.stages.ingest.columns import named

    return frozenset(named(n, c)[0] for n, c in pseudonymised(spec.columns).items())


def hiding_of(home: Home, spec: DatasetSpec) -> Hiding:
    """Return how a dataset's deliveries are hidden; RequestError without the home's key."""
    from ml_assets.engine.hiding.columns import Hiding

    hiding = Hiding.of(spec, pseudonyms_of(home))
    set_key(home, Known(hiding.key.fingerprint, now()), first=True)
    # Another process may have been the first, with another key.
    pseudonyms_of(home)
    return hiding


def stored(home: Home, dataset: str, spec: DatasetSpec, content: bytes, name: str) -> bytes:
    """Return what is stored of delivered bytes; `name` is the file's, for people.

    The same delivery gives the same bytes, and bytes that were stored before stay as they are.
    RequestError, with nothing stored, without the key or if the file cannot be read.
    """
    if not hides(spec):
        return content
    from ml_assets.engine.hiding.content import hidden_content
    from ml_assets.stages.ingest.source import Unreadable

    known, columns = marked(home, dataset), hidden_names(spec)
    given = bytes_digest(content)
    if any(item.digest == given and columns <= item.columns for item in known.values()):
        return content
    hiding = hiding_of(home, spec)
    place = hiding.key.of_bytes(content)
    before = known.get(place)
    if before is not None and before.columns == columns:
        again = _still_there(home, before)
        if again is not None:
            return again
    try:
        made = hidden_content(content, hiding)
    except Unreadable as error:
        raise RequestError(f"{name}: {error.reason}; nothing landed") from None
    mark(home, dataset, place, bytes_digest(made), hiding.key.fingerprint, columns)
    return made


def _still_there(home: Home, before: Marked) -> bytes | None:
    if home.objects.missing([before.digest]):
        return None
    return home.objects.read(before.digest)


def mark_part(home: Home, dataset: str, spec: DatasetSpec, digest: str) -> None:
    """Record that a batch cut out of a delivery holds pseudonyms, as the delivery does."""
    if hides(spec):
        mark(home, dataset, f"part/{digest}", digest, fingerprint(home), hidden_names(spec))


def replace_file(path: Path, content: bytes) -> None:
    """Put a content in the place of a file, at once."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def clear_columns(home: Home, dataset: str, spec: DatasetSpec, digest: str) -> list[str]:
    """Return the columns of a landed file that hold clear values and should not."""
    if not hides(spec):
        return []
    done = [item.columns for item in marked(home, dataset, digest).values()]
    return sorted(hidden_names(spec).difference(*done))
