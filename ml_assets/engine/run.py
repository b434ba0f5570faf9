"""Runs one action on the store: the only place where a stage function is called.

The order of writes is: objects, the action, versions with current pointers; then listeners are
called. After a kill between any two of them, the next run can continue.
"""

from __future__ import annotations

import gc
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml_assets.assets.cells import Unit
from ml_assets.engine.checks import OWN
from ml_assets.engine.masking import values, without
from ml_assets.engine.sensitive import masked
from ml_assets.engine.session import Done
from ml_assets.errors import HookError, StageError
from ml_assets.keys import load
from ml_assets.keys.action import Action, Keyed
from ml_assets.keys.calls import call_text
from ml_assets.keys.code import Module, Sources
from ml_assets.keys.foreign import watched
from ml_assets.keys.libraries import machine
from ml_assets.keys.specs import specs_of
from ml_assets.spec.project import Project
from ml_assets.store.digest import canonical_json
from ml_assets.store.home import Home
from ml_assets.store.objects import Ref
from ml_assets.store.records import ActionRecord, Answer
from ml_assets.workspace import Workspace

Boundary = Callable[[str, Any], None]
"""Called with a dataset's name and its cleaned table; raises if its type is wrong."""


class Recent:
    """The newest few values by digest, so that values just written are not read back."""

    def __init__(self, size: int = 12) -> None:
        self._size = size
        self._values: OrderedDict[str, Any] = OrderedDict()

    def get(self, digest: str) -> Any:
        """Return a value, or None."""
        return self._values.get(digest)

    def keep(self, digest: str, value: Any) -> None:
        """Keep a value, and drop the oldest."""
        self._values[digest] = value
        while len(self._values) > self._size:
            self._values.popitem(last=False)


class Stored:
    """A lazy input backed by the store; `name` is its name in messages."""

    def __init__(self, home: Home, ref: Ref, recent: Recent, name: str) -> None:
        self._home = home
        self._ref = ref
        self._recent = recent
        self._name = name

    @property
    def digest(self) -> str:
        """Content digest."""
        return self._ref.digest

    def table(self, columns: Sequence[str] | None = None) -> Any:
        """Return the table, or only some of its columns; StageError if it lacks one."""
        whole = self._recent.get(self.digest)
        try:
            if whole is None:
                return self._home.objects.table(self.digest, columns)
            return whole if columns is None else whole.select(list(columns))
        except (KeyError, ValueError) as error:
            there = self._home.objects.head(self.digest, 1).column_names
            lacking = [name for name in columns or () if name not in there]
            if not lacking:
                raise
            raise StageError(
                f"{self._name} has no {', '.join(lacking)}: it was built before they were "
                f"required; run its upstream assets too (`+` before the name)"
            ) from error

    def json(self) -> Any:
        """Return the JSON document."""
        return self._home.objects.json(self.digest)

    def bytes(self) -> bytes:
        """Return the bytes."""
        return self._home.objects.read(self.digest)


@dataclass(frozen=True)
class Outputs:
    """What an action gave, in whatever process: its outputs are stored, the rest is JSON."""

    outputs: Mapping[str, Ref]
    checks: Sequence[Any]
    facts: Mapping[str, Any]
    seconds: float
    machine: Mapping[str, Any]


Begun = Callable[[Unit, str], None]
"""Is told when an action of a unit begins, by its part."""


