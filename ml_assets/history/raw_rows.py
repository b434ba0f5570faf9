"""The raw rows and joined tables from which a candidate's newest features were made.

Belongs here: digests in recorded actions. Does not belong here: what leaves with a bundle.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from ml_assets.history.ancestry import Ancestry, ancestry_of
from ml_assets.history.recorded import Step
from ml_assets.store.home import Home
from ml_assets.store.objects import Ref
from ml_assets.store.records import ActionRecord

CLEAN = "ml_assets.stages.clean:clean"


@dataclass(frozen=True)
class BatchOrigin:
    """Digests of one batch: its features, its raw rows, and the tables that it was joined with."""

    batch: str
    features: Ref
    raw: Ref | None
    """None if it is no longer known."""
    snapshots: Mapping[str, Ref]
    """The cleaned tables of joined snapshots."""
    joins: Mapping[str, Mapping[str, Ref]] = field(default_factory=dict)
    """The raw rows of other joined datasets by batch, those of earlier batches included."""


def raw_rows(home: Home, dataset: str, made: ActionRecord) -> BatchOrigin:
    """Return the raw rows of the features that an action made of a dataset."""
    ancestry = ancestry_of(home)
    step = Step.of(made)
    joins: dict[str, dict[str, Ref]] = {}
    main, snapshots = None, {}
    for path, digest in step.leaves:
        cleaned = _cleaned(ancestry, digest)
        raw = None if cleaned is None else _raw(cleaned)
        if path[0] == "main":
            main = raw
        elif cleaned is not None and not cleaned.partition:
            snapshots[path[1]] = Ref(digest, "table")
        elif cleaned is not None and raw is not None and path[1] != dataset:
            joins.setdefault(path[1], {})[cleaned.partition] = raw
    return BatchOrigin(step.partition, step.outputs["features"], main, snapshots, joins)


def kept(home: Home, release: str | None, candidate: str) -> BatchOrigin | None:
    """Return what an existing release of a candidate (its action) was made of, if it has raw rows.

    So a plan that finds one need not go through all recorded actions.
    """
    made = None if release is None else home.records.action(release)
    given = {} if made is None else json.loads(made.ingredients.get("call", "{}"))
    rows = given.get("inputs", {}).get("rows")
    if not rows or given["params"].get("candidate") != candidate:
        return None
    tables = {name: Ref(digest, "table") for name, digest in rows["tables"].items()}
    return BatchOrigin(
        batch=given["params"]["rows"].get("batch", ""),
        features=tables["features"],
        raw=tables.get("raw"),
        snapshots={name: Ref(digest, "table") for name, digest in rows["snapshots"].items()},
        joins={
            name: {batch: Ref(digest, "table") for batch, digest in batches.items()}
            for name, batches in rows["joins"].items()
        },
    )


def _cleaned(ancestry: Ancestry, digest: str) -> Step | None:
    """Return an action that cleaned a batch with this result."""
    steps = (ancestry.steps[key] for key in ancestry.made_by(digest))
    return next((step for step in steps if step.stage == CLEAN), None)


def _raw(step: Step) -> Ref | None:
    return next((Ref(d, "table") for path, d in step.leaves if path == ("raw",)), None)
