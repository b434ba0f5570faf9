"""Empty outputs for a withdrawn batch.

Belongs here: empty tables and summary. Does not belong here: why it was withdrawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.stages.result import Result
from ml_assets.stages.schema import QUARANTINE, table_schema

if TYPE_CHECKING:
    from ml_assets.spec.dataset import CleanSpec


def withdrawn(spec: CleanSpec) -> Result:
    """Return empty `raw`, `cleaned` and `quarantine`, and a summary of zeros."""
    empty = table_schema(spec.contract.columns).empty_table()
    summary = {
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
    outputs = {
        "raw": empty,
        "cleaned": empty,
        "quarantine": QUARANTINE.empty_table(),
        "summary": summary,
    }
    return Result(outputs, metadata={"rows": 0})
