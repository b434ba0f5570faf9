"""Rows without a label in the quality report, where labels arrive after the rows.

Belongs here: what is not judged until they arrive, and labelled rows held against the others. Does
not belong here: why a row has no label (`clean`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from ml_assets.stages.quality.selection import LABELS, Removed, most
from ml_assets.stages.quality.words import listed
from ml_assets.stages.schema import UNLABELLED

if TYPE_CHECKING:
    from ml_assets.spec.quality import ReportSpec


def awaited(spec: ReportSpec, kept: pa.Table) -> tuple[list[str], list[dict[str, str]]]:
    """Return the columns that cannot be judged yet, and the entry that says so."""
    without = _without(spec, kept)
    if not most(without, kept.num_rows):
        return [], []
    why = f"{without:,} of {kept.num_rows:,} rows have no label yet"
    what = f"missing values and drift of {listed(list(spec.labels))}, and who lacks a label"
    return list(spec.labels), [{"what": what, "why": why}]


def apart(spec: ReportSpec, kept: pa.Table) -> list[Removed]:
    """Return the rows without a label and those with one, once most have one."""
    without = _without(spec, kept)
    if not without or most(without, kept.num_rows):
        return []
    reasons = kept.column(UNLABELLED)
    return [Removed(LABELS, kept.filter(reasons.is_valid()), kept.filter(reasons.is_null()))]


def _without(spec: ReportSpec, kept: pa.Table) -> int:
    if not spec.labels or UNLABELLED not in kept.column_names:
        return 0
    return int(kept.num_rows - kept.column(UNLABELLED).null_count)
