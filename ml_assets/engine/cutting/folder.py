"""Files to be cut, or folders of Parquet files, in a landing folder or given by name.

A file stays in the folder as it was delivered; what is cut from it lies among the objects. Belongs
here: which files are new, and where they lie. Does not belong here: what they change (`deliver`).
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from ml_assets.engine.batch_names import batch_of
from ml_assets.engine.cutting.deliver import deliver_file
from ml_assets.engine.cutting.outcome import CutFile
from ml_assets.engine.deliveries import delivery, remove
from ml_assets.engine.hiding.landed import hide, hides, stored
from ml_assets.errors import RequestError
from ml_assets.keys.fields import document
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.project import Project
from ml_assets.stages.parts import parts_of
from ml_assets.store import temporary
from ml_assets.store.digest import json_digest
from ml_assets.store.home import Home
from ml_assets.walk import Item, is_text, look, shown

CHANGED = "it was changed while it was read; land it again"


def take(
    home: Home,
    project: Project,
    dataset: str,
    files: Iterable[Item],
    settle: float,
) -> tuple[list[CutFile], list[str], list[str]]:
    """Land what is new in the files of a landing folder, oldest first.

    Returns the deliveries, the problems, and the files that were changed just now.
    """
    known = home.batches.known_files()
    spec = project.datasets[dataset]
    deliveries: list[CutFile] = []
    problems: list[str] = []
    settling: list[str] = []
    for entry in sorted(files, key=_age):
        try:
            before, stat = (
                known.get(str(entry.path.relative_to(home.root))),
                _stamp(entry.path, spec),
            )
            if before is not None and before[0] == stat:
                continue
            if _settling(entry.path, settle):
                settling.append(str(entry.path))
            elif (delivery := _take(home, project, dataset, entry.path, before, stat)) is not None:
                deliveries.append(delivery)
        except RequestError as error:
            problems.append(f"{shown(entry.path.parent)}: {error}")
        except OSError as error:
            problems.append(f"{shown(entry.path)}: cannot be read: {error.strerror}")
    return deliveries, problems, settling


def _age(entry: Item) -> tuple[int, str]:
    return (0 if entry.info is None else entry.info.st_mtime_ns), entry.path.name


def _settling(path: Path, settle: float) -> bool:
    now = time.time()
    # A time that lies far in the future says nothing: such a file would never settle.
    return any(abs(now - touched) < settle for touched in delivery(path).touched)


def _take(
    home: Home,
    project: Project,
    dataset: str,
    path: Path,
    before: tuple[str, str] | None,
    stat: str,
) -> CutFile | None:
    """Cut a file unless its bytes, and how they are cut, are as before."""
    spec, delivery = project.datasets[dataset], None
    digest = _digest(path, spec)
    if before is None or before[1] != digest:
        sure = partial(_unchanged, path, stat, spec)
        if hides(spec):
            return _take_hidden(home, project, dataset, path, sure)
        delivery = deliver_file(home, project, dataset, path, path.name, sure)
    home.batches.remember_file(str(path.relative_to(home.root)), stat, digest)
    return delivery


def _take_hidden(
    home: Home, project: Project, dataset: str, path: Path, sure: Callable[[], None]
) -> CutFile:
    """Cut what a file or folder becomes without clear values, and put that in its place.

    A delivery that came meanwhile stays as it is, and is cut at the next look.
    """
    spec = project.datasets[dataset]
    with temporary.folder(home.root) as aside:
        copy = aside / path.name
        _hidden(home, dataset, spec, path, copy)
        sure()
        done = deliver_file(home, project, dataset, copy, path.name)
        try:
            sure()
        except RequestError:
            return done
        hide(path, delivery(copy).content())
    _remember(home, path, spec)
    return done


def _hidden(home: Home, dataset: str, spec: DatasetSpec, source: Path, target: Path) -> None:
    """Write a file, or the parts of a folder, as they are stored."""
    content = stored(home, dataset, spec, delivery(source).content(), source.name)
    if not source.is_dir():
        target.write_bytes(content)
        return
    target.mkdir()
    for name, part in parts_of(content).items():
        (target / name).write_bytes(part)


def land_cut(home: Home, project: Project, dataset: str, source: Path) -> CutFile:
    """Cut a file and copy it atomically into a dataset's landing folder.

    Raises RequestError, with nothing changed, where it cannot be cut.
    """
    spec = project.datasets[dataset]
    folder = home.landing / dataset
    try:
        stat = _stamp(source, spec)
        with temporary.folder(home.root) as aside:
            copy, target = aside / "copy", folder / source.name
            if hides(spec):
                _hidden(home, dataset, spec, source, copy)
            else:
                _copy(source, copy)
            _unchanged(source, stat, spec)
            delivery = deliver_file(home, project, dataset, copy, source.name)
            folder.mkdir(parents=True, exist_ok=True)
            _move(copy, target)
            _remember(home, target, spec)
    except OSError as error:
        raise RequestError(f"{shown(source)}: {error.strerror}") from error
    return delivery


def matches(spec: DatasetSpec, file: Path) -> bool:
    """Tell whether a file's name is one that the dataset reads."""
    return is_text(file.name) and not file.name.startswith(".") and batch_of(spec, file.name) == ""


def _copy(source: Path, target: Path) -> None:
    """Copy a file, or the parts of a folder."""
    parts = delivery(source).parts
    if not parts:
        shutil.copyfile(source, target)
        return
    target.mkdir()
    for part in parts:
        shutil.copyfile(part, target / part.name)


def _move(source: Path, target: Path) -> None:
    """Move a file or folder in the place of another; the target may be on another disk."""
    old = look(target)
    if source.is_dir() or (old is not None and old.folder):
        before = target.with_name(f".{target.name}.old")
        if look(before) is not None:
            remove(before)
        if old is not None:
            os.replace(target, before)
        _renamed(source, target)
        if old is not None:
            remove(before)
        return
    _renamed(source, target)


def _renamed(source: Path, target: Path) -> None:
    try:
        os.replace(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = target.with_name(f".{target.name}.tmp")
        _copy(source, beside)
        os.replace(beside, target)


def _unchanged(path: Path, stat: str, spec: DatasetSpec) -> None:
    if _stamp(path, spec) != stat:
        raise RequestError(f"{path.name}: {CHANGED}")


def _stamp(path: Path, spec: DatasetSpec) -> str:
    """Return what moves when the file or folder changes, or how it is cut."""
    return f"{delivery(path).stamp} {_rules(spec)}"


def _remember(home: Home, path: Path, spec: DatasetSpec) -> None:
    """Record that what lies at a path is known, as it is now."""
    key = str(path.relative_to(home.root))
    home.batches.remember_file(key, _stamp(path, spec), _digest(path, spec))


def _rules(spec: DatasetSpec) -> str:
    assert spec.landing.cut is not None
    column = document(spec.columns[spec.landing.cut.column])
    known = spec.calendar
    timed = [] if known is None or known.period is None else [document(known)]
    return json_digest([document(spec.landing), column, *timed])[-16:]


def _digest(path: Path, spec: DatasetSpec) -> str:
    parts = delivery(path).parts
    digest = json_digest([[p.name, _hashed(p)] for p in parts]) if parts else _hashed(path)
    return f"{digest} {_rules(spec)}"


def _hashed(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
