"""The files in the landing folders, compared with what has landed before.

A file is ingested when its name matches the dataset's pattern and it has not changed for `SETTLE`
seconds. A file that vanished changes nothing.
"""

from __future__ import annotations

import os
import re
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ml_assets.engine.batch_names import Names, batch_of, unfit
from ml_assets.engine.cutting.outcome import FORGOTTEN, CutFile
from ml_assets.engine.deliveries import delivery, problem, remove
from ml_assets.engine.hiding.landed import hide, stored
from ml_assets.engine.sealing import seal_due
from ml_assets.errors import RequestError
from ml_assets.spec.calendar import spelled
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.project import Project
from ml_assets.store.digest import bytes_digest
from ml_assets.store.home import Home
from ml_assets.walk import Item, entries, is_text, look, shown, stamp

SETTLE = 3.0
"""Seconds for which a file must be unchanged; both times of the file count, since copying
can set the one that people see."""
PULLED = "the rows of {0} come from a database: ml-assets pull {0}"


@dataclass
class Observed:
    """The result of scanning the landing folders."""

    landed: list[str] = field(default_factory=list)
    """Batches with new content, `dataset@batch`."""
    problems: list[str] = field(default_factory=list)
    """Files that cannot be ingested, and what to do."""
    settling: list[str] = field(default_factory=list)
    """Files changed too recently to be ingested."""
    missing: list[str] = field(default_factory=list)
    """Batches whose landed file no longer exists; this has no consequences."""
    cut: dict[str, list[CutFile]] = field(default_factory=dict)
    """By dataset: the files that were cut into batches, and what each changed."""


def observe(home: Home, project: Project, settle: float = SETTLE) -> Observed:
    """Record all new content in the landing folders, and return the result."""
    observed = Observed(*seal_due(home, project))
    known = home.batches.known_files()
    newest = home.batches.landed()
    names = Names(home, project)
    for name, spec in project.own.items():
        folder = home.landing / name
        if spec.landing.sql is not None:
            files = [shown(entry.path) for entry in entries(folder) if not entry.hidden]
            observed.problems += [f"{file}: {PULLED.format(name)}; move it away" for file in files]
            continue
        if spec.landing.cut is not None:
            _cut(home, project, name, settle, observed)
            continue
        seen: dict[str, list[Path]] = defaultdict(list)
        for entry in entries(folder):
            if (problem := _problem(entry, spec)) is not None:
                observed.problems += [problem] if problem else []
                continue
            seen[batch_of(spec, entry.path.name) or ""].append(entry.path)
        for batch in project.ordered(name, seen):
            paths = seen[batch]
            wrong = names.problem(name, batch)
            if wrong is not None:
                observed.problems.append(f"{paths[0]}: {wrong}")
                continue
            if len(paths) > 1:
                several = " and ".join(path.name for path in paths)
                observed.problems.append(
                    f"{_named(name, batch)}: two files for one batch, {several}; keep only one in "
                    f"{folder}"
                )
                continue
            try:
                if _take(home, known, spec, (name, batch), paths[0], settle, observed):
                    names.add(name, batch)
            except RequestError as error:
                observed.problems.append(f"{folder}: {error}")
            except OSError as error:
                observed.problems.append(f"{paths[0]}: cannot be read: {error.strerror}")
        observed.missing += [
            _named(dataset, batch)
            for (dataset, batch), items in sorted(newest.items())
            if dataset == name
            and spelled(batch) not in seen
            # In a shared home, files that landed on another machine are there.
            and str((folder / items[0].name).relative_to(home.root)) in known
        ]
    return observed


def _cut(home: Home, project: Project, name: str, settle: float, observed: Observed) -> None:
    """Land the files of a dataset that are cut into batches."""
    from ml_assets.engine.cutting.folder import take

    files: list[Item] = []
    for entry in entries(home.landing / name):
        wrong = _problem(entry, project.datasets[name])
        files += [entry] if wrong is None else []
        observed.problems += [wrong] if wrong else []
    deliveries, problems, settling = take(home, project, name, files, settle)
    observed.problems += problems
    observed.settling += settling
    if deliveries:
        observed.cut[name] = deliveries
        changed = dict.fromkeys(change.batch for item in deliveries for change in item.changes)
        observed.landed += [_named(name, batch) for batch in project.ordered(name, changed)]


def _problem(entry: Item, spec: DatasetSpec) -> str | None:
    """Return why an entry of a landing folder is not ingested, None if it is.

    It is empty if it need not be reported: hidden files, and folders with other content.
    """
    if entry.hidden:
        return ""
    batch = batch_of(spec, entry.path.name)
    if entry.folder:
        wrong = None if batch is None else problem(entry.path)
        return "" if batch is None else wrong and f"{shown(entry.path)}: {wrong}"
    if entry.odd:
        return f"{shown(entry.path)}: {entry.odd}; rename it or move it away"
    if batch is None:
        said = f"the name does not match '{spec.landing.pattern}'; rename it or move it away"
        return f"{shown(entry.path)}: {said}"
    return None


