"""What a project claims in a home: its datasets and models, and by which specs rows were cleaned.

Belongs here: refusing what another project makes already, and when a spec is the one of the rows.
Does not belong here: what another project reads of it (`spec/borrowed`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ml_assets.assets.edges import groups
from ml_assets.errors import HomeError
from ml_assets.spec.project import Project
from ml_assets.store.home import Home
from ml_assets.workspace import Workspace

if TYPE_CHECKING:
    from ml_assets.engine.plan import Planned
    from ml_assets.engine.session import Session


def refuse_claimed(home: Home, workspace: Workspace, project: Project) -> None:
    """Raise HomeError if another project of the home has a dataset or model of the same name."""
    mine = {workspace.project, *workspace.formerly}
    claims = home.claims.read()
    theirs = {
        name: claims[name]["project"]
        for name in groups(project)
        if name in claims and claims[name]["project"] not in mine
    }
    if not theirs:
        return
    listed = ", ".join(f"{owner}:{name}" for name, owner in theirs.items())
    others = sorted(set(theirs.values()))
    raise HomeError(
        f"project {workspace.project} defines what other projects of this home make in "
        f"environment {home.env}: {listed}. A home has one dataset or model of a name: rename it "
        f"here, use another home, or read a dataset as `dataset: PROJECT:DATASET`. If this project "
        f"was called {' or '.join(others)} before, or took it over, say so in its pyproject.toml: "
        f"[tool.ml_assets] formerly = {others}"
    )


def claim(session: Session, planned: Sequence[Planned]) -> None:
    """Claim what a project has; `planned` are the cells of all that was planned.

    The spec of a dataset is recorded once no batch that is there waits to be made by it: those who
    read the rows then know the columns that they have.
    """
    home, project = session.home, session.project
    before, open_ = home.claims.read(), set[str]()
    seen = {item.cell.group for item in planned if item.cell.name == "cleaned"}
    for item in planned:
        cell = item.cell
        held = (cell.asset, cell.partition) in session.current
        if cell.name == "cleaned" and held and item.status in ("run", "maybe"):
            open_.add(cell.group)
    made = {asset.rpartition("/")[0] for asset, _ in session.current if asset.endswith("/cleaned")}
    home.claims.keep(
        {
            name: {
                "project": session.workspace.project,
                "kind": "dataset" if name in project.datasets else "model",
                **(
                    _described(project, name)
                    if name in (seen & made) - open_
                    else _known(before.get(name, {}))
                ),
            }
            for name in groups(project)
        }
    )


def _described(project: Project, name: str) -> dict[str, Any]:
    """Return the spec of a dataset, without the code and the place that only its project has."""
    spec, labels = project.own[name], project.labels(name)
    # As text: a document loses the order of the columns.
    return {
        "spec": spec.model_dump_json(exclude_defaults=True, exclude={"checks"}),
        "labels": None if labels is None else labels.model_dump_json(),
    }


def _known(claim: Mapping[str, Any]) -> dict[str, Any]:
    return {part: claim[part] for part in ("spec", "labels") if part in claim}
