"""What a legal deletion removes, and its removal from the store and the landing folder.

Removed are the landed files, and every result of them that can contain a row or one of its values;
a stratified split too, which contains the key of every row. Row ranges (`stages/split`) and model
parameters (`stages/train`) stay, as they contain no rows, and so does content that other inputs
also produced, such as an empty table.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ml_assets.engine.deliveries import hidden
from ml_assets.engine.hiding.landed import replace_file
from ml_assets.engine.reports import sweep
from ml_assets.errors import DamagedObject, RequestError, UnknownName
from ml_assets.history.ancestry import Ancestry, ancestry_of
from ml_assets.history.recorded import Step
from ml_assets.operations.forget.lying import Wanted, search
from ml_assets.operations.forget.rewrite import Values, without
from ml_assets.operations.forget.unsealed import known_as, replace_segment, search_unsealed
from ml_assets.operations.forget.workbook import InWorkbook
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.project import Project
from ml_assets.stages.ingest.sniff import unpacked
from ml_assets.stages.ingest.source import Unreadable
from ml_assets.store import copies, forgetting
from ml_assets.store.digest import bytes_digest
from ml_assets.store.forgetting import Deletion
from ml_assets.store.home import Home
from ml_assets.store.places import foreign
from ml_assets.store.pseudonyms import mark_as
from ml_assets.store.records import Version
from ml_assets.walk import entries, shown

KEPT = ("ml_assets.stages.train.", "ml_assets.stages.split.")
"""Stages whose outputs contain no rows: parameters, and ranges of row numbers."""


class NoSuchRow(RequestError):
    """No file holds a row to delete."""


@dataclass
class Request:
    """A deletion, and what is reported about it before and after."""

    deletion: Deletion
    contents: dict[str, bytes] = field(default_factory=dict)
    """Digest -> the landed file without the rows."""
    files: dict[Path, bytes | None] = field(default_factory=dict)
    """Files in the landing folder -> what they become; None: they are removed."""
    unsearched: list[str] = field(default_factory=list)
    """Files that could not be searched or changed, and why."""
    workbooks: list[str] = field(default_factory=list)
    """Workbooks that hold the rows, and what to do: with one, nothing is deleted."""
    segments: dict[Path, bytes] = field(default_factory=dict)
    """Segments of requests that are not sealed yet -> what they become."""
    copies: list[str] = field(default_factory=list)
    """Copies of the state from before migrations, all of which are removed."""
    foreign: list[str] = field(default_factory=list)
    """Files in the home that are not part of it; they are not searched."""
    versions: list[str] = field(default_factory=list)
    """Versions and releases that cannot be re-created afterwards."""


def request(
    home: Home, project: Project, dataset: str, batch: str | None, key: Values, reason: str
) -> Request:
    """Return what would be removed; nothing is changed. Raises UnknownName and RequestError."""
    spec = project.mine(dataset)
    for column in key:
        if column not in spec.columns:
            raise UnknownName.of(f"column of {dataset}", column, spec.columns)
    landed = {b: items for (name, b), items in home.batches.everywhere().items() if name == dataset}
    if batch is not None and batch not in landed:
        raise UnknownName.of(f"batch of {dataset}", batch, landed)
    clear = key
    key = known_as(home, project, dataset, key)
    removal = Request(Deletion(dataset, reason))
    searched: set[str] = set()
    for name in project.ordered(dataset, landed):
        if batch is not None and name != batch:
            continue
        for digest in dict.fromkeys(item.digest for item in landed[name]):
            _landing(home, spec, removal, name, digest, key)
            searched.add(digest)
    _lying(home, spec, removal, batch, (key, clear), searched)
    _unsealed(home, project, removal, batch, key)
    if removal.workbooks:
        raise RequestError(
            "nothing was deleted, since rows cannot be cut out of a workbook: "
            f"{'; '.join(removal.workbooks)}. Then ask again, for the other files"
        )
    if not removal.deletion.landed and not removal.segments:
        looked = "; ".join(removal.unsearched) or "every file of it was searched"
        raise NoSuchRow(f"no file of {dataset} holds such a row ({looked})")
    ancestry = ancestry_of(home)
    made_from(ancestry, removal.deletion)
    removal.versions = lost_versions(home, ancestry, removal.deletion)
    removal.unsearched += _quoted(home, clear)
    removal.copies = home.state.copies()
    removal.foreign = [shown(entry.path) for entry in foreign(home.root)]
    return removal


def _landing(
    home: Home, spec: DatasetSpec, removal: Request, batch: str, digest: str, key: Values
) -> None:
    """Add a landed file of a batch, to be removed or to be rewritten without the rows."""
    deletion = removal.deletion
    if not key:
        deletion.landed[digest] = None
        deletion.rows[batch] = None
        return
    place = f"{deletion.dataset}@{batch}" if batch else deletion.dataset
    try:
        content, count = without(home.objects.read(digest), spec, key)
    except (DamagedObject, Unreadable) as error:
        removal.unsearched.append(f"{place}: {error}")
        return
    except InWorkbook as error:
        option = f" --batch {batch}" if batch else ""
        removal.workbooks.append(
            f"{place} holds {error}: remove them from a copy in Excel, on all sheets; ml-assets "
            f"forget {deletion.dataset}{option} --reason …; then ml-assets land the copy"
        )
        return
    if count:
        new = None if _is_empty(content) else bytes_digest(content)
        if new is not None:
            removal.contents[new] = content
        deletion.landed[digest] = new
        deletion.rows[batch] = max(count, deletion.rows.get(batch) or 0)


def _is_empty(content: bytes) -> bool:
    """Return whether nothing is left of a file, not even a header: then it is not a batch."""
    try:
        unpacked(content)
    except Unreadable:
        return True
    return False


def made_from(ancestry: Ancestry, deletion: Deletion, models: bool = False) -> None:
    """Add every result of the landed files that may contain the rows; with `models`, models too.

    A model knows the categories that it learned from.
    """
    steps = ancestry.made_from(deletion.landed)
    going = [step for step in steps if models or not _kept(step)]
    keys = {step.key for step in going}
    for step in going:
        for name, ref in step.outputs.items():
            deletion.assets.add(step.cell(name).asset)
            if set(ancestry.made_by(ref.digest)) <= keys:
                deletion.objects.add(ref.digest)
    deletion.actions |= keys
    deletion.assets |= {f"{deletion.dataset}/landing"}


def _kept(step: Step) -> bool:
    # A stratified split's assignment is a table of keys.
    return step.stage.startswith(KEPT) and "assignment" not in step.outputs


def lost_versions(home: Home, ancestry: Ancestry, deletion: Deletion) -> list[str]:
    """Return the versions and releases of models that depend on landed files.

    Champions are marked, and releases whose bundle holds rows of the dataset.
    """
    lost, landed = [], set(deletion.landed)
    for asset in home.records.assets():
        group, name = asset.split("/")
        if name not in ("candidate", "release"):
            continue
        for version in home.records.versions(asset):
            if not ancestry.closure(version.actions.values()).landed & landed:
                continue
            what = "release " if name == "release" else ""
            envs = [
                env
                for env in home.environments()
                if (pointer := home.promotions.champion(env, group)) is not None
                and name == "candidate"
                and pointer.digest == version.digest
            ]
            mark = f" (champion in {', '.join(envs)})" if envs else ""
            if _holds(ancestry, version, deletion.dataset, landed):
                mark += f" (its bundle holds rows of {deletion.dataset})"
            lost.append(f"{group} {what}v{version.number}{mark}")
    return lost


def _holds(ancestry: Ancestry, version: Version, dataset: str, landed: set[str]) -> bool:
    """Tell whether a release's bundle holds rows of a dataset that were made from landed files."""
    step = ancestry.steps.get(version.actions.get("release", ""))
    if step is None:
        return False
    shipped = [d for path, d in step.leaves if path[0] == "rows" and path[1] != "tables"]
    shipped += [d for path, d in step.leaves if path == ("rows", "tables", "raw")]
    makers = [key for digest in shipped for key in ancestry.made_by(digest)]
    of = [key for key in makers if ancestry.steps[key].unit.partition("/")[0] == dataset]
    return bool(ancestry.closure(of).landed & landed)


