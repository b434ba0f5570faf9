"""The plan: what will run, may run, is reused or waits, and why. No action runs.

Files in the landing folders are landed though (`engine/landing`): a batch consists of stored bytes,
as its file may be replaced or removed at any moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ml_assets.assets.cells import Cell, Unit
from ml_assets.assets.edges import groups, kinds_of, partitioned
from ml_assets.assets.registry import KINDS, made_by
from ml_assets.engine.claiming import claim, refuse_claimed
from ml_assets.engine.landing import Observed, observe
from ml_assets.engine.product import complete, product
from ml_assets.engine.selection import select
from ml_assets.engine.session import Done, Made, Session, Status, Undone
from ml_assets.engine.settled import Settled, drop
from ml_assets.engine.why import reasons
from ml_assets.errors import DamagedObject, UnknownName
from ml_assets.spec.project import Project, read_project
from ml_assets.store.digest import json_digest
from ml_assets.store.home import Home
from ml_assets.store.verdicts import Verdict
from ml_assets.workspace import Workspace, locate

UNCHANGED = "nothing changed"


@dataclass(frozen=True)
class Planned:
    """One cell of a plan."""

    cell: Cell
    status: Status
    reason: str
    depends_on: tuple[str, ...] = ()
    publish: bool = False
    """It is reused, but not yet current in this environment or not yet shown by Dagster."""
    wanted: tuple[str, ...] = ()
    """The identity of the wanted state: action keys or recipes, or the content's token."""
    verdict: Verdict | None = None
    """Of a candidate: whether new data train it now."""

    @property
    def due_at(self) -> str | None:
        """When a deferred candidate is to be looked at again, though nothing else changes."""
        return None if self.verdict is None or self.status != "deferred" else self.verdict.due_at


