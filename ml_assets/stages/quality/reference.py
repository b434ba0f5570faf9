"""The reference of batches: its profile, and thresholds resampled from it.

Belongs here: one document on all reference batches. Does not belong here: the batch that is
compared; nothing here depends on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ml_assets.stages.quality import arrays, calibrate
from ml_assets.stages.quality.encode import (
    FEW,
    MOST_LEVELS,
    bins_of,
    coded,
    edges_of,
    kind_of,
    levels_of,
)
from ml_assets.stages.quality.profile import histogram_edges, summary
from ml_assets.stages.result import Result

if TYPE_CHECKING:
    from ml_assets.spec.columns import Column
    from ml_assets.spec.quality import ReferenceSpec
    from ml_assets.stages.result import Handle


def reference(
    spec: ReferenceSpec, *, raw: Mapping[str, Handle], cleaned: Mapping[str, Handle]
) -> Result:
    """Return `reference` of the given batches: JSON.

    {"batches": {batch: rows}, "blocks", "rows", "landed": {"blocks", "rows", "missing": {column:
    rows}}, "columns": {column: {"kind", "edges" or "levels", "counts", "missing", "summary"}},
    "thresholds": {"drift" or "landed": {kind: {column: [by size of the batch]}}}, "skipped":
    {column: why}, "uncalibrated": why or None}. Blocks are renumbered; each batch records how
    many it has.
    """
    cleaned_rows = _together(spec, cleaned)
    raw_rows = _together(spec, raw)
    blocks, place = arrays.numbered(arrays.block_numbers(cleaned_rows, spec.time, spec.block))
    columns, counted, skipped = _columns(spec, cleaned_rows, blocks, place)
    landed = _landed(spec, raw_rows)
    few = blocks < calibrate.FEWEST_BLOCKS or cleaned_rows.num_rows < FEW
    few = few or len(landed.rows) < calibrate.FEWEST_BLOCKS
    limits: dict[str, Any] = {}
    if not few:
        limits["drift"] = _nested(calibrate.thresholds(counted, spec.false_alarm_rate))
        limits["landed"] = _nested(calibrate.thresholds(landed, spec.false_alarm_rate))
    document = {
        "batches": {name: handle.table([]).num_rows for name, handle in cleaned.items()},
        "blocks": blocks,
        "rows": cleaned_rows.num_rows,
        "landed": {
            "blocks": len(landed.rows),
            "rows": int(landed.rows.sum()),
            "missing": {name: int(counts.sum()) for name, counts in landed.missing.items()},
            "batches": {name: _size(spec, handle.table()) for name, handle in raw.items()},
        },
        "columns": columns,
        "thresholds": limits,
        "skipped": skipped,
        "uncalibrated": _too_few(spec, blocks, cleaned_rows.num_rows) if few else None,
    }
    return Result({"reference": document}, {"rows": cleaned_rows.num_rows, "blocks": blocks})


def _together(spec: ReferenceSpec, tables: Mapping[str, Handle]) -> pa.Table:
    parts = [handle.table(list(spec.columns)) for handle in tables.values()]
    return pa.concat_tables([table for table in parts if table.num_rows] or parts[:1])


def _columns(
    spec: ReferenceSpec, table: pa.Table, blocks: int, place: arrays.Ints
) -> tuple[dict[str, Any], calibrate.Counted, dict[str, str]]:
    """Return each compared column's profile, all rows by block, and why others are left out."""
    rows = np.bincount(place[place >= 0], minlength=blocks).astype(np.float64)
    columns: dict[str, Any] = {}
    skipped = dict(spec.skipped)
    tests: dict[str, dict[str, Any]] = {
        "numeric": {},
        "categorical": {},
        "missing": {},
        "unseen": {},
    }
    for name, column in spec.columns.items():
        if name in skipped:
            continue
        known, why = _profile(name, column, table)
        if known is None:
            skipped[name] = why
            continue
        seen = coded(table.column(name), known)
        bins = arrays.by_block(place, blocks, seen.codes, len(known["counts"]))
        tests[known["kind"]][name] = bins
        if column.nullable:
            tests["missing"][name] = rows - _present(place, blocks, seen.missing)
        if known["kind"] == "categorical":
            tests["unseen"][name] = _alone(place, blocks, table.column(name))
        columns[name] = known
    return columns, calibrate.Counted(rows, **tests), skipped