def _quoted(home: Home, key: Values) -> list[str]:
    """Name the decisions whose reason quotes a value (of a slice). The log is not changed."""
    return [
        f"decision {entry.number} of {entry.model} in {env}: its reason quotes a value; "
        "the log of decisions cannot be changed"
        for env in home.environments()
        for asset in home.records.assets()
        if asset.endswith("/candidate")
        for entry in home.promotions.entries(env, asset.split("/")[0])
        if any(re.search(rf"\b{re.escape(value)}\b", entry.reason) for value in key.values())
    ]


def _lying(
    home: Home,
    spec: DatasetSpec,
    removal: Request,
    batch: str | None,
    keys: tuple[Values, Values],
    searched: set[str],
) -> None:
    """Add the files in the landing folder that contain the rows, and copies of them in the home."""
    deletion = removal.deletion
    known = {
        old: None if new is None else removal.contents[new] for old, new in deletion.landed.items()
    }
    key, clear = keys
    asked = Wanted(deletion.dataset, spec, batch, key, known, frozenset(searched), clear)
    lying = search(home, asked)
    removal.files = lying.files
    removal.unsearched += lying.unsearched
    removal.workbooks += lying.workbooks
    # Recorded as landed, so that the same bytes do not land later.
    deletion.landed.update(lying.landed)
    for name, rows in lying.rows.items():
        deletion.rows[name] = max(rows, deletion.rows.get(name) or 0)


