"""Choose among fitted families by one metric on validation.

Belongs here: ranking. Does not belong here: the test fold, which only the report uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ml_assets.stages.metrics import greater_is_better
from ml_assets.stages.result import Result

if TYPE_CHECKING:
    from ml_assets.spec.model import ChooseSpec
    from ml_assets.stages.result import Handle


def choose(spec: ChooseSpec, *, scores: Mapping[str, Handle]) -> Result:
    """Return `leaderboard` (JSON): best first, the chosen family and the best baseline.

    `scores` is by family name, in the order of the YAML. On a tie a baseline goes first, then
    the order of the YAML. A family whose metric has no value comes last.
    """
    entries = [_entry(spec.metric, name, handle.json()) for name, handle in scores.items()]
    # sorted() is stable: ties keep the order of the YAML.
    entries.sort(key=lambda entry: _order(spec.metric, entry))
    for rank, entry in enumerate(entries, start=1):
        entry["rank"] = rank
    chosen = entries[0]["family"]
    leaderboard = {
        "metric": spec.metric,
        "chosen": chosen,
        "baseline": next((e["family"] for e in entries if e["family"] in spec.baselines), None),
        "families": entries,
    }
    return Result({"leaderboard": leaderboard}, {"chosen": chosen})


def _entry(metric: str, name: str, document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "family": name,
        "value": document["validation"][metric],
        "metrics": document["validation"],
        "baseline": document["baseline"],
        "trees": document["trees"],
        "rows": document["rows"],
        "settings": document["settings"],
        "cost": document["cost"],
        "notes": document["notes"],
        # Of a cross-validation: the metric of each part.
        **({"parts": document["parts"]} if "parts" in document else {}),
    }


def _order(metric: str, entry: Mapping[str, Any]) -> tuple[bool, float, bool]:
    value = entry["value"]
    if value is None:
        return True, 0.0, not entry["baseline"]
    return False, -value if greater_is_better(metric) else value, not entry["baseline"]