def _profile(name: str, column: Column, table: pa.Table) -> tuple[dict[str, Any] | None, str]:
    """Return a column's profile, or why it cannot be compared."""
    values, rows = table.column(name), table.num_rows
    known: dict[str, Any] = {"kind": kind_of(column.type)}
    if known["kind"] == "numeric":
        array = arrays.numbers(values)
        known["edges"] = edges_of(array)
        present = int((~np.isnan(array)).sum())
        known["drawn"] = histogram_edges(array)
        missing = rows - present
        if not known["edges"]:
            return None, "the reference has no finite value"
    else:
        texts, counts, _ = levels_of(values)
        present = int(counts.sum())
        missing = rows - present
        known["levels"] = texts
        if len(texts) > MOST_LEVELS or (len(texts) > FEW and 2 * len(texts) > present):
            return (
                None,
                f"{len(texts):,} different values in {present:,} rows: looks like an identifier",
            )
    if present < FEW:
        return None, f"the reference has {present} values, wanted at least {FEW}"
    codes = coded(values, known).codes
    known["counts"] = np.bincount(codes[codes >= 0], minlength=bins_of(known)).tolist()
    known["missing"] = missing
    known["summary"] = summary(values, column.type, known.get("drawn"))
    return known, ""


def _present(place: arrays.Ints, blocks: int, missing: arrays.Ints) -> arrays.Floats:
    return arrays.by_block(place, blocks, -missing, 1)[:, 0]


def _alone(place: arrays.Ints, blocks: int, column: pa.ChunkedArray) -> arrays.Floats:
    """Return the rows of each block whose level occurs in no other block, shape (blocks,).

    A new block's share of unseen levels is about what each known block alone contributed
    (I. J. Good, The population frequencies of species, Biometrika 40, 1953).
    """
    distinct, codes = arrays.levels(column)
    known = (place >= 0) & (codes >= 0)
    pairs = np.unique(codes[known] * blocks + place[known])
    alone = np.bincount(pairs // blocks, minlength=len(distinct)) == 1
    mine = known.copy()
    mine[known] = alone[codes[known]]
    return np.bincount(place[mine], minlength=blocks).astype(np.float64)


def _landed(spec: ReferenceSpec, raw: pa.Table) -> calibrate.Counted:
    """Return landed rows and missing values by block."""
    blocks, place = arrays.numbered(arrays.block_numbers(raw, spec.time, spec.block))
    rows = np.bincount(place[place >= 0], minlength=blocks).astype(np.float64)
    missing = {}
    for name, column in spec.columns.items():
        if column.nullable and name not in spec.skipped:
            gone = np.asarray(raw.column(name).is_null(nan_is_null=True).to_numpy())
            missing[name] = rows - _present(place, blocks, gone.astype(np.int64))
    return calibrate.Counted(rows, missing=missing)


def _size(spec: ReferenceSpec, raw: pa.Table) -> dict[str, int]:
    rows = arrays.block_numbers(raw, spec.time, spec.block)
    return {"rows": raw.num_rows, **arrays.span(rows)}


def _nested(limits: Mapping[calibrate.Test, list[float]]) -> dict[str, dict[str, list[float]]]:
    by_kind: dict[str, dict[str, list[float]]] = {}
    for (kind, column), values in limits.items():
        by_kind.setdefault(kind, {})[column] = [float(f"{value:.6g}") for value in values]
    return by_kind


def _too_few(spec: ReferenceSpec, blocks: int, rows: int) -> str:
    return (
        f"the reference has {rows:,} rows in {blocks:,} blocks ({spec.block}), wanted at least "
        f"{FEW} rows in {calibrate.FEWEST_BLOCKS} blocks to resample; add batches to "
        "quality.reference, or set quality.block to something shorter"
    )
