"""Materializes units: runs what is missing, records good results, reports faults.

A fault in one batch does not stop the others; the caller fails after they are recorded. A
damaged object is dropped, and its action runs again.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ml_assets.assets.cells import Cell, Unit
from ml_assets.assets.registry import KINDS
from ml_assets.engine.imports import Imports, libraries_of
from ml_assets.engine.landing import landed_again
from ml_assets.engine.plan import Planner
from ml_assets.engine.product import product
from ml_assets.engine.run import ActionRunner, Begun, Boundary
from ml_assets.engine.session import Made, Shared
from ml_assets.errors import CodeChanged, DamagedObject, MlAssetsError, NotMaterialized
from ml_assets.keys.code import Sources
from ml_assets.store.records import Current

State = Literal["executed", "reused", "failed", "waiting"]


@dataclass(frozen=True)
class Progress:
    """The outcome of one cell, for progress displays."""

    cell: Cell
    state: State
    seconds: float
    """The time of the actions that ran for it, in whatever process."""
    detail: str = ""


@dataclass(frozen=True)
class Outcome:
    """The outcome of one unit: its cells that are now current, or why there are none."""

    unit: Unit
    current: Sequence[Current] = ()
    executed: frozenset[Cell] = frozenset()
    seconds: Mapping[Cell, float] = field(default_factory=dict)
    waiting: str | None = None
    fault: str | None = None
    trace: str = ""


Listener = Callable[[Progress], None]


class Maker:
    """Makes the units of one run, with the code and specs as they were at its start.

    With a `token` workers make the same run's actions from the other end (`graph/workers`); what
    either made counts as executed. While waiting for them, the libraries of the units `to_come`
    are imported, and the spare units among them are made.
    """

    def __init__(
        self,
        planner: Planner,
        run_id: str | None = None,
        *,
        force: bool = False,
        verify: bool = False,
        boundary: Boundary | None = None,
        listener: Listener | None = None,
        begun: Begun | None = None,
        token: str = "",
        to_come: Sequence[Unit] = (),
    ) -> None:
        self.planner = planner
        self._run_id = run_id
        self._listener = listener or _ignore
        self._runner = ActionRunner(
            planner.workspace,
            planner.home,
            Sources(planner.workspace.roots),
            force=force,
            verify=verify,
            boundary=boundary,
            token=token,
            project=planner.project,
            meanwhile=Imports(libraries_of(unit.kind for unit in to_come)).one,
            begun=begun,
        )
        spare = [unit for unit in to_come if KINDS[unit.kind].spare]
        self._shared = Shared(self._runner, spare) if token else None
        self._session = planner.session(recurse=False, runner=self._runner, shared=self._shared)

    def make(self, units: Sequence[Unit], selected: set[str]) -> list[Outcome]:
        """Make units, record the selected assets of each, and return the outcomes."""
        # The other process starts with the first.
        order = units if self._shared is None else units[::-1]
        outcomes = {unit: self._one(unit, selected) for unit in order}
        return [outcomes[unit] for unit in units]

    def _one(self, unit: Unit, selected: set[str]) -> Outcome:
        try:
            outcome = self._keep(unit, self._made(unit), selected)
        except (CodeChanged, NotMaterialized) as error:
            outcome = Outcome(unit, fault=str(error))
        except Exception as error:
            # Not ignored: the step fails with it after the other batches are recorded.
            known = isinstance(error, MlAssetsError)
            said = str(error) if known else f"{type(error).__name__}: {error}"
            outcome = Outcome(unit, fault=f"{unit}: {said}", trace=traceback.format_exc())
        self._session.drop(unit)
        self._tell(outcome, selected)
        return outcome

    def _made(self, unit: Unit) -> Sequence[Made]:
        healed: set[str] = set()
        session = self._session
        while True:
            try:
                made = list(session.make(unit).values())
                for item in made:
                    # Checks are computed on access: here, where a damaged object can be made again.
                    tuple(item.checks)
                return made
            except DamagedObject as error:
                if error.digest in healed:
                    raise
                healed.add(error.digest)
                if not landed_again(self.planner.home, error.digest):
                    self.planner.home.objects.forget(error.digest)
                # Recursing makes whatever is missing upstream of this unit.
                session = self.planner.session(runner=self._runner)

    def _keep(self, unit: Unit, made: Sequence[Made], selected: set[str]) -> Outcome:
        kept = [item for item in made if item.cell.asset in selected]
        waits = next((item.waiting for item in kept if item.waiting is not None), None)
        if waits is not None:
            return Outcome(unit, waiting=waits)
        home = self.planner.home
        home.pins.keep(home.env, {k: v for item in kept for k, v in item.pins.items()})
        current = home.records.record(home.env, [product(item) for item in kept], self._run_id)
        for item in kept:
            if item.verdict is not None and item.verdict.inputs:
                home.verdicts.log(home.env, item.cell.group, item.verdict)
        executed = frozenset(item.cell for item in kept if item.executed)
        return Outcome(unit, current, executed, {item.cell: item.seconds for item in kept})

    def _tell(self, outcome: Outcome, selected: set[str]) -> None:
        good = outcome.fault is None and outcome.waiting is None
        made = {current.asset for current in outcome.current}
        for cell in outcome.unit.cells():
            # A recipe may have nothing to make for a batch.
            if cell.asset not in selected or (good and cell.asset not in made):
                continue
            state: State = "executed" if cell in outcome.executed else "reused"
            detail = outcome.fault or outcome.waiting or ""
            if outcome.fault is not None:
                state = "failed"
            elif outcome.waiting is not None:
                state = "waiting"
            self._listener(Progress(cell, state, outcome.seconds.get(cell, 0.0), detail))


def _ignore(_progress: Progress) -> None:
    return
