"""A model trained with data, code and spec that may come from different versions.

Belongs here: running today's recipes over stored code, specs and landed files, in a scratch
home. Does not belong here: which combinations to train, what their differences mean.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ml_assets.assets.cells import Cell, Unit
from ml_assets.engine.session import Done, Made, Session, Undone
from ml_assets.errors import StageError
from ml_assets.history.stored_code.process import CodeProcess
from ml_assets.keys.action import Action, Keyed
from ml_assets.keys.calls import call_text
from ml_assets.spec.project import Project
from ml_assets.store.batches import Landed
from ml_assets.store.home import Home
from ml_assets.store.objects import Ref
from ml_assets.store.records import ActionRecord, Answer
from ml_assets.workspace import Workspace

Data = Mapping[tuple[str, str], str]
"""(dataset, batch) -> digest of the landed file."""


@dataclass(frozen=True)
class Extracted(Workspace):
    """A project with the code of a version, extracted to a folder."""

    folder: Path = Path()

    @property
    def roots(self) -> Mapping[str, Path]:
        """First-party top-level packages and their folders."""
        top = self.module.split(".", maxsplit=1)[0]
        return {name: self.folder / name for name in ("ml_assets", top)}


@dataclass(frozen=True)
class CodeState:
    """One version's code: its folder, and the process that runs it."""

    workspace: Extracted
    process: CodeProcess


@dataclass(frozen=True)
class Mixed:
    """A trained combination: its model, the rows it has seen, and its means to predict."""

    model: Ref
    family: str
    seen: Mapping[str, tuple[Ref, list[tuple[int, int]]]]
    """Batch -> its features, and the ranges of rows in train and validation."""


class _Mix(Session):
    """A session without checks, which decide nothing here."""

    def act(self, unit: Unit, action: Action) -> Done | Undone:
        """Return an action's outputs; checks are not run and have none."""
        if action.part.startswith("check:"):
            return Done(Answer(""))
        return super().act(unit, action)


class Mixer:
    """Trains combinations in one scratch home; actions that they share run once."""

    def __init__(self, home: Home, scratch: Home, model: str) -> None:
        self._home = home
        self._scratch = scratch
        self._model = model

    def train(self, data: Data, code: CodeState, project: Project) -> Mixed:
        """Train a combination. Raises StageError or HookError if the parts do not fit together."""
        session = self._session(data, code, project)
        unit = Unit(self._model, "candidate")
        made = session.make(unit)[unit.cells()[0]]
        if made.waiting is not None:
            raise StageError(made.waiting)
        family = project.models[self._model].training.families[made.facts["chosen"]]
        from ml_assets.engine.recipes.candidate import family_module

        module = family_module(code.workspace, self._model, family)
        return Mixed(_ref(made, "model"), module, self._seen(session))

    def features(self, data: Data, code: CodeState, project: Project) -> dict[str, Ref]:
        """Return the features of each batch, computed with this code and spec."""
        session = self._session(data, code, project)
        dataset = project.models[self._model].dataset
        refs = {}
        for batch in project.ordered(dataset, [batch for name, batch in data if name == dataset]):
            made = session.upstream(Cell(f"{self._model}/features", batch))
            if made.waiting is None and made.facts.get("usable", True):
                refs[batch] = _ref(made, "features")
        return refs

    def _session(self, data: Data, code: CodeState, project: Project) -> Session:
        runner = _Runner(self._scratch, code.process)
        session = _Mix(code.workspace, self._scratch, project, runner=runner)
        session.landed = {}
        for (dataset, batch), digest in data.items():
            if self._scratch.objects.missing([digest]):
                self._scratch.objects.put(self._home.objects.read(digest))
            session.landed[dataset, batch] = [Landed(1, dataset, batch, digest, "", "")]
        return session

    def _seen(self, session: Session) -> dict[str, tuple[Ref, list[tuple[int, int]]]]:
        cells = Unit(self._model, "splits").cells()[:2]
        by_batch: dict[str, tuple[Ref, list[tuple[int, int]]]] = {}
        for cell, fold in zip(cells, ("train", "validation"), strict=True):
            ranges = self._scratch.objects.table(_ref(session.upstream(cell), fold).digest)
            for row in ranges.select(["batch", "start", "stop"]).to_pylist():
                made = session.upstream(Cell(f"{self._model}/features", row["batch"]))
                ref = _ref(made, "features")
                by_batch.setdefault(row["batch"], (ref, []))[1].append((row["start"], row["stop"]))
        return by_batch


class _Runner:
    """Runs actions in the process of their code, and records them in the scratch home."""

    def __init__(self, scratch: Home, process: CodeProcess) -> None:
        self._scratch = scratch
        self._process = process

    def __call__(self, unit: Unit, action: Keyed, known: Answer | None) -> Done:
        """Return an action with its outputs."""
        if known is not None:
            return Done(known)
        started = time.perf_counter()
        made = self._process.make(json.loads(call_text(action.action)))
        record = ActionRecord(
            key=action.key,
            recipe=action.recipe,
            name=f"{unit}#{action.action.part}",
            ingredients=action.ingredients,
            outputs=made.outputs,
            seconds=time.perf_counter() - started,
        )
        self._scratch.records.record_action(record)
        return Done(record.answer, executed=True)


def _ref(made: Made, name: str) -> Ref:
    ref = made.outputs[name]
    assert isinstance(ref, Ref)
    return ref
