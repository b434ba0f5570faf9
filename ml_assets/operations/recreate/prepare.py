"""What re-creating a version needs, and what of it is missing, before anything runs."""

from __future__ import annotations

import platform
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass

from ml_assets.errors import DamagedObject, UnknownName
from ml_assets.history.ancestry import Ancestry, Closure, ancestry_of
from ml_assets.history.decisions import candidate_named
from ml_assets.history.recorded import Step
from ml_assets.history.stored_code.extract import Texts
from ml_assets.store.home import Home
from ml_assets.store.records import Version


@dataclass(frozen=True)
class Prepared:
    """A version, what it depends on, and what prevents re-creating it."""

    model: str
    version: Version
    closure: Closure
    sources: Mapping[str, Texts]
    """Digest of a stored code closure -> its modules."""
    report: Step | None
    """The first evaluation of the version, whose test rows are used."""
    missing: Sequence[str]
    """What no longer exists; if there is any, the version cannot be re-created."""
    moved: Mapping[str, tuple[str, str]]
    """Libraries and Python whose version changed: (then, now)."""

    @property
    def targets(self) -> list[str]:
        """The keys of the actions that produced the version."""
        return sorted(set(self.version.actions.values()))


def prepare(home: Home, model: str, version: str, ancestry: Ancestry | None = None) -> Prepared:
    """Return what a version depends on, after reading and checking it; raises UnknownName."""
    models = [name.split("/")[0] for name in home.records.assets() if name.endswith("/candidate")]
    if model not in models:
        raise UnknownName.of("model with a candidate", model, models)
    item = candidate_named(home, model, version)
    ancestry = ancestry_of(home) if ancestry is None else ancestry
    report = report_of(ancestry, item)
    targets = _targets(item, report)
    lost: dict[str, str] = {}
    sources: dict[str, Texts] = {}
    while True:
        closure = ancestry.closure(targets, Usable(home, lost), lost)
        bad = _unreadable(home, closure, sources, lost)
        if not bad:
            break
        lost |= bad
    missing = [f"the action {key} of the version" for key in targets if key not in ancestry.steps]
    missing += _missing(home, closure, lost)
    moved = {name: pair for step in closure.steps for name, pair in step.moved.items()}
    return Prepared(model, item, closure, sources, report, missing, moved)


def remakable(ancestry: Ancestry, version: Version, makable: Set[str]) -> bool:
    """Return whether a version could be re-created, given `Ancestry.makable` of what is kept."""
    return set(_targets(version, report_of(ancestry, version))) <= makable


def _targets(version: Version, report: Step | None) -> list[str]:
    own = list(version.actions.values())
    return own if report is None else [*own, report.key]


class Usable:
    """Whether an action can run again: its call and its sources exist."""

    def __init__(self, home: Home, lost: Collection[str]) -> None:
        self._home = home
        self._lost = lost
        self._there: dict[str, bool] = {}

    def __call__(self, step: Step) -> bool:
        """Return it for one action; the stored sources are looked up once."""
        digest = step.sources
        if digest not in self._there:
            self._there[digest] = not self._home.objects.missing([digest])
        return self._there[digest] and digest not in self._lost and step.called


def report_of(ancestry: Ancestry, version: Version) -> Step | None:
    """Return the oldest evaluation of exactly this model."""
    wanted = {version.outputs[name].digest for name in ("model", "leaderboard", "baseline")}
    evaluations = [
        step
        for step in ancestry.users(version.outputs["model"].digest)
        if step.part == "evaluate" and wanted <= set(step.inputs)
    ]
    return min(evaluations, key=lambda step: step.created, default=None)


def _unreadable(
    home: Home, closure: Closure, sources: dict[str, Texts], lost: Collection[str]
) -> dict[str, str]:
    """Read all that is needed; return what cannot be read and was not known as lost, and why."""
    bad: dict[str, str] = {}
    for digest in sorted(closure.landed - set(lost)):
        try:
            home.objects.read(digest)
        except DamagedObject as error:
            bad[digest] = str(error)
    for digest in sorted({step.sources for step in closure.steps} - set(lost)):
        if digest in sources:
            continue
        try:
            sources[digest] = home.objects.json(digest)
        except DamagedObject as error:
            bad[digest] = str(error)
    return bad


def _missing(home: Home, closure: Closure, lost: Mapping[str, str]) -> list[str]:
    names: dict[str, str] = {}
    for items in home.batches.everywhere().values():
        for item in items:
            batch = f"@{item.batch}" if item.batch else ""
            names[item.digest] = f"{item.dataset}{batch} ({item.name})"
    lines = [
        f"the landed file of {names.get(digest, 'a batch that is gone')}: {lost[digest]}"
        for digest in sorted(closure.landed & set(lost))
    ]
    for step in closure.steps:
        if step.sources in lost:
            lines.append(f"the sources of {step.name}: {lost[step.sources]}")
        if not step.called:
            lines.append(f"the call of {step.name}: an older version of ml_assets did not store it")
    for digest, user in closure.unknown.items():
        why = home.removals.why(digest)
        said = f"was {why}" if why else "was produced by no recorded action"
        lines.append(f"an input of {user}: {digest} {said}")
    return lines


def machine_notes(step: Step, kernels: Mapping[str, str]) -> list[str]:
    """Return how the machine of an action differs from this one."""
    then = step.record.machine
    now = {
        "architecture": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
    }
    notes = [f"{name} was {then[name]}, now {now[name]}" for name in now if then[name] != now[name]]
    before = then.get("kernels", {})
    return notes + [
        f"{name} kernel was {before[name]}, now {kernels[name]}"
        for name in sorted(before.keys() & kernels.keys())
        if before[name] != kernels[name]
    ]
