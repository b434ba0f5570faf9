"""Runs every action of a version again, from stored sources, in a scratch store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml_assets.errors import StageError
from ml_assets.history.recorded import Step
from ml_assets.history.stored_code.extract import states
from ml_assets.history.stored_code.process import CodeProcess, code_process
from ml_assets.operations.recreate.prepare import Prepared, machine_notes
from ml_assets.store import temporary
from ml_assets.store.home import Home
from ml_assets.store.objects import Ref

IDENTICAL, PREDICTION_EQUAL, DIFFERENT = "IDENTICAL", "PREDICTION-EQUAL", "DIFFERENT"
IMPOSSIBLE = "IMPOSSIBLE"
TOLERANCE = 1e-6
"""Predictions are equal within this fraction of the largest one (or of 1, if that is larger)."""


@dataclass(frozen=True)
class Difference:
    """One output that differs from the recorded one."""

    asset: str
    action: str
    output: str
    then: str
    now: str
    """Digests; `now` is empty if the action failed."""
    why: tuple[str, ...]


@dataclass
class Recreation:
    """The result of re-creating a version."""

    verdict: str
    actions: int = 0
    differences: list[Difference] = field(default_factory=list)
    """In data-flow order, so the first one had its recorded inputs."""
    rows: int | None = None
    """The test rows of the version."""
    largest: float | None = None
    """The largest difference of predictions on them; None if they cannot be compared."""


def replay(
    home: Home, prepared: Prepared, tell: Callable[[str], None] = lambda name: None
) -> Recreation:
    """Re-create a version and compare each output; `tell` is called for each action.

    It does not use the current code, specs or landing folder.
    """
    if prepared.missing:
        return Recreation(IMPOSSIBLE)
    with ExitStack() as stack:
        root = stack.enter_context(temporary.folder(home.root))
        scratch = Home(root / "home", "recreate")
        stack.callback(scratch.close)
        replayed = _Replay(home, scratch, prepared, _processes(stack, root, scratch, prepared))
        return replayed.run(tell)


def _processes(
    stack: ExitStack, root: Path, scratch: Home, prepared: Prepared
) -> Mapping[str, CodeProcess]:
    """Start a process for each version of the code; return them by the digest of their sources."""
    digests = list(prepared.sources)
    processes: dict[str, CodeProcess] = {}
    for number, (texts, members) in enumerate(states(prepared.sources[d] for d in digests)):
        process = stack.enter_context(code_process(texts, root / f"code{number}", scratch.objects))
        processes |= {digests[member]: process for member in members}
    return processes


class _Replay:
    def __init__(
        self, home: Home, scratch: Home, prepared: Prepared, processes: Mapping[str, CodeProcess]
    ) -> None:
        self._home = home
        self._scratch = scratch
        self._prepared = prepared
        self._processes = processes
        self._now: dict[str, str] = {}
        """Recorded digest -> the new digest."""

    def run(self, tell: Callable[[str], None]) -> Recreation:
        for digest in self._prepared.closure.landed:
            self._now[digest] = self._scratch.objects.put(self._home.objects.read(digest)).digest
        recreation = Recreation(IDENTICAL)
        for step in self._prepared.closure.steps:
            try:
                made = self._processes[step.sources].make(self._call(step))
            except StageError as error:
                why = (f"failed: {error}", *_reasons(step, {}))
                asset = str(step.cell())
                recreation.differences.append(Difference(asset, step.name, "", "", "", why))
                break
            recreation.actions += 1
            recreation.differences += self._compare(step, made.outputs, made.kernels)
            tell(step.name)
        if recreation.differences:
            recreation.rows, recreation.largest, equal = self._predictions()
            recreation.verdict = PREDICTION_EQUAL if equal else DIFFERENT
        elif self._prepared.report is not None:
            recreation.rows = self._prepared.report.outputs["predictions"].rows
            recreation.largest = 0.0
        return recreation

    def _call(self, step: Step) -> dict[str, Any]:
        inputs = {name: self._moved(tree) for name, tree in step.call["inputs"].items()}
        return {**step.call, "inputs": inputs}

    def _moved(self, tree: Any) -> Any:
        """Return inputs with new digests in place of the recorded ones."""
        if isinstance(tree, str):
            return self._now[tree]
        if isinstance(tree, dict):
            return {name: self._moved(item) for name, item in tree.items()}
        if isinstance(tree, list):
            return [self._moved(item) for item in tree]
        return tree

    def _compare(
        self, step: Step, outputs: Mapping[str, Ref], kernels: Mapping[str, str]
    ) -> list[Difference]:
        follows = any(self._now[digest] != digest for digest in step.inputs)
        differences = []
        for name, then in step.outputs.items():
            now = outputs[name].digest if name in outputs else ""
            self._now.setdefault(then.digest, now)
            if now != then.digest:
                why = ("an input is different",) if follows else _reasons(step, kernels)
                asset = str(step.cell(name))
                differences.append(Difference(asset, step.name, name, then.digest, now, why))
        return differences

    def _predictions(self) -> tuple[int | None, float | None, bool]:
        """Return the test rows, the largest difference, and whether it is within tolerance."""
        report = self._prepared.report
        ref = None if report is None else report.outputs["predictions"]
        if ref is None or ref.digest not in self._now or self._home.objects.missing([ref.digest]):
            return None, None, False
        then = self._home.objects.table(ref.digest)
        return (then.num_rows, *_distance(then, self._scratch.objects.table(self._now[ref.digest])))


def _distance(then: Any, now: Any) -> tuple[float | None, bool]:
    """Return the largest difference of two tables of predictions, and whether it is tolerable."""
    import numpy as np

    same = [name for name in ("_key", "batch", "target") if name in then.column_names]
    column = "probability" if "probability" in then.column_names else "prediction"
    if column == "probability":
        same.append("prediction")
    if any(not then[name].equals(now[name]) for name in same):
        return None, False
    if not then.num_rows:
        return 0.0, True
    before, after = then[column].to_numpy(), now[column].to_numpy()
    largest = float(np.abs(before - after).max())
    return largest, largest <= TOLERANCE * max(1.0, float(np.abs(before).max()))


def _reasons(step: Step, kernels: Mapping[str, str]) -> tuple[str, ...]:
    """Return what may have changed an action's result although its inputs are the same."""
    moved = [
        f"{name} was {then}, now {now or 'not installed'}"
        for name, (then, now) in step.moved.items()
    ]
    reasons = [*moved, *machine_notes(step, kernels)]
    return tuple(reasons) or (
        "same inputs, code, libraries and machine: it is not deterministic, or reads something "
        "that is not an input",
    )
