"""Shows on Dagster's page why a candidate is not trained on new data, in the words of the plan.

It is an observation of the candidate, since nothing was materialized; each text once in a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from ml_assets.graph.keys import key_of

WHY = "not trained because"


def show(instance: dg.DagsterInstance, deferred: Sequence[Mapping[str, Any]]) -> None:
    """Report the deferred candidates of a plan's document, unless the last report says the same."""
    for row in deferred:
        key, said = key_of(row["asset"]), {WHY: row["reason"]}
        said |= {"looked at again": row["due_at"]} if row["due_at"] else {}
        before = instance.fetch_observations(key, limit=1).records
        last = before[0].asset_observation if before else None
        if last is not None and last.metadata == _shown(key, said).metadata:
            continue
        instance.report_runless_asset_event(_shown(key, said))


def _shown(key: dg.AssetKey, said: Mapping[str, str]) -> dg.AssetObservation:
    return dg.AssetObservation(asset_key=key, metadata=dict(said), description=said[WHY])
