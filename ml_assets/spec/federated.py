"""Federated training: sites learn one model together, and no row leaves its site."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Protocol

from pydantic import AfterValidator, Field

from ml_assets.errors import suggest
from ml_assets.spec.base import Names, Spec
from ml_assets.spec.mistakes import Place

MOST_ROUNDS = 20
LEAST_MASKED = 3
NOT_SENT = ("date", "timestamp", "text")
"""Types of features of which a site would have to send more than counts and means."""


Site = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")]


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError(f"got {', '.join(names)}, wanted each site once")
    return names


class Privacy(Spec):
    """Differential privacy of what each site sends in a round (linear models only)."""

    epsilon: Annotated[float, Field(gt=0)]
    """Of all rounds together: the less, the more noise."""
    delta: Annotated[float, Field(gt=0, lt=0.1)] = 1e-5
    clipping: Annotated[float, Field(gt=0)] = 1.0
    """Longest change of the coefficients that a site sends in a round; longer ones are cut."""


class Federated(Spec):
    """How sites learn one model together ([more](../how-to/federated-training.md))."""

    sites: Annotated[tuple[Site, ...], Field(min_length=2), AfterValidator(_distinct)]
    """Names of the sites; each has a home of its own."""
    column: str | None = None
    """For trying in one home: a category among the features; the rows with a site's name as its
    value are that site's."""
    learner: Literal["trees", "linear"] = "trees"
    """Trees that are grown at each site and averaged, or coefficients that are."""
    rounds: Annotated[int, Field(ge=1, le=MOST_ROUNDS)] = 12
    trees: Annotated[int, Field(ge=1, le=50)] = 8
    """Trees that each site grows in a round."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.2
    num_leaves: Annotated[int, Field(ge=2, le=1024)] = 63
    """Most leaves of a tree."""
    lambda_l2: Annotated[float, Field(ge=0)] = 1.0
    least_rows: Annotated[int, Field(ge=2, le=100_000)] = 10
    """Of fewer rows than this nothing leaves a site: no value, no mean, no leaf."""
    differing: Names = ()
    """Columns that may be on another scale at each site; others are refused as of another unit."""
    wait: Annotated[int, Field(ge=5, le=86_400)] = 120
    """Seconds in which a site must answer; later answers are not used."""
    privacy: Privacy | None = None
    """Noise on what each site sends (linear models only); none by default."""
    secure_aggregation: bool = False
    """The coordinator learns the mean of the sites' coefficients and no site's own (linear models
    of three sites or more)."""


class _Family(Protocol):
    @property
    def family(self) -> str: ...


class _Column(Protocol):
    @property
    def type(self) -> str | None: ...


class _Model(Protocol):
    @property
    def federated(self) -> Federated | None: ...
    @property
    def task(self) -> str: ...
    @property
    def weight(self) -> str | None: ...


def wrong_federation(
    model: _Model,
    families: Mapping[str, _Family],
    columns: Mapping[str, _Column],
    selection: str,
) -> Iterator[tuple[Place, str]]:
    """Yield what a model cannot learn in a federation, each with its place in the spec."""
    federated = model.federated
    names = [name for name, family in families.items() if family.family == "federated"]
    for name in names[1 if federated is not None else 0 :]:
        place = ("training", "families", name, "family")
        said = "there is one at most" if federated is not None else "needs `federated: {sites: …}`"
        yield place, f"federated: {said}"
    if federated is None:
        return
    if not names:
        said = "needs a family for its result: federated: {family: federated}"
        yield ("training", "families"), said
    if model.task == "multiclass":
        yield ("task",), "multiclass cannot be learned in a federation; wanted regression or binary"
    if model.weight is not None:
        said = "a row's weight could make it stand out; a federated model has no weights"
        yield ("weight",), said
    if selection != "validation":
        said = "a federated model is compared on validation; its rows are in no home together"
        yield ("training", "selection"), said
    if federated.learner == "trees" and federated.privacy is not None:
        said = "needs `learner: linear`: how much one row changes a tree has no useful bound"
        yield ("federated", "privacy"), said
    if federated.secure_aggregation and federated.learner == "trees":
        said = "needs `learner: linear`: trees of several sites are not added up number by number"
        yield ("federated", "secure_aggregation"), said
    elif federated.secure_aggregation and len(federated.sites) < LEAST_MASKED:
        said = "needs three sites or more: of two, each knows the other's part of the mean"
        yield ("federated", "secure_aggregation"), said
    column = columns.get(federated.column) if federated.column is not None else None
    if federated.column is not None and column is None:
        near = suggest(federated.column, columns)
        yield ("federated", "column"), f"no feature {federated.column!r}{near}"
    elif column is not None and column.type not in ("category", None):
        yield ("federated", "column"), f"is a {column.type}; wanted a category"
    for name, feature in columns.items():
        if feature.type in NOT_SENT:
            said = f"a {feature.type} cannot be learned from in a federation; compute numbers of it"
            yield ("features", "columns", name, "type"), said