class ActionRunner:
    """Runs actions that are not in the cache; with `force` also those that are.

    With `verify` cached actions are run again and compared; a difference raises StageError
    naming the outputs, and nothing is recorded.
    """

    def __init__(
        self,
        workspace: Workspace,
        home: Home,
        sources: Sources,
        *,
        force: bool = False,
        verify: bool = False,
        boundary: Boundary | None = None,
        token: str = "",
        project: Project | None = None,
        meanwhile: Callable[[], bool] = lambda: False,
        begun: Begun | None = None,
    ) -> None:
        self._workspace = workspace
        self._project = project
        """The specs recorded with a model's actions, so that `compare` can combine them."""
        self._home = home
        self._sources = sources
        self._force = force
        self._verify = verify
        self._boundary = boundary
        self._token = token
        self._meanwhile = meanwhile
        """Does a bit of later work while another process works; returns False if none is left."""
        self._begun = begun or _ignore
        self._recent = Recent()
        self._stored: dict[Hashable, str] = {}
        """Digests of the sources and specs that the actions of many batches share."""
        self._again: set[str] = set()
        """Keys that were already forced or verified in this run."""

    def __call__(self, unit: Unit, item: Keyed, known: Answer | None) -> Done:
        """Return an action's record, from the cache or by running it."""
        done = self.offer(unit, item, known)
        while done is None and self._meanwhile():
            done = self.offer(unit, item, known)
        if done is None:
            self._begun(unit, item.action.part)
            done = self.offer(unit, item, known, wait=True)
        assert done is not None, "the lock was awaited"
        return done

    def offer(
        self, unit: Unit, item: Keyed, known: Answer | None, wait: bool = False
    ) -> Done | None:
        """Return an action's record; without `wait`, None while another process makes it.

        Raises StageError, HookError or CodeChanged if the action fails; nothing is recorded.
        """
        repeat = (self._force or self._verify) and item.key not in self._again
        if known is not None and not repeat:
            return Done(known, executed=self._token != "" and known.made_by == self._token)
        with self._home.locks.hold(item.key, wait) as mine:
            if not mine:
                return None
            self._again.add(item.key)
            # Another process may have run it while this one waited.
            again = None if repeat else self._home.records.answer(item.key)
            if again is not None and again.made_by and again.made_by == self._token:
                return Done(again, executed=True)
            # A record whose objects are gone is replaced, with this run as its producer.
            return self._run(unit, item, known, replace=known is not None or again is not None)

    def _run(self, unit: Unit, item: Keyed, known: Answer | None, replace: bool) -> Done:
        started = time.perf_counter()
        self._begun(unit, item.action.part)
        try:
            result = self._call(item)
        except HookError as error:
            # The user's code may quote a row in its message.
            hidden = self._hidden_in(unit, item.action) if item.action.hooks else set()
            if not hidden:
                raise
            raise HookError(masked(str(error), hidden)) from None
        outputs = {name: self._put(content) for name, content in result.outputs.items()}
        seconds = time.perf_counter() - started
        checks = [_check(check) for check in result.checks]
        made = Outputs(outputs, checks, dict(result.metadata), seconds, machine())
        if known is not None and self._verify:
            _compare(item.action, known, outputs, self._judged(unit, item, made)[0])
            return Done(known, executed=True)
        load.unchanged(item.closure, self._sources)
        done = self.record(unit, item, made, replace)
        # Frames in reference cycles would otherwise stay for long (`startup.SELDOM`).
        gc.collect(1)
        return done

    def record(self, unit: Unit, item: Keyed, made: Outputs, replace: bool) -> Done:
        """Record what an action gave; the caller holds its lock.

        Raises StageError where it is not of the promised type, or JSON cannot hold it.
        """
        checks, facts = self._judged(unit, item, made)
        record = ActionRecord(
            key=item.key,
            recipe=item.recipe,
            name=f"{unit}#{item.action.part}",
            ingredients={**item.ingredients, **self._told(unit, item)},
            outputs=made.outputs,
            checks=checks,
            facts=facts,
            sources=self._keep_sources(item),
            machine=made.machine,
            seconds=made.seconds,
            made_by=self._token,
        )
        self._home.records.record_action(record, replace=replace)
        return Done(record.answer, executed=True)

    def _judged(self, unit: Unit, item: Keyed, made: Outputs) -> tuple[Any, Any]:
        """Return checks and facts as they will be read back, once the types were checked."""
        if item.action.boundary is not None and self._boundary is not None:
            table = self._handle(made.outputs[item.action.boundary], item.action.boundary).table()
            self._boundary(unit.group, table)
        checks = _plain(list(made.checks), item.action)
        if item.action.stage == OWN:
            checks = without(checks, self._hidden_in(unit, item.action))
        return checks, _plain(dict(made.facts), item.action)

    def _call(self, item: Keyed) -> Any:
        action = item.action
        with watched(self._workspace, action.modules()[1:], item.closure):
            return self._called(action, item.closure)

    def _called(self, action: Action, closure: Mapping[str, Module]) -> Any:
        stage = load.function(action.stage, closure, self._workspace)
        hooks = {
            name: load.function(hook, closure, self._workspace)
            if isinstance(hook, str)
            else {key: load.function(one, closure, self._workspace) for key, one in hook.items()}
            for name, hook in action.hooks.items()
        }
        inputs = {name: self._handle(tree, name) for name, tree in action.inputs.items()}
        return stage(action.params, **inputs, **hooks)

    def _hidden_in(self, unit: Unit, action: Action) -> set[str]:
        """Return, as text, the values in an action's inputs that must not be shown."""
        if self._project is None:
            return set()
        return values(self._home, self._project, unit.group, action)

    def _handle(self, tree: Any, name: str) -> Any:
        if isinstance(tree, Ref):
            return Stored(self._home, tree, self._recent, name)
        if isinstance(tree, Mapping):
            return {key: self._handle(item, f"{name} {key}") for key, item in tree.items()}
        if isinstance(tree, list):
            return [self._handle(item, name) for item in tree]
        return tree

    def _put(self, content: Any) -> Ref:
        if hasattr(content, "schema"):
            content = _canonical(content)
        ref = self._home.objects.put(content)
        if ref.kind == "table":
            self._recent.keep(ref.digest, content)
        return ref

    def _told(self, unit: Unit, item: Keyed) -> dict[str, str]:
        """Return what running the action again needs besides the ingredients of its key."""
        texts = {"call": call_text(item.action)}
        if self._project is None:
            return texts
        if unit.group not in self._stored:
            specs = specs_of(self._project, unit.group)
            self._stored[unit.group] = self._home.objects.put(specs).digest if specs else ""
        specs_digest = self._stored[unit.group]
        return {**texts, "specs": specs_digest} if specs_digest else texts

    def _keep_sources(self, item: Keyed) -> str:
        kind = type(item.action.params).__module__
        place = (kind, *((name, module.digest) for name, module in sorted(item.closure.items())))
        if place not in self._stored:
            # Also the spec's classes, which parse the params when the action runs again.
            modules = {**self._sources.closure([kind]), **item.closure}
            texts = {name: module.text for name, module in sorted(modules.items())}
            self._stored[place] = self._home.objects.put(texts).digest
        return self._stored[place]