@dataclass(frozen=True)
class Plan:
    """What a selection needs, cell by cell in data-flow order."""

    cells: Sequence[Planned]
    observed: Observed = field(default_factory=Observed)
    stated: str | None = None
    """The digest of the wanted state, if the plan was read from a document."""

    def having(self, status: Status) -> list[Planned]:
        """Return the cells with a status."""
        return [item for item in self.cells if item.status == status]

    @property
    def todo(self) -> list[Planned]:
        """The cells for which a run is needed."""
        return [i for i in self.cells if i.status in ("run", "maybe") or i.publish]

    @property
    def wanted(self) -> str:
        """A digest of the part of the wanted state that is not reached yet."""
        if self.stated is not None:
            return self.stated
        return json_digest([[str(i.cell), i.status, list(i.wanted)] for i in self.todo])

    @property
    def due_at(self) -> str | None:
        """When the first deferred candidate is due (ISO, UTC), if time alone makes one due."""
        return min((item.due_at for item in self.cells if item.due_at is not None), default=None)

    def to_json(self) -> dict[str, Any]:
        """Return the plan as `ml-assets plan --json` prints it."""

        def rows(status: Status) -> list[dict[str, Any]]:
            return [{"asset": str(i.cell), "reason": i.reason} for i in self.having(status)]

        maybe = [
            {"asset": str(i.cell), "reason": i.reason, "depends_on": list(i.depends_on)}
            for i in self.having("maybe")
        ]
        deferred = [
            {
                "asset": str(item.cell),
                "reason": item.reason,
                "figures": {} if item.verdict is None else dict(item.verdict.figures),
                "due_at": item.due_at,
            }
            for item in self.having("deferred")
        ]
        return {
            "run": rows("run"),
            "maybe": maybe,
            "reuse": rows("reuse"),
            "waiting": rows("wait"),
            "deferred": deferred,
            "due_at": self.due_at,
            "publish": [str(i.cell) for i in self.cells if i.publish],
            "problems": self.observed.problems,
            "missing": self.observed.missing,
            "settling": self.observed.settling,
            "wanted": self.wanted,
            "order": [str(i.cell) for i in self.cells],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Plan:
        """Return the plan of a `to_json` document, with only the digest of the wanted state."""
        published = set(document["publish"])
        by_status: dict[Status, Sequence[Mapping[str, Any]]] = {
            "run": document["run"],
            "maybe": document["maybe"],
            "reuse": document["reuse"],
            "wait": document["waiting"],
            "deferred": document["deferred"],
        }
        cells = [
            Planned(
                _cell(row["asset"]),
                status,
                row["reason"],
                tuple(row.get("depends_on", ())),
                publish=row["asset"] in published,
            )
            for status, rows in by_status.items()
            for row in rows
        ]
        order = {text: number for number, text in enumerate(document["order"])}
        return cls(sorted(cells, key=lambda i: order[str(i.cell)]), stated=document["wanted"])


def _cell(text: str) -> Cell:
    asset, _, partition = text.partition("@")
    return Cell(asset, partition)


def units(session: Session) -> Iterator[Unit]:
    """Yield every unit of a project in data-flow order."""
    project = session.project
    kinds = {group: set(kinds_of(project, group)) for group in groups(project)}
    for kind in KINDS:
        asset = made_by(kind)[0]
        for group in groups(project):
            if kind not in kinds[group]:
                continue
            if not partitioned(project, f"{group}/{asset.name}"):
                yield Unit(group, kind)
                continue
            dataset = group if group in project.datasets else project.models[group].dataset
            yield from (Unit(group, kind, batch) for batch in session.batches(dataset))


class Planner:
    """A workspace, its specs as they are now, and its home."""

    def __init__(self, workspace: Workspace, home: Home, project: Project | None = None) -> None:
        self.workspace = workspace
        self.home = home
        self.project = (
            read_project(workspace.defs, home.claims.read) if project is None else project
        )
        refuse_claimed(home, workspace, self.project)

    def session(self, **options: Any) -> Session:
        """Return a new session on the present state; with a runner it runs what is missing."""
        return Session(self.workspace, self.home, self.project, **options)

    def plan(
        self, selection: str | None = None, partition: str | None = None, look: bool = True
    ) -> Plan:
        """Return the plan for a selection of assets and, if given, one batch.

        With `look` the landing folders are scanned first. Raises SelectionError and
        UnknownName.
        """
        observed = observe(self.home, self.project) if look else Observed()
        assets = set(select(self.project, selection))
        while True:
            try:
                plan = Plan(self._cells(assets, partition), observed)
            except DamagedObject as error:
                # Its action runs again, as the next attempt plans.
                self.home.objects.forget(error.digest)
                drop(self.home)
                continue
            self._log(plan)
            return plan

    def _log(self, plan: Plan) -> None:
        """Log verdicts on new data that differ from the last, once the data are there."""
        for item in plan.cells:
            if item.verdict is not None and item.verdict.inputs:
                self.home.verdicts.log(self.home.env, item.cell.group, item.verdict)

    def _cells(self, assets: set[str], partition: str | None) -> list[Planned]:
        session = self.session()
        if partition is not None:
            datasets = self.project.datasets.items()
            known = {b for name, spec in datasets if spec.calendar for b in session.batches(name)}
            if partition not in known:
                raise UnknownName.of("batch", partition, known)
        settled = Settled(session)
        session.settled = settled.keys(session.current)
        planned, quiet = list[Planned](), list[Unit]()
        for unit in units(session):
            if not {cell.asset for cell in unit.cells()} & assets:
                continue
            if settled.has(unit):
                cells = [Planned(cell, "reuse", UNCHANGED) for cell in unit.cells()]
            else:
                cells = [_planned(session, made) for made in session.make(unit).values()]
                quiet += [unit] if all(cell.reason == UNCHANGED for cell in cells) else []
            planned += cells
        settled.keep(quiet)
        claim(session, planned)
        return [
            item
            for item in planned
            if item.cell.asset in assets
            and (
                partition is None
                or item.cell.partition == partition
                or not partitioned(self.project, item.cell.asset)
            )
        ]


def planner_here() -> Planner:
    """Return a planner for the project around the current folder and its home."""
    workspace = locate()
    home = workspace.open_home()
    try:
        return Planner(workspace, home)
    except BaseException:
        home.close()
        raise


def _planned(session: Session, made: Made) -> Planned:
    cell = made.cell
    before = session.current.get((cell.asset, cell.partition))
    if made.waiting is not None:
        return Planned(cell, "wait", made.waiting)
    if complete(made):
        token = product(made).token
        shown = before is not None and before.token == token and before.published == token
        said = UNCHANGED if shown else "known content, not yet published here"
        return Planned(
            cell,
            "deferred" if made.deferred else "reuse",
            made.verdict.said if made.verdict is not None else said,
            publish=not shown,
            wanted=() if shown else (token,),
            verdict=made.verdict,
        )
    undone = {p: a for p, a in _parts(made).items() if isinstance(a, Undone)}
    certain = {part: action for part, action in undone.items() if action.pending.certain}
    wanted = tuple(
        action.keyed.recipe if action.keyed.pending else action.keyed.key
        for action in undone.values()
    )
    if certain:
        keys = {} if before is None else before.actions
        why = _whose(session, cell, _why(session, keys, certain))
        why = why if made.verdict is None else f"{made.verdict.said}; {why}"
        return Planned(cell, "run", why, wanted=wanted, verdict=made.verdict)
    depends = sorted({str(c) for action in undone.values() for c in action.pending.cells})
    reason = f"depends on {', '.join(depends[:4])}" + (", …" if len(depends) > 4 else "")
    return Planned(cell, "maybe", reason, tuple(depends), wanted=wanted)


def _whose(session: Session, cell: Cell, why: str) -> str:
    """Return a reason that names the dataset of another project which a model's features read."""
    model = session.project.models.get(cell.group)
    borrowed = None if model is None else session.project.borrowed.get(model.dataset)
    if model is None or borrowed is None or cell.name != "features":
        return why
    return why.replace("input main ", f"input {borrowed.project}:{model.dataset} ")


def _parts(made: Made) -> dict[str, Done | Undone]:
    return {**made.actions, **{f"check:{name}": a for name, a in made.checks.items()}}


def _why(session: Session, keys: Mapping[str, str], undone: Mapping[str, Undone]) -> str:
    said: list[str] = []
    for part, action in undone.items():
        key = keys.get(part)
        before = None if key is None else session.home.records.action(key)
        if keys and key is None:
            said.append(f"{part.removeprefix('check:')} is new")
            continue
        for reason in reasons(action.keyed.ingredients, before):
            if "→?" in reason:
                continue
            text = (
                reason
                if len(undone) == 1 or reason == "never materialized"
                else f"{part}: {reason}"
            )
            if text not in said:
                said.append(text)
    if "never materialized" in said and not keys:
        return "never materialized"
    if not said:
        return "an input is rebuilt"
    return "; ".join(said[:5]) + ("; …" if len(said) > 5 else "")
