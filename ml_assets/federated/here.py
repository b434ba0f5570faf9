"""Rounds with every site on this machine: for trying, and for the demo.

Belongs here: homes (or values of a column) as sites, each with processes of its own. Does not
belong here: one site or one coordinator alone (`rounds`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ml_assets.children.ports import free_port
from ml_assets.engine.plan import Planner
from ml_assets.errors import NotMaterialized, RequestError, StageError, UnknownName
from ml_assets.federated import flower, rounds, site, take
from ml_assets.federated.compare import compared, family_of
from ml_assets.federated.rounds import Tell

HOST = "127.0.0.1"


def run(
    planner: Planner, model: str, homes: Mapping[str, Planner], tell: Tell, *, compare: bool = True
) -> dict[str, Any]:
    """Learn a model in rounds between sites on this machine, and take it into their homes.

    `homes` are the sites' own; without any, the sites are parts of this home's rows. Returns the
    rounds, with a comparison on the same rows. Raises RequestError, before any round, for sites
    that cannot learn together, and without a family to compare with.
    """
    federated = site.federation(planner, model)
    _complete(model, federated.sites, homes, federated.column)
    if compare:
        family_of(planner.project.models[model], federated.learner)
    at = {name: homes.get(name, planner) for name in federated.sites}
    folders = {name: site.folder_of(home, model, name) for name, home in at.items()}
    with ExitStack() as rows:
        for folder in folders.values():
            rows.enter_context(site.rows_removed(folder))
        _prepared(model, at, tell)
        found = take.document(planner, model, _conducted(planner, model, folders, tell))
        try:
            if compare:
                tell("comparing with models of each site's rows and of all rows")
                found["comparison"] = _compared(planner, model, found, folders)
        finally:
            # A comparison that fails takes no finished rounds with it.
            for home in {id(home): home for home in at.values()}.values():
                take.take(home, model, found)
    return found


def _prepared(model: str, at: Mapping[str, Planner], tell: Tell) -> None:
    """Write the folders of all sites; RequestError with the reasons of all that cannot."""
    problems = []
    for name, home in at.items():
        try:
            said = site.prepare(home, model, name)
            tell(f"{name}: {said['rows']['train']:,} rows to learn from")
        except NotMaterialized as error:
            problems.append(f"{name}: {error}")
        except RequestError as error:
            problems.append(str(error))
    if problems:
        raise RequestError("\n".join(problems))


def _compared(
    planner: Planner, model: str, found: Mapping[str, Any], folders: Mapping[str, Path]
) -> dict[str, Any]:
    """Return the comparison, or why there is none: the rounds are over, and count without it."""
    try:
        return compared(planner, model, found, folders)
    except StageError as error:
        return {"problem": f"the comparison cannot be made: {error}"}


def _conducted(
    planner: Planner, model: str, folders: Mapping[str, Path], tell: Tell
) -> dict[str, Any]:
    """Return the result of rounds, with a process of the coordinator's and one of each site's."""
    center = flower.ready(planner.home.root / "federated" / model / "coordinator")
    nodes = {name: flower.ready(folder / "flower") for name, folder in folders.items()}
    keys = {name: rounds.key_of(nodes[name], folder) for name, folder in folders.items()}
    question, program = rounds.asked(planner, model), flower.digest_of(center)
    with ExitStack() as running:
        address = running.enter_context(rounds.coordinator(center, HOST, free_port(), keys))
        for name, folder in folders.items():
            running.enter_context(rounds.node(nodes[name], folder, address, program))
        return rounds.conduct(center, question, tell)


def _complete(
    model: str, names: Sequence[str], homes: Mapping[str, Planner], column: str | None
) -> None:
    unknown = [name for name in homes if name not in names]
    if unknown:
        raise UnknownName.of("site", unknown[0], names)
    if not homes and column is None:
        said = f"give the home of each with --home SITE=FOLDER ({', '.join(names)})"
        raise RequestError(f"{model}: its sites are not parts of one home; {said}")
    absent = [name for name in names if homes and name not in homes]
    if absent:
        raise RequestError(f"{model}: no home was given for {', '.join(absent)}")
