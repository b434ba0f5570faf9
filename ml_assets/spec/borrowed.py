"""Datasets of other projects on the same home, which a model names as `shop:sales`.

Belongs here: what is known of them from the claims that each project makes in a home, and what is
wrong with a name. Does not belong here: where claims are kept (`store/claims`), when one is made
(`engine/claiming`).

In a project that was read, a borrowed dataset has its own name alone: a home has one dataset of a
name, so no key says whose it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ml_assets.errors import suggest
from ml_assets.spec.dataset import DatasetSpec, Labels
from ml_assets.spec.labels import labels_of
from ml_assets.spec.mistakes import Place
from ml_assets.spec.model import ModelSpec

Claims = Mapping[str, Mapping[str, Any]]
"""Dataset or model -> what its project says of it: `project`, `kind`, and for a dataset that was
cleaned `spec` and `labels`, each as JSON text."""
Lookup = Callable[[], Claims]
"""Returns the claims of the home and environment in use."""
Said = tuple[str, Place, str]
"""A model, a place in its spec, and what is wrong there."""


@dataclass(frozen=True)
class Borrowed:
    """A dataset of another project, as its rows were cleaned last."""

    project: str
    labels: Labels | None = None
    """What of it arrives with the labels, given the models of its own project."""


@dataclass
class Found:
    """Models whose borrowed datasets have their plain names, with those datasets."""

    models: dict[str, ModelSpec]
    datasets: dict[str, DatasetSpec]
    borrowed: dict[str, Borrowed]
    wrong: list[Said]


def named(models: Mapping[str, ModelSpec]) -> Iterator[tuple[str, Place, str, str]]:
    """Yield model, place, project and dataset of each name with a project."""
    for name, model in models.items():
        places: dict[Place, str] = {("dataset",): model.dataset}
        places |= {("joins", n, "dataset"): join.dataset for n, join in enumerate(model.joins)}
        for place, said in places.items():
            project, colon, dataset = said.partition(":")
            if colon:
                yield name, place, project, dataset


def borrow(
    models: Mapping[str, ModelSpec], own: Mapping[str, object], lookup: Lookup | None
) -> Found:
    """Look up the datasets of other projects; `own` are the names that this project has itself.

    A model with a wrong name is among the mistakes, and not among the models.
    """
    found = Found(dict(models), {}, {}, [])
    claims: Claims | None = None
    for model, place, project, dataset in named(models):
        if claims is None and lookup is not None:
            claims = lookup()
        if claims is None:
            problem: str | None = (
                f"{project}:{dataset} is in a home, and the specs are read without one"
            )
        else:
            problem = _missing(claims, own, project, dataset)
            if problem is None:
                problem = _take(found, claims[dataset], dataset)
        if problem is not None:
            found.wrong.append((model, place, problem))
    bad = {model for model, _, _ in found.wrong}
    found.models = {n: _plain(m) for n, m in models.items() if n not in bad}
    read = {dataset for model, _, _, dataset in named(models) if model not in bad}
    found.datasets = {name: spec for name, spec in found.datasets.items() if name in read}
    found.borrowed = {name: whose for name, whose in found.borrowed.items() if name in read}
    found.wrong += _late(found)
    return found


def has(claims: Claims, project: str) -> list[str]:
    """Return the datasets of a project, by its claims."""
    return sorted(
        name
        for name, said in claims.items()
        if said["project"] == project and said["kind"] == "dataset"
    )


def _missing(claims: Claims, own: Mapping[str, object], project: str, dataset: str) -> str | None:
    """Return why a dataset cannot be read, None if it can."""
    if dataset in own:
        said = f"this project has {dataset!r} itself, and a home has one dataset of a name"
        return f"{said}; write {dataset!r} alone, or rename one of them"
    projects = sorted({str(said["project"]) for said in claims.values()})
    if project not in projects:
        near = suggest(project, projects).partition(" available:")[0]
        there = ", ".join(f"{one} ({', '.join(has(claims, one)) or '-'})" for one in projects)
        return (
            f"no project {project!r} on this home and environment{near} available: "
            f"{there or 'none'}. A project is known by its root module once it was planned here: "
            "`ml-assets plan` in its folder, with this ML_ASSETS_HOME"
        )
    if dataset not in has(claims, project):
        return (
            f"project {project} has no dataset {dataset!r}{suggest(dataset, has(claims, project))}"
        )
    if claims[dataset].get("spec") is None:
        return (
            f"no batch of {project}:{dataset} was cleaned in this environment yet; "
            f"`ml-assets run` in project {project} does"
        )
    return None


def _take(found: Found, claim: Mapping[str, Any], dataset: str) -> str | None:
    """Add a dataset by its claim; return why that cannot be read, if so."""
    labels = claim.get("labels")
    try:
        found.datasets[dataset] = DatasetSpec.model_validate_json(claim["spec"])
        known = None if labels is None else Labels.model_validate_json(labels)
    except ValidationError as error:
        return (
            f"the spec of {claim['project']}:{dataset} is of another ml_assets, and cannot be read "
            f"({error.error_count()} mistakes); use one version in both projects"
        )
    found.borrowed[dataset] = Borrowed(str(claim["project"]), known)
    return None


def _late(found: Found) -> Iterator[Said]:
    """Yield the models that would wait for labels of which the other project does not know."""
    for name, model in found.models.items():
        borrowed = found.borrowed.get(model.dataset)
        if borrowed is None:
            continue
        mine = labels_of(model.dataset, found.datasets[model.dataset], {name: model})
        theirs = borrowed.labels
        if mine is None or (
            theirs is not None
            and set(mine.columns) <= set(theirs.columns)
            and set(mine.targets) <= set(theirs.targets)
        ):
            continue
        late = ", ".join(mine.columns)
        yield (
            name,
            ("dataset",),
            f"{model.dataset} has `labels: later`, and no model of project {borrowed.project} waits"
            f" for {late}: rows without them are quarantined there; wanted such a model there",
        )


def _plain(model: ModelSpec) -> ModelSpec:
    """Return a model whose borrowed datasets have their names alone."""
    joins = tuple(
        join.model_copy(update={"dataset": join.dataset.rpartition(":")[2]}) for join in model.joins
    )
    plain = {"dataset": model.dataset.rpartition(":")[2], "joins": joins}
    return model.model_copy(update=plain)
