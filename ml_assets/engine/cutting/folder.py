"""Files to be cut, in a landing folder or given by name.

A file stays in the folder as it was delivered; what is cut from it lies among the objects. Belongs
here: which files are new, and where they lie. Does not belong here: what they change (`deliver`).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from ml_assets.engine.batch_names import batch_of
from ml_assets.engine.cutting.deliver import deliver_file
from ml_assets.engine.cutting.outcome import CutFile
from ml_assets.errors import RequestError
from ml_assets.keys.fields import document
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.project import Project
from ml_assets.store import temporary
from ml_assets.store.digest import json_digest
from ml_assets.store.home import Home
from ml_assets.walk import Item, is_text, shown, stamp

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
            elif (found := _take(home, project, dataset, entry.path, before, stat)) is not None:
                deliveries.append(found)
        except RequestError as error:
            problems.append(f"{shown(entry.path.parent)}: {error}")
        except OSError as error:
            problems.append(f"{shown(entry.path)}: cannot be read: {error.strerror}")
    return deliveries, problems, settling


def _age(entry: Item) -> tuple[int, str]:
    return (0 if entry.info is None else entry.info.st_mtime_ns), entry.path.name


def _settling(path: Path, settle: float) -> bool:
    info, now = path.stat(), time.time()
    # A time that lies far in the future says nothing: such a file would never settle.
    return any(abs(now - touched) < settle for touched in (info.st_mtime, info.st_ctime))


def _take(
    home: Home,
    project: Project,
    dataset: str,
    path: Path,
    before: tuple[str, str] | None,
    stat: str,
) -> CutFile | None:
    """Cut a file unless its bytes, and how they are cut, are as before."""
    spec, found = project.datasets[dataset], None
    digest = _digest(path, spec)
    if before is None or before[1] != digest:
        sure = partial(_unchanged, path, stat, spec)
        found = deliver_file(home, project, dataset, path, path.name, sure)
    home.batches.remember_file(str(path.relative_to(home.root)), stat, digest)
    return found


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
            shutil.copyfile(source, copy)
            _unchanged(source, stat, spec)
            found = deliver_file(home, project, dataset, copy, source.name)
            folder.mkdir(parents=True, exist_ok=True)
            _move(copy, target)
            home.batches.remember_file(
                str(target.relative_to(home.root)), _stamp(target, spec), _digest(target, spec)
            )
    except OSError as error:
        raise RequestError(f"{shown(source)}: {error.strerror}") from error
    return found


def matches(spec: DatasetSpec, file: Path) -> bool:
    """Tell whether a file's name is one that the dataset reads."""
    return is_text(file.name) and not file.name.startswith(".") and batch_of(spec, file.name) == ""


def _move(source: Path, target: Path) -> None:
    """Move a file; the folder may be a link to another disk."""
    try:
        os.replace(source, target)
    except OSError:
        beside = target.with_name(f".{target.name}.tmp")
        shutil.copyfile(source, beside)
        os.replace(beside, target)


def _unchanged(path: Path, stat: str, spec: DatasetSpec) -> None:
    if _stamp(path, spec) != stat:
        raise RequestError(f"{path.name}: {CHANGED}")


def _stamp(path: Path, spec: DatasetSpec) -> str:
    """Return what moves when the file changes, or how it is cut."""
    return f"{stamp(path.stat())} {_rules(spec)}"


def _rules(spec: DatasetSpec) -> str:
    assert spec.landing.cut is not None
    column = document(spec.columns[spec.landing.cut.column])
    known = spec.calendar
    timed = [] if known is None or known.period is None else [document(known)]
    return json_digest([document(spec.landing), column, *timed])[-16:]


def _digest(path: Path, spec: DatasetSpec) -> str:
    with path.open("rb") as file:
        return f"{hashlib.file_digest(file, 'sha256').hexdigest()} {_rules(spec)}"
