"""Pseudonyms of what landed before: by the first key, or by a new one after the one in use.

Landed files are replaced, and all that was made of the old ones is removed, as a legal deletion
does it; the next run makes it anew. Both can be repeated after an interruption. Belongs here: which
contents, in which order. Does not belong here: files (`engine/hiding`), removing (`forget`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ml_assets.engine.deliveries import delivery, problem
from ml_assets.engine.hiding.columns import Hiding
from ml_assets.engine.hiding.content import hidden_content
from ml_assets.engine.hiding.landed import clear_columns, hides, hiding_of
from ml_assets.errors import DamagedObject, RequestError
from ml_assets.history.ancestry import ancestry_of
from ml_assets.operations.forget.forget import Request, forget, lost_versions, made_from
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.project import Project
from ml_assets.spec.pseudonyms import hidden_parts
from ml_assets.stages.ingest.columns import named
from ml_assets.stages.ingest.source import Unreadable
from ml_assets.stages.parts import parts_of
from ml_assets.store import segments
from ml_assets.store.digest import bytes_digest
from ml_assets.store.forgetting import Deletion
from ml_assets.store.home import Home
from ml_assets.store.pseudonyms import (
    PART,
    Pseudonyms,
    hidden_in,
    keep_key,
    key_in,
    known_key,
    mark,
    marked,
    pseudonyms,
    set_key,
    unmark,
)
from ml_assets.store.segments import folder_of
from ml_assets.walk import Item, entries, shown


@dataclass(frozen=True)
class Work:
    """How the contents of one dataset change."""

    dataset: str
    reason: str
    columns: Collection[str]
    """The columns of a file that are pseudonyms afterwards."""
    fingerprint: str
    hiding: Callable[[str], Hiding | None]
    """From a content's digest to how it changes; None if it stays."""
    lying: Callable[[str], bool] = lambda digest: True
    """Tells of a file that did not land as it is whether it is changed too."""


def clear_landings(home: Home, project: Project) -> Mapping[str, int]:
    """Return the landed files in which columns of pseudonyms are clear, by dataset."""
    counts: dict[str, int] = {}
    for (dataset, _), items in home.batches.everywhere().items():
        spec = project.datasets.get(dataset)
        if spec is None or not hides(spec):
            continue
        hidden = hidden_in(home, dataset)
        for digest in {item.digest for item in items}:
            if clear_columns(spec, digest, hidden):
                counts[dataset] = counts.get(dataset, 0) + 1
    return counts


@dataclass(frozen=True)
class Changed:
    """What changes in one dataset."""

    work: Work
    removal: Request


def to_apply(home: Home, project: Project) -> list[Changed]:
    """Return what changes for pseudonyms in all that landed; nothing is changed.

    Raises RequestError without the home's key, or where a file cannot be read.
    """
    changes: list[Changed] = []
    for dataset, spec in project.own.items():
        if not hides(spec):
            continue
        key, done = hiding_of(home, spec).key, hidden_in(home, dataset)

        def hiding(
            digest: str,
            spec: DatasetSpec = spec,
            key: Pseudonyms = key,
            done: Mapping[str, frozenset[str]] = done,
        ) -> Hiding | None:
            made = Hiding.of(spec, key, done.get(digest, ()))
            return made if made.hidden else None

        reason = "its sensitive columns became pseudonyms"
        work = Work(dataset, reason, hidden_parts(spec.columns), key.fingerprint, hiding)
        changes += _changed(home, work)
    return changes


def to_rotate(home: Home, project: Project, path: Path) -> tuple[Pseudonyms, list[Changed]]:
    """Return the keys with a new one in a file, and what changes by it; nothing is changed.

    Raises RequestError for a wrong or missing key, for clear values that landed before, and while
    requests are not sealed.
    """
    old, known = pseudonyms(home.root), known_key(home)
    new = key_in(path, home.root)
    if new in old.keys:
        raise RequestError(f"{path} is a secret in use; wanted a new one")
    keys = Pseudonyms([*old.keys, new])
    if known is None:
        raise RequestError("the home holds no pseudonyms yet: set the new secret, and go on")
    if known.fingerprint != old.fingerprint or known.next not in (None, keys.fingerprint):
        wanted = known.fingerprint + ("" if known.next is None else f", and then {known.next}")
        raise RequestError(
            f"the secrets have the fingerprints {old.fingerprint}, and then {keys.fingerprint}; "
            f"what is in the home was made with {wanted}: give that"
        )
    if clear := clear_landings(home, project):
        raise RequestError(
            f"clear values of {', '.join(clear)} are stored, which landed before: first ml-assets "
            "pseudonyms apply"
        )
    changes: list[Changed] = []
    for dataset, spec in project.own.items():
        asked = dataset in project.requests and _asked_hidden(project, dataset)
        if not (hides(spec) or asked):
            continue
        _refuse_unsealed(home, project, dataset)
        columns = {
            named(n, c)[0]
            for n, c in spec.columns.items()
            if (c.sensitive if asked else c.keep == "hmac")
        }
        done = {
            item.digest
            for item in marked(home, dataset).values()
            if item.fingerprint == keys.fingerprint
        }
        again = Hiding.of(spec, Pseudonyms([new]), asked=asked)

        def hiding(
            digest: str, again: Hiding = again, done: Collection[str] = done
        ) -> Hiding | None:
            return None if digest in done else again

        reason = "its pseudonyms are by a new secret"
        hidden = {item.digest for item in marked(home, dataset).values()}
        # What did not land is clear, and lands by all keys.
        work = Work(dataset, reason, columns, keys.fingerprint, hiding, hidden.__contains__)
        changes += _changed(home, work)
    return keys, changes


