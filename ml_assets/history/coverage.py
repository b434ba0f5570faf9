"""How well the prediction intervals of a past candidate covered its test rows.

Belongs here: finding the report that measured them. Does not belong here: measuring
(`stages/evaluate/coverage`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_assets.store.home import Home
from ml_assets.store.records import Version

COVERAGE = "coverage"
"""The name of the report's action, and of its output."""


def coverage_of(home: Home, model: str, version: Version) -> Mapping[str, Any] | None:
    """Return the coverage document of a candidate's intervals, None without intervals.

    None also where its report is gone.
    """
    limits = version.outputs.get("limits")
    if limits is None:
        return None
    for item in reversed(home.records.versions(f"{model}/evaluation_report")):
        made = home.records.action(item.actions.get(COVERAGE, ""))
        given = {} if made is None else made.ingredients["inputs"]
        if given.get("limits") == limits.digest and (
            given.get("model") == version.outputs["model"].digest
        ):
            coverage: Mapping[str, Any] = home.objects.json(item.outputs[COVERAGE].digest)
            return coverage
    return None
