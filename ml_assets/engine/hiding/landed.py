"""What is stored of a delivery: its bytes, or for columns of pseudonyms, those that replace them.

Belongs here: what the home knows of keys and contents. Does not belong here: formats (`content`),
which are imported when a file is hidden: a plan needs no Arrow.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ml_assets.errors import RequestError
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.pseudonyms import hidden_parts, pseudonymised
from ml_assets.store.digest import bytes_digest
from ml_assets.store.home import Home
from ml_assets.store.pseudonyms import (
    PART,
    Marked,
    fingerprint,
    keep_key,
    mark,
    marked,
    marked_as,
    pseudonyms_of,
)

if TYPE_CHECKING:
    from ml_assets.engine.hiding.columns import Hiding

CLEAR = "clear values of {} are stored, which landed before: ml-assets pseudonyms apply"


def hides(spec: DatasetSpec) -> bool:
    """Return whether only pseudonyms of some columns are stored."""
    return bool(pseudonymised(spec.columns))


def hiding_of(home: Home, spec: DatasetSpec, done: Collection[str] = ()) -> Hiding:
    """Return how a dataset's deliveries are hidden; columns that are `done` are pseudonyms already.

    RequestError without the home's key.
    """
    from ml_assets.engine.hiding.columns import Hiding

    return Hiding.of(spec, pseudonyms_of(home), done)


def stored(home: Home, dataset: str, spec: DatasetSpec, content: bytes, name: str) -> bytes:
    """Return what is stored of delivered bytes; `name` is the file's, for people.

    The same delivery gives the same bytes, and bytes that were stored before stay as they are.
    RequestError, with nothing stored, without the key or if the file cannot be read.
    """
    if not hides(spec):
        return content
    from ml_assets.engine.hiding.content import hidden_content
    from ml_assets.stages.ingest.source import Unreadable

    given, columns = bytes_digest(content), hidden_parts(spec.columns)
    before = marked(home, dataset, given).values()
    done = frozenset[str]().union(*(item.columns for item in before))
    # Of what was forgotten nothing is known any more: its pseudonyms would be hidden again.
    if columns <= done or home.removals.forgotten(given):
        return content
    hiding = hiding_of(home, spec, done)
    place = hiding.key.of_bytes(content)
    known = marked_as(home, dataset, place)
    if known is not None and known.columns == columns:
        again = _still_there(home, known)
        if again is not None:
            return again
    try:
        made = hidden_content(content, hiding)
    except Unreadable as error:
        raise RequestError(f"{name}: {error.reason}; nothing landed") from None
    keep_key(home, hiding.key.fingerprint)
    mark(home, dataset, place, bytes_digest(made), hiding.key.fingerprint, columns)
    return made


def _still_there(home: Home, before: Marked) -> bytes | None:
    if home.objects.missing([before.digest]):
        return None
    return home.objects.read(before.digest)


def mark_part(home: Home, dataset: str, spec: DatasetSpec, digest: str) -> None:
    """Record that a batch cut out of a delivery holds pseudonyms, as the delivery does."""
    if hides(spec):
        mark(
            home, dataset, f"{PART}{digest}", digest, fingerprint(home), hidden_parts(spec.columns)
        )


def hide(path: Path, content: bytes) -> None:
    """Put what was stored in the place of a delivered file or folder, which has clear values."""
    if not path.is_dir():
        replace_file(path, content)
        return
    from ml_assets.stages.parts import parts_of

    for name, part in parts_of(content).items():
        replace_file(path / name, part)


def replace_file(path: Path, content: bytes) -> None:
    """Put a content in the place of a file, at once."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def clear_columns(
    spec: DatasetSpec, digest: str, hidden: Mapping[str, frozenset[str]]
) -> list[str]:
    """Return the columns of a landed file that hold clear values and should not.

    `hidden` has the columns that are pseudonyms, by content (`hidden_in`).
    """
    return sorted(hidden_parts(spec.columns) - hidden.get(digest, frozenset()))