def _unsealed(
    home: Home, project: Project, removal: Request, batch: str | None, key: Values
) -> None:
    """Add what the service was asked and is not sealed yet, of every environment."""
    dataset = removal.deletion.dataset
    if dataset not in project.requests:
        return
    asked = search_unsealed(home, project, dataset, batch, key)
    removal.segments = asked.files
    for day, rows in asked.rows.items():
        if not key:
            removal.deletion.rows[day] = None
        else:
            removal.deletion.rows[day] = rows + (removal.deletion.rows.get(day) or 0)


def forget(home: Home, removal: Request) -> None:
    """Remove the rows from state, objects and landing folder; the caller holds every lock.

    The state is changed first and records what is left to do, so that `finish` can complete an
    interrupted deletion.
    """
    for kept in removal.contents.values():
        home.objects.put(kept)
    for old, new in removal.deletion.landed.items():
        if new is not None:
            # What is left holds the same pseudonyms, and would become others as a new delivery.
            mark_as(home, removal.deletion.dataset, old, new)
    for path, content in removal.files.items():
        if content is None:
            path.unlink(missing_ok=True)
            folder = path.parent
            within = folder.parent.parent == home.landing
            if within and all(hidden(entry.path.name) for entry in entries(folder)):
                shutil.rmtree(folder)
            continue
        replace_file(path, content)
    for path, content in removal.segments.items():
        wrong = replace_segment(path, content)
        removal.unsearched += [] if wrong is None else [wrong]
    forgetting.apply(home.state, removal.deletion)


def finish(home: Home, effects: Sequence[Callable[[set[str], set[str]], None]] = ()) -> None:
    """Remove what recorded deletions left: object files, pages, logs, `effects(digests, assets)`.

    Nothing happens if no deletion is unfinished. An object that was produced again in the
    meantime, from the remaining rows, stays.
    """
    noted = forgetting.pending(home.state)
    if not noted:
        return
    digests = {digest for item in noted for digest in item["digests"]}
    assets = {asset for item in noted for asset in item["assets"]}
    for digest in digests:
        if home.objects.missing([digest]):
            home.objects.remove(digest)
    sweep(home)
    for effect in effects:
        effect(digests, assets)
    copies.drop(home, logs=True)
    for env in home.environments():
        home.records.mark_all_unpublished(env)
    forgetting.finished(home.state)