def begin(home: Home, keys: Pseudonyms) -> None:
    """Record that these keys are taking the place of those in use."""
    known = known_key(home)
    assert known is not None
    set_key(home, replace(known, next=keys.fingerprint))


def end(home: Home, project: Project, keys: Pseudonyms, at: str) -> None:
    """Record that these keys are in use, and forget what was known by the one before."""
    known = known_key(home)
    assert known is not None
    set_key(home, replace(known, fingerprint=keys.fingerprint, since=at, next=None))
    for dataset in project.own:
        unmark(home, dataset, known.fingerprint)


def _asked_hidden(project: Project, dataset: str) -> bool:
    asked = project.models[project.requests[dataset]].requests
    return asked is not None and asked.sensitive == "hmac"


def _refuse_unsealed(home: Home, project: Project, dataset: str) -> None:
    """Refuse while a service may write pseudonyms by the key that goes."""
    model = project.requests.get(dataset)
    for env in home.environments() if model is not None else ():
        assert model is not None
        if segments.segments(folder_of(home.root / "environments" / env, model)):
            raise RequestError(
                f"requests of {model} in {env} are not sealed yet: stop its service, and ml-assets "
                f"requests seal {model} --now"
            )


def _changed(home: Home, work: Work) -> list[Changed]:
    """Return what changes in one dataset; nothing if its contents are as they should be."""
    removal = Request(Deletion(work.dataset, work.reason))
    contents: dict[str, bytes] = {}
    for (dataset, batch), items in home.batches.everywhere().items():
        if dataset != work.dataset:
            continue
        for digest in {item.digest for item in items}:
            hiding = work.hiding(digest)
            if hiding is None:
                continue
            place = f"{dataset}@{batch}" if batch else dataset
            try:
                contents[digest] = hidden_content(home.objects.read(digest), hiding)
            except (Unreadable, DamagedObject) as error:
                reason = error.reason if isinstance(error, Unreadable) else str(error)
                option = f" --batch {batch}" if batch else ""
                raise RequestError(
                    f"{place}: a file that landed for it cannot be read: {reason}; nothing was "
                    f"changed. Remove it: ml-assets forget {dataset}{option} --reason …"
                ) from None
    for old, made in contents.items():
        new = bytes_digest(made)
        removal.contents[new] = made
        if new != old:
            # Otherwise there is nothing to replace, and only what is known of it changes.
            removal.deletion.landed[old] = new
    for entry in entries(home.landing / work.dataset):
        _lying(entry, work, contents, removal)
    if not contents and not removal.files:
        return []
    ancestry = ancestry_of(home)
    made_from(ancestry, removal.deletion, models=True)
    removal.versions = lost_versions(home, ancestry, removal.deletion)
    removal.copies = home.state.copies()
    return [Changed(work, removal)]


def _lying(entry: Item, work: Work, contents: Mapping[str, bytes], removal: Request) -> None:
    """Add what a file or folder in the landing folder becomes."""
    if entry.hidden or entry.odd or (entry.folder and problem(entry.path) is not None):
        return
    given = delivery(entry.path).content()
    digest = bytes_digest(given)
    hiding = work.hiding(digest)
    if hiding is None or not (digest in contents or work.lying(digest)):
        return
    try:
        made = contents[digest] if digest in contents else hidden_content(given, hiding)
    except Unreadable as error:
        removal.unsearched.append(f"{shown(entry.path)}: {error.reason}; it may hold clear values")
        return
    removal.contents.setdefault(bytes_digest(made), made)
    if not entry.folder:
        removal.files[entry.path] = made
        return
    for name, part in parts_of(made).items():
        removal.files[entry.path / name] = part


def change(home: Home, changed: Changed) -> None:
    """Change one dataset; the caller holds every lock and finishes the deletion (`forget`)."""
    work, removal = changed.work, changed.removal
    if known_key(home) is None:
        keep_key(home, work.fingerprint)
    for digest in removal.contents:
        # Before anything is replaced: what is not recorded would become a pseudonym once more.
        mark(home, work.dataset, f"{PART}{digest}", digest, work.fingerprint, work.columns)
    forget(home, removal)