def _canonical(table: Any) -> Any:
    """Return a table as it will be read back: one chunk, sorted categories, none unused.

    Otherwise a stage could see another order of categories from memory than from disk.
    """
    from ml_assets.stages.schema import compact

    return compact(table)


def _check(check: Any) -> dict[str, Any]:
    return {
        "name": check.name,
        "passed": check.passed,
        "severity": check.severity,
        "description": check.description,
        "metadata": dict(check.metadata),
    }


def _plain(value: Any, action: Action) -> Any:
    """Return checks or facts as they will be read back; StageError if JSON cannot hold them."""
    try:
        return json.loads(canonical_json(value))
    except StageError as error:
        raise StageError(f"{action.part} ({action.stage}): {error}") from error


def _compare(
    action: Action, known: Answer, outputs: Mapping[str, Ref], checks: Sequence[Any]
) -> None:
    names = sorted({*known.outputs, *outputs})
    differ = [n for n in names if known.outputs.get(n) != outputs.get(n)]
    if list(known.checks) != list(checks):
        differ.append("check result")
    if differ:
        raise StageError(
            f"{action.part} ({action.stage}) gave a different {', '.join(differ)} for the same "
            f"inputs: "
            f"it is not deterministic, or reads something that is not an input"
        )


def _ignore(_unit: Unit, _part: str) -> None:
    return
