"""Compares two versions of a model on rows that neither has seen, and explains the difference.

Every combination of the two versions' data, code and spec is trained from the store; the shares
are Shapley values over the causes that differ. Old libraries cannot be run again, so the
difference between a recorded model and the same model re-created today is the environment's share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml_assets.errors import MlAssetsError, NotMaterialized, RequestError
from ml_assets.history.ancestry import ancestry_of
from ml_assets.history.stored_code.process import code_process
from ml_assets.keys.specs import project_of, spec_texts
from ml_assets.operations.attribution.mix import CodeState, Data, Extracted, Mixed, Mixer
from ml_assets.operations.attribution.rows import Unseen, judge, unseen
from ml_assets.operations.attribution.shapley import Coalition, coalitions, shares
from ml_assets.operations.recreate.prepare import Prepared, prepare
from ml_assets.spec.project import Project
from ml_assets.store import temporary
from ml_assets.store.home import Home
from ml_assets.workspace import Workspace

DATA, CODE, SPEC, BOTH = "data", "code", "spec", "code and spec"


@dataclass(frozen=True)
class Side:
    """One of the two versions, split into its parts."""

    prepared: Prepared
    data: Data
    texts: Mapping[str, str]
    digests: Mapping[str, str]
    """Module -> digest of its syntax tree."""
    project: Project
    environment: Mapping[str, str]


@dataclass
class Comparison:
    """The result of a comparison."""

    metric: str
    rows: int
    values: dict[str, float]
    """`a` and `b` as recorded, on the same rows."""
    shares: dict[str, float]
    """By cause; they sum to b - a."""
    trained: int
    """How many combinations were trained."""
    notes: list[str] = field(default_factory=list)


def compare(
    home: Home,
    workspace: Workspace,
    model: str,
    versions: tuple[str, str],
    tell: Callable[[str], None] = lambda text: None,
) -> Comparison:
    """Explain the difference of two versions. Raises UnknownName, RequestError, NotMaterialized.

    NotMaterialized names the parts of a version that no longer exist.
    """
    ancestry = ancestry_of(home)
    a, b = (side(home, model, prepare(home, model, v, ancestry)) for v in versions)
    for item in (a, b):
        if item.prepared.missing:
            name = f"{model} v{item.prepared.version.number}"
            raise NotMaterialized(f"{name} cannot be recreated: {item.prepared.missing[0]}")
    tasks = [(s.project.models[model].task, s.project.models[model].target) for s in (a, b)]
    if tasks[0] != tasks[1]:
        raise RequestError(f"they predict different things: {tasks[0]} and {tasks[1]}")
    with ExitStack() as stack:
        root = stack.enter_context(temporary.folder(home.root))
        scratch = Home(root / "home", "compare")
        stack.callback(scratch.close)
        codes = [
            _code(stack, root / name, scratch, workspace, {**other.texts, **own.texts})
            for name, own, other in (("a", a, b), ("b", b, a))
        ]
        return _Comparison(home, scratch, model, (a, b), codes, tell).run()


def side(home: Home, model: str, prepared: Prepared) -> Side:
    """Split a version into data, code, spec and environment."""
    data: dict[tuple[str, str], str] = {}
    texts: dict[str, str] = {}
    digests: dict[str, str] = {}
    environment: dict[str, str] = {}
    specs: Mapping[str, Any] = {}
    for step in prepared.closure.steps:
        if step.part == "ingest":
            unit, _, batch = step.unit.partition("@")
            data[unit.split("/")[0], batch] = step.inputs[0]
        texts |= prepared.sources.get(step.sources, {})
        digests |= step.record.ingredients["code"]
        environment |= dict(step.environment)
        if step.part == "choose":
            specs = home.objects.json(step.specs)
    project = project_of(specs) if specs else Project({}, {})
    return Side(prepared, data, texts, digests, project, environment)


def _code(
    stack: ExitStack, folder: Path, scratch: Home, workspace: Workspace, texts: Mapping[str, str]
) -> CodeState:
    process = stack.enter_context(code_process(texts, folder, scratch.objects))
    defs = folder.joinpath(*workspace.module.split("."))
    place = Extracted(defs, workspace.module, scratch.root, scratch.env, folder=folder)
    return CodeState(place, process)


class _Comparison:
    def __init__(
        self,
        home: Home,
        scratch: Home,
        model: str,
        sides: tuple[Side, Side],
        codes: Sequence[CodeState],
        tell: Callable[[str], None],
    ) -> None:
        self._home = home
        self._scratch = scratch
        self._model = model
        self._sides = sides
        self._codes = codes
        self._tell = tell
        self._mixer = Mixer(home, scratch, model)
        self._all_data: Data = {**sides[0].data, **sides[1].data}

    def run(self) -> Comparison:
        a, b = self._sides
        causes = [DATA] if a.data != b.data else []
        common = a.digests.keys() & b.digests.keys()
        causes += [CODE] if any(a.digests[n] != b.digests[n] for n in common) else []
        causes += [SPEC] if spec_texts(a.project) != spec_texts(b.project) else []
        notes = []
        try:
            mixes = self._train(causes)
        except MlAssetsError as error:
            if not {CODE, SPEC} <= set(causes):
                raise
            notes.append(f"code and spec changed together and cannot be separated ({error})")
            causes = [cause for cause in causes if cause not in (CODE, SPEC)] + [BOTH]
            mixes = self._train(causes)
        return self._judge(causes, mixes, notes)

    def _train(self, causes: Sequence[str]) -> dict[Coalition, Mixed]:
        trained = {}
        a, b = (side.prepared.version.number for side in self._sides)
        for of_b in coalitions(causes):
            self._tell(
                f"training v{a}" + (f" with {', '.join(sorted(of_b))} of v{b}" if of_b else "")
            )
            data, code, spec = self._parts(of_b)
            trained[of_b] = self._mixer.train(
                self._sides[data].data, self._codes[code], self._sides[spec].project
            )
        return trained

    def _parts(self, of_b: Coalition) -> tuple[int, int, int]:
        both = BOTH in of_b
        return int(DATA in of_b), int(CODE in of_b or both), int(SPEC in of_b or both)

    def _judge(
        self, causes: Sequence[str], mixes: Mapping[Coalition, Mixed], notes: list[str]
    ) -> Comparison:
        features = {
            (code, spec): self._mixer.features(
                self._all_data, self._codes[code], self._sides[spec].project
            )
            for _, code, spec in map(self._parts, mixes)
        }
        last = self._parts(frozenset(causes))
        rows = unseen(self._scratch, features[last[1:]], mixes.values())
        if not rows.count:
            raise RequestError(
                "there are no labelled rows unseen by both; land a newer batch, then retry"
            )
        values = {
            of_b: self._value(mix, rows, features[self._parts(of_b)[1:]], of_b)
            for of_b, mix in mixes.items()
        }
        parts = shares(causes, values.__getitem__)
        recorded, moved = [], False
        for at, of_b in ((0, frozenset[str]()), (1, frozenset(causes))):
            mix, version = mixes[of_b], self._sides[at].prepared.version
            if mix.model.digest == version.outputs["model"].digest:
                recorded.append(values[of_b])
                continue
            moved = True
            ref = self._scratch.objects.put(
                self._home.objects.json(version.outputs["model"].digest)
            )
            board = self._home.objects.json(version.outputs["leaderboard"].digest)
            own = Mixed(ref, self._family(at, board["chosen"]), {})
            recorded.append(self._value(own, rows, features[self._parts(of_b)[1:]], of_b))
        whole = recorded[1] - recorded[0]
        parts["environment"] = whole - sum(parts.values()) if moved else 0.0
        notes += self._environments()
        metric = self._sides[1].project.models[self._model].training.metric
        values_of = {"a": recorded[0], "b": recorded[1]}
        return Comparison(metric, rows.count, values_of, parts, len(mixes), notes)

    def _family(self, at: int, name: str) -> str:
        from ml_assets.engine.recipes.candidate import family_module

        families = self._sides[at].project.models[self._model].training.families
        return family_module(self._codes[at].workspace, self._model, families[name])

    def _value(
        self, mix: Mixed, rows: Unseen, features: Mapping[str, Any], of_b: Coalition
    ) -> float:
        spec = self._sides[1].project.models[self._model]
        process = self._codes[self._parts(of_b)[1]].process
        return judge(self._scratch, process, mix, rows, features, spec.task, spec.training.metric)

    def _environments(self) -> list[str]:
        a, b = (item.environment for item in self._sides)
        names = sorted(n for n in {*a, *b} if a.get(n) != b.get(n) and n in a and n in b)
        notes = [f"{name} {a[name]} and {b[name]}" for name in names]
        moved = {n: p for item in self._sides for n, p in item.prepared.moved.items()}
        notes += [
            f"{name} {then} is {now or 'not installed'} today"
            for name, (then, now) in sorted(moved.items())
        ]
        if notes:
            notes.append(
                "every combination was trained with today's libraries; older ones cannot be run"
            )
        return notes