def _take(
    home: Home,
    known: Mapping[str, tuple[str, str]],
    spec: DatasetSpec,
    place: tuple[str, str],
    path: Path,
    settle: float,
    observed: Observed,
) -> bool:
    """Land a file if its content is new and it has settled; return whether it landed."""
    given = delivery(path)
    key = str(path.relative_to(home.root))
    before = known.get(key)
    if before is not None and before[0] == given.stamp:
        return False
    now = time.time()
    # Times far in the future are ignored: such a file would never settle.
    if any(abs(now - touched) < settle for touched in given.touched):
        observed.settling.append(str(path))
        return False
    content = given.content()
    digest, landed = bytes_digest(content), False
    if before is None or before[1] != digest:
        delivered, content = content, stored(home, place[0], spec, content, path.name)
        digest = bytes_digest(content)
        if home.removals.forgotten(digest):
            observed.problems.append(f"{path}: {FORGOTTEN}; remove it")
            return False
        home.objects.put(content)
        landed = home.batches.land(*place, digest, path.name)
        observed.landed += [_named(*place)] if landed else []
        # A delivery that came meanwhile stays as it is, and is landed at the next look.
        if content != delivered and delivery(path).stamp == given.stamp:
            hide(path, content)
            given = delivery(path)
    home.batches.remember_file(key, given.stamp, digest)
    return landed


def land(home: Home, project: Project, dataset: str, source: Path, batch: str | None) -> str:
    """Copy a file atomically into a dataset's landing folder; return the scan's result.

    The name must match the dataset's pattern, or `batch` names the batch and determines the
    name. Raises UnknownName for the dataset, and RequestError if neither is the case or the
    file cannot be read.
    """
    spec = project.mine(dataset)
    if spec.landing.sql is not None:
        raise RequestError(f"{shown(source)}: {PULLED.format(dataset)}")
    place = look(home.landing / dataset)
    if place is not None and not place.folder:
        odd = place.odd or "is a file"
        raise RequestError(f"{shown(place.path)} {odd}; wanted a folder; move it away")
    for word in (source.name, batch or ""):
        if not is_text(word):
            raise RequestError(f"{shown(word)}: not UTF-8; rename the file, or give another batch")
    if source.is_dir() and (wrong := problem(source)) is not None:
        raise RequestError(f"{shown(source)} {wrong}")
    named = batch_of(spec, source.name)
    if batch is not None and spec.calendar is not None and (wrong := unfit(spelled(batch))):
        raise RequestError(wrong)
    if named is None and batch is None and spec.calendar is not None:
        raise RequestError(
            f"{source.name}: the name does not match '{spec.landing.pattern}'; "
            "rename it or give the batch with --batch"
        )
    batch = None if batch is None else spelled(batch)
    if batch is not None and spec.calendar is None:
        raise RequestError(f"{dataset} is a snapshot and has no batches; omit --batch")
    if batch is not None and named and named != batch:
        raise RequestError(f"{source.name} is of batch {named}, but --batch is {batch}")
    wanted = batch if batch is not None else named or ""
    name = source.name if named is not None else fitting(spec, dataset, wanted, source)
    if batch_of(spec, name) != wanted:
        raise RequestError(
            f"no file name for batch {wanted!r} matches '{spec.landing.pattern}'; "
            "rename the file so that it does"
        )
    if len(os.fsencode(f".{name}.tmp")) > 255:
        raise RequestError(f"the name of the file would be longer than 255 bytes: {name}")
    wrong = Names(home, project).problem(dataset, wanted)
    if wrong is not None:
        raise RequestError(f"{source.name}: {wrong}")
    try:
        content = delivery(source).content()
    except OSError as error:
        raise RequestError(f"{shown(source)}: {error.strerror}") from error
    content = stored(home, dataset, spec, content, source.name)
    _replace(home, spec, dataset, wanted, name, content)
    return _named(dataset, wanted)


def fitting(spec: DatasetSpec, dataset: str, batch: str, source: Path) -> str:
    """Return the name under which to keep a file that does not match the pattern."""
    plain = re.sub(r"\\(\W)", r"\1", spec.landing.pattern)
    if not batch and plain.endswith(source.suffix) and batch_of(spec, plain) == "":
        # The pattern is the name of one file.
        return Path(plain).name
    stem = f"{dataset}-{batch}" if batch else dataset
    return f"{stem}{''.join(source.suffixes)}"


def landed_again(home: Home, digest: str) -> bool:
    """Put a landed file back into the store, if it is still in the landing folder."""
    for path, (_, known) in home.batches.known_files().items():
        file = home.root / path
        if known == digest and (file.is_file() or (file.is_dir() and problem(file) is None)):
            content = delivery(file).content()
            if bytes_digest(content) == digest:
                home.objects.forget(digest)
                home.objects.put(content)
                return True
    return False


def _named(dataset: str, batch: str) -> str:
    return f"{dataset}@{batch}" if batch else dataset


def _replace(
    home: Home, spec: DatasetSpec, dataset: str, batch: str, name: str, content: bytes
) -> None:
    if home.removals.forgotten(bytes_digest(content)):
        raise RequestError(f"{name}: {FORGOTTEN}; deliver it without those rows")
    folder = home.landing / dataset
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{name}.tmp"
    target = folder / name
    try:
        temporary.write_bytes(content)
        home.objects.put(content)
        if target.is_dir() and problem(target) is None:
            remove(target)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    digest = bytes_digest(content)
    for other in entries(folder):
        same = _problem(other, spec) is None and batch_of(spec, other.path.name) == batch
        if same and other.path != target:
            remove(other.path)
    home.batches.land(dataset, batch, digest, name, again=True)
    home.batches.remember_file(str(target.relative_to(home.root)), stamp(target.stat()), digest)
