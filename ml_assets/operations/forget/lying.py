"""People's files in a home, landed or not, from which a legal deletion removes rows.

Belongs here: which files are searched, what each becomes, which could not be searched. Does not
belong here: results computed from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ml_assets.engine.batch_names import batch_of
from ml_assets.engine.deliveries import hidden
from ml_assets.operations.forget.rewrite import Values, without
from ml_assets.operations.forget.workbook import InWorkbook
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.stages.ingest.source import Unreadable
from ml_assets.store.digest import bytes_digest
from ml_assets.store.home import Home
from ml_assets.walk import Item, below, entries, shown


@dataclass
class Lying:
    """What becomes of the files, and what a person must look at."""

    files: dict[Path, bytes | None] = field(default_factory=dict)
    """File -> its new content; None if it is removed."""
    landed: dict[str, str] = field(default_factory=dict)
    """Digest of a file that had not landed -> digest of what remains of it."""
    rows: dict[str, int] = field(default_factory=dict)
    """Batch (empty if the name contains none) -> rows to remove from files that had not landed."""
    unsearched: list[str] = field(default_factory=list)
    workbooks: list[str] = field(default_factory=list)
    """Workbooks that hold the rows, and what to do."""


@dataclass(frozen=True)
class Wanted:
    """What a deletion looks for in the files of a dataset."""

    dataset: str
    spec: DatasetSpec
    batch: str | None
    key: Values
    known: Mapping[str, bytes | None]
    """Digest of a landed file with such rows -> what remains of it, None for nothing."""
    searched: frozenset[str]
    """Digests of landed files that were already searched."""
    clear: Values = field(default_factory=dict)
    """The key in clear, if the files that did not land may hold it so."""


def search(home: Home, wanted: Wanted) -> Lying:
    """Search every file of a dataset in the home."""
    lying = Lying()
    for entry in _files(home, wanted):
        named = batch_of(wanted.spec, entry.path.name)
        if named is None and entry.path.parent != home.landing / wanted.dataset:
            # A part of a folder that is a batch; what is hidden in it has no rows.
            named = batch_of(wanted.spec, entry.path.parent.name)
            if named is not None and hidden(entry.path.name):
                continue
        try:
            _look(entry.path, named, wanted, lying)
        except OSError as error:
            lying.unsearched.append(f"{shown(entry.path)}: cannot be read: {error.strerror}")
        if entry.path in lying.files and _outside(entry.path, home.root):
            away = shown(entry.path.resolve())
            lying.unsearched.append(f"{shown(entry.path)}: a link to {away}, where it stays")
    # Only numbers of rows, without keys: they cannot be searched, but are made anew.
    lying.files |= dict.fromkeys(home.root.glob("federated/*/*/rows.npz"))
    return lying


def _files(home: Home, wanted: Wanted) -> Iterator[Item]:
    """Yield the regular files; a pipe or a broken link contains no rows."""
    samples = (
        entry
        for entry in entries(home.sample)
        if batch_of(wanted.spec, entry.path.name) is not None
    )
    for entry in (*samples, *below(home.landing / wanted.dataset)):
        if entry.file:
            yield entry


def _look(path: Path, named: str | None, wanted: Wanted, lying: Lying) -> None:
    content = path.read_bytes()
    digest = bytes_digest(content)
    if digest in wanted.known:
        lying.files[path] = wanted.known[digest]
    elif not wanted.key:
        if named is None:
            lying.unsearched.append(f"{shown(path)}: its name contains no batch")
        elif wanted.batch in (None, named):
            lying.files[path] = None
    elif digest not in wanted.searched and (wanted.batch is None or named in (None, wanted.batch)):
        try:
            left, count = without(content, wanted.spec, wanted.key)
            if wanted.clear not in ({}, wanted.key):
                left, more = without(left, wanted.spec, wanted.clear)
                count += more
        except Unreadable as error:
            lying.unsearched.append(f"{shown(path)}: {error}")
            return
        except InWorkbook as error:
            said = "remove them in Excel, on all sheets, or remove the file"
            lying.workbooks.append(f"{shown(path)} holds {error}: {said}")
            return
        if count:
            lying.files[path] = left
            lying.landed[digest] = bytes_digest(left)
            lying.rows[named or ""] = max(count, lying.rows.get(named or "", 0))


def _outside(path: Path, root: Path) -> bool:
    return path.is_symlink() and not path.resolve().is_relative_to(root.resolve())
