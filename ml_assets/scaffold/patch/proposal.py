"""All changes of a spec that its files ask for, as a patch; and writing them.

Belongs here: putting together, checking and writing. Does not belong here: single changes.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from ml_assets.engine.plan import Planner
from ml_assets.errors import RequestError, SpecError, UnknownName
from ml_assets.scaffold.patch.columns import Guesses, of_columns
from ml_assets.scaffold.patch.edits import edited
from ml_assets.scaffold.patch.seen import seen
from ml_assets.scaffold.patch.suggested import Suggestion, of_rules
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.document import read
from ml_assets.spec.project import DATASET, mismatches
from ml_assets.spec.yaml import read_text


@dataclass(frozen=True)
class Proposed:
    """A dataset's suggestions, and the patch that makes them."""

    path: Path
    suggestions: tuple[Suggestion, ...]
    taken: tuple[Suggestion, ...]
    """Those in the patch."""
    wrong: tuple[str, ...]
    """What would be wrong in the project with the patch; nothing is written then."""
    text: str
    patch: str
    models: tuple[str, ...]
    """Models of this dataset, which are trained again if its rows change."""


def proposed(planner: Planner, dataset: str, only: Collection[str] = ()) -> Proposed:
    """Return what a dataset's newest files ask for; `only` are the columns whose changes are taken.

    New columns are taken only if they are named, or by `on_new_column: propose`. UnknownName for a
    column without a suggestion, RequestError if nothing has landed or the spec is written in a way
    that cannot be edited.
    """
    project, home = planner.project, planner.home
    spec = project.datasets[dataset]
    survey = seen(planner, dataset)
    if not survey.files:
        raise RequestError(f"nothing has landed for {dataset}, so there is nothing to go by")
    every = (*of_columns(spec, survey, Guesses(home, spec, survey)), *of_rules(spec, survey))
    known = {item.column for item in every}
    for name in only:
        if name not in known:
            raise UnknownName.of(f"changed column of {dataset}", name, known)
    new_too = spec.on_new_column == "propose"
    taken = tuple(
        item
        for item in every
        if item.edits and (item.column in only or (not only and (new_too or _old(item))))
    )
    path = project.folders[dataset] / "defs.yaml"
    before = read(path)
    try:
        after = edited(path, before, [edit for item in taken for edit in item.edits])
    except KeyError as error:
        raise RequestError(
            f"{path}: {error.args[0]} is written in a way that cannot be edited here; edit it "
            "yourself"
        ) from None
    wrong = _wrong(planner, dataset, path, after) if taken else ()
    patch = "".join(
        difflib.unified_diff(
            before.splitlines(keepends=True),
            after.splitlines(keepends=True),
            path.as_posix(),
            path.as_posix(),
        )
    )
    models = tuple(
        name
        for name, model in project.models.items()
        if dataset in (model.dataset, *(join.dataset for join in model.joins))
    )
    return Proposed(path, every, taken, wrong, after, patch, models)


def accept(proposal: Proposed) -> None:
    """Write the patch. RequestError if the project would be wrong with it."""
    if proposal.wrong:
        raise RequestError(
            f"not written, since then {'; '.join(proposal.wrong)}. Change that first, or take only "
            "other columns with --column"
        )
    part = proposal.path.with_name(f".{proposal.path.name}.tmp")
    part.write_text(proposal.text, encoding="utf-8")
    os.replace(part, proposal.path)


def _old(item: Suggestion) -> bool:
    return not item.change.startswith("new")


def _wrong(planner: Planner, dataset: str, path: Path, text: str) -> tuple[str, ...]:
    """Return what is wrong in the project with a spec's new text and was not before."""
    try:
        spec = read_text(path, text, {DATASET: DatasetSpec})
    except SpecError as error:
        return tuple(str(error).splitlines())
    assert isinstance(spec, DatasetSpec)
    project = planner.project
    after = replace(project, datasets={**project.datasets, dataset: spec})
    before = set(mismatches(project))
    return tuple(
        f"{name}: {'.'.join(map(str, place))}: {said}"
        for name, place, said in mismatches(after)
        if (name, place, said) not in before
    )
