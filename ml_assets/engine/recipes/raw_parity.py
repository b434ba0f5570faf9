"""The action that compares predictions from raw rows with those for the features of the test.

Belongs here: which raw rows and joined tables the features were made from, by the records of the
actions that made them. Does not belong here: the comparison (`stages/gate/raw`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml_assets.assets.cells import Cell, Unit
from ml_assets.engine.recipes.features import features_spec, function_of
from ml_assets.engine.recipes.splits import feature_inputs
from ml_assets.engine.session import Done, Made, Session, Undone
from ml_assets.keys.action import Action, Input
from ml_assets.spec.score import RawParitySpec, score_spec, typed_rows
from ml_assets.store.objects import Ref
from ml_assets.store.records import ActionRecord

RAW_PARITY = "ml_assets.stages.gate.raw:parity"
MOST = 4
"""Batches of the test whose raw rows are read."""


@dataclass(frozen=True)
class FeaturesOrigin:
    """What the features of a batch were made from."""

    raw: Ref
    joins: Mapping[str, Ref]
    previous: Mapping[str, list[Input]]


def raw_parity(
    session: Session,
    unit: Unit,
    made: Made,
    test: Made,
    parity: Done | Undone,
    family: str,
) -> Action | None:
    """Return the action; None until parity is known, and without the raw rows of any batch."""
    model = session.project.models[unit.group]
    features = feature_inputs(session, unit, [test])
    inputs: dict[str, Input] = {
        "parity": parity.outputs["parity"],
        "model": made.outputs["model"],
        "test": test.outputs["test"],
        "features": features,
    }
    if not isinstance(parity, Done):
        # It follows a parity check that is still to come, and cannot say more than that does.
        return None
    assert isinstance(features, Mapping)
    batches = list(features)
    count = min(len(batches), MOST)
    chosen = {n * (len(batches) - 1) // max(count - 1, 1) for n in range(count)}
    origins = {
        batches[n]: _origin(session, unit.group, batches[n], features[batches[n]])
        for n in sorted(chosen)
    }
    known = {batch: origin for batch, origin in origins.items() if origin is not None}
    if not known:
        return None
    inputs |= {
        "raw": {batch: origin.raw for batch, origin in known.items()},
        "joins": {batch: dict(origin.joins) for batch, origin in known.items()},
        "previous": {batch: dict(origin.previous) for batch, origin in known.items()},
    }
    score = score_spec(
        session.project.datasets[model.dataset], features_spec(session.project, unit.group)
    )
    params = RawParitySpec(
        score=score.model_copy(update={"rows": typed_rows(score.rows)}), rows=model.gate.parity.rows
    )
    hooks = function_of(session.project, session.workspace, unit.group)
    return Action("raw_parity", RAW_PARITY, params, inputs, {"family": family, **hooks})


def _origin(session: Session, model: str, batch: str, made: Input) -> FeaturesOrigin | None:
    """Return what the features of a batch were made from, None if that is no longer known."""
    features = _recorded(session, Cell(f"{model}/features", batch), "features")
    if features is None or features.outputs["features"] != made:
        return None
    given = features.ingredients["inputs"]
    clean = _cleaned(session, session.project.models[model].dataset, batch, given["main"])
    if clean is None:
        return None
    origin = FeaturesOrigin(
        raw=Ref(clean.ingredients["inputs"]["raw"], "table"),
        joins={name: Ref(digest, "table") for name, digest in given["joins"]},
        previous={name: [Ref(d, "table") for d in digests] for name, digests in given["previous"]},
    )
    needed = [origin.raw.digest, *(digest for _, digest in given["joins"])]
    needed += [digest for _, digests in given["previous"] for digest in digests]
    return None if session.home.objects.missing(needed) else origin


def _recorded(session: Session, cell: Cell, part: str) -> ActionRecord | None:
    """Return the action that makes the content of a cell in this session."""
    made = session.upstream(cell)
    action: Any = made.actions.get(part)
    if isinstance(action, Done):
        return session.home.records.action(action.record.key)
    held = session.home.records.current(session.home.env, cell.asset, cell.partition)
    return None if held is None else session.home.records.action(held.actions.get(part, ""))


def _cleaned(session: Session, dataset: str, batch: str, digest: str) -> ActionRecord | None:
    """Return the action that made a cleaned table from a raw one."""
    for version in session.home.records.versions(f"{dataset}/cleaned", batch):
        if version.digest == digest and "clean" in version.actions:
            return session.home.records.action(version.actions["clean"])
    return None
