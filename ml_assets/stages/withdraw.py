"""Empty outputs for a withdrawn batch.

Belongs here: empty tables and summary. Does not belong here: why it was withdrawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ml_assets.stages.result import Result
from ml_assets.stages.schema import QUARANTINE, cleaned_schema, table_schema

if TYPE_CHECKING:
    from ml_assets.spec.dataset import CleanSpec


def withdrawn(spec: CleanSpec) -> Result:
    """Return empty `raw`, `cleaned` and `quarantine`, and a summary of zeros."""
    columns, labels = spec.contract.columns, spec.labels is not None
    summary: dict[str, Any] = {
        "landed": 0,
        "parsed": 0,
        "cleaned": 0,
        "filtered": {},
        "quarantined": {},
        "warned": {},
        "refused": None,
        "warnings": [],
        "withdrawn": True,
    }
    if labels:
        summary["unlabelled"] = {}
    outputs = {
        "raw": table_schema(columns).empty_table(),
        "cleaned": cleaned_schema(columns, labels=labels).empty_table(),
        "quarantine": QUARANTINE.empty_table(),
        "summary": summary,
    }
    return Result(outputs, metadata={"rows": 0})
