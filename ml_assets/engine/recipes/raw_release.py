"""What a bundle needs to score raw rows: code, specs, and digests of tables.

Belongs here: which of them leave with a champion. Does not belong here: files (`stages/release`).
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ml_assets.engine.recipes.dataset import clean_spec, ingest_spec
from ml_assets.engine.session import Session
from ml_assets.errors import NotMaterialized
from ml_assets.history.past_features import past_features
from ml_assets.history.raw_rows import kept, raw_rows
from ml_assets.history.stored_code.extract import files_of
from ml_assets.history.stored_code.loaded import own
from ml_assets.keys.action import Input
from ml_assets.keys.syntax import imports_of
from ml_assets.moved import moved
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.project import Project, released
from ml_assets.spec.quality import Quality
from ml_assets.spec.release import JoinedRows, RawRows
from ml_assets.spec.score import score_spec
from ml_assets.store.records import Version

PROGRAM = "ml_assets.serve.bundle"
FAMILIES = "ml_assets.stages.train."
"""A family of the project's own is scored only there."""
PACKAGES = frozenset({"lightgbm", "numpy", "pandas", "pyarrow", "scipy", "tzdata"})
"""Packages of the lock that a features function may import."""


@dataclass(frozen=True)
class RawRelease:
    """The part of a release that is about raw rows."""

    spec: RawRows
    inputs: Mapping[str, Input]


def raw_release(
    session: Session, name: str, version: Version, family: str, made: str | None
) -> RawRelease | None:
    """Return with what a version's bundle scores raw rows; None where the spec does not ask for it.

    `made` is the action of the current release, if any. NotMaterialized if the store has lost what
    it needs, or if the function cannot leave.
    """
    model = session.project.models[name]
    family = moved.now(family)
    if not model.release.rows or not family.startswith(FAMILIES):
        return None
    past = past_features(session.home, name, version)
    project = past.project
    secret = _secret(project, session.project)
    known = kept(session.home, made, version.digest)
    wanted = set(model.release.snapshots)
    if known is None or wanted - known.snapshots.keys() or (known.raw is None and not secret):
        known = raw_rows(session.home, past.spec.dataset, past.made)
    hidden = [
        f"{item}.{column}"
        for item in model.release.snapshots
        for column in released(model, item, project.datasets[item])
        if f"{item}.{column}" in secret
    ]
    if hidden:
        raise NotMaterialized(
            f"release.snapshots: sensitive columns may not be in a bundle: {', '.join(hidden)}"
        )
    lost = [item for item in model.release.snapshots if item not in known.snapshots]
    if lost:
        raise NotMaterialized(f"release.snapshots: {name} v{version.number} has no {lost[0]}")
    names = [join.dataset for join in past.spec.joins]
    names += [past.spec.dataset] if past.spec.previous else []
    score = score_spec(project.datasets[past.spec.dataset], past.spec)
    spec = RawRows(
        score=score.model_copy(update={"joins": model.joins, "serving": model.serving}),
        datasets={n: _said(session, n, d) for n, d in project.datasets.items()},
        joined={
            item: JoinedRows(ingest=ingest_spec(project, item), clean=clean_spec(project, item))
            for item in names
        },
        function=past.made.ingredients["hooks"].get("hook"),
        family=family,
        modules=modules(session, session.home.objects.json(past.made.sources), family),
        snapshots={
            item: released(model, item, project.datasets[item]) for item in model.release.snapshots
        },
        batch=known.batch,
        secret=secret,
    )
    tables: dict[str, Input] = {"features": known.features}
    joins: dict[str, Any] = {}
    if known.raw is not None and not secret:
        tables["raw"] = known.raw
        joins = {item: dict(sorted(known.joins[item].items())) for item in sorted(known.joins)}
    held = {item: known.snapshots[item] for item in model.release.snapshots}
    return RawRelease(spec, {"tables": tables, "joins": joins, "snapshots": held})


def _secret(then: Project, today: Project) -> tuple[str, ...]:
    """Return the columns of a model's datasets that were sensitive, or are today."""
    columns = {
        f"{name}.{column}"
        for project in (then, today)
        for name, spec in project.datasets.items()
        for column, said in spec.columns.items()
        if said.sensitive and name in then.datasets
    }
    return tuple(sorted(columns))


def _said(session: Session, name: str, then: DatasetSpec) -> DatasetSpec:
    """Return what is needed of a dataset to find a row's batch, by the current calendar."""
    today = session.project.datasets.get(name, then)
    return then.model_copy(
        update={
            "calendar": today.calendar,
            "owners": (),
            "cleaning": (),
            "filters": (),
            "rules": (),
            "quality": Quality(),
            "checks": {},
        }
    )


def modules(session: Session, stored: Mapping[str, str], family: str) -> dict[str, str]:
    """Return the text of every module that leaves, by path.

    NotMaterialized if one imports a package that the lock does not have.
    """
    project = own(stored)
    odd = sorted({name for text in project.values() for name in _packages(text, project)})
    if odd:
        raise NotMaterialized(
            f"release.rows: the features function imports {', '.join(odd)}, which a bundle's "
            f"requirements-rows.txt does not have (it has {', '.join(sorted(PACKAGES))}); compute "
            "such features elsewhere, or leave rows out"
        )
    today = session.sources.closure([PROGRAM, family])
    texts = {name: module.text for name, module in today.items()}
    return dict(sorted(files_of({**texts, **project}).items()))


def _packages(text: str, project: Mapping[str, str]) -> Iterator[str]:
    """Yield the packages that a module imports and that the lock does not have."""
    tops = {name.split(".")[0] for name in project}
    for level, name in imports_of(ast.parse(text)):
        top = name.split(".")[0]
        if not level and top not in {*tops, *PACKAGES, *sys.stdlib_module_names}:
            yield top
