"""Volume and completeness of the landed records, before any are removed.

Belongs here: rows, gaps, missing values, against the reference. Does not belong here: values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ml_assets.stages.counted import counted
from ml_assets.stages.quality import arrays, effects
from ml_assets.stages.quality.drift import judge
from ml_assets.stages.quality.words import percent

if TYPE_CHECKING:
    from ml_assets.spec.quality import ReportSpec

Known = Mapping[str, Any]


def volume(spec: ReportSpec, reference: Known, raw: pa.Table) -> dict[str, Any]:
    """Return {"rows", "expected", "ratio", "effect", "threshold", "alarm", "said"}.

    With blocks of time, rows per block are compared, by thresholds resampled from the reference,
    and the number of blocks with those of the reference's batches. Without, rows are compared
    with those of the reference's batches. `effect` is |log(ratio)|.
    """
    size = arrays.span(arrays.block_numbers(raw, spec.time, spec.block))
    batches = list(reference["landed"]["batches"].values())
    least = math.log1p(spec.smallest.volume)
    figures: dict[str, Any] = {"rows": raw.num_rows, "blocks": size["blocks"]}
    if not raw.num_rows:
        return {**figures, **_without("no record was read")}
    if spec.block == "row":
        rows = [batch["rows"] for batch in batches]
        expected = sorted(rows)[len(rows) // 2]
        figures |= _compared(raw.num_rows / max(expected, 1), expected)
        figures["threshold"] = float(f"{least:.4g}")
        figures["alarm"] = _outside(raw.num_rows, rows, spec.smallest.volume)
        figures["said"] = f"{counted(raw.num_rows, 'row')}, {_range(rows)} in the reference"
        return figures
    known = reference["landed"]
    if not size["blocks"] or not known["blocks"]:
        whose = "reference" if size["blocks"] else "batch"
        return {**figures, **_without(f"no record of the {whose} has a time")}
    expected = known["rows"] / known["blocks"] * size["blocks"]
    figures |= _compared(raw.num_rows / expected, round(expected))
    limits = reference["thresholds"].get("landed", {}).get("volume", {}).get("")
    judge(figures, limits, size["blocks"], known["blocks"], least)
    each = raw.num_rows / size["blocks"]
    before = known["rows"] / known["blocks"]
    blocks = [batch["blocks"] for batch in batches]
    short = _outside(size["blocks"], blocks, spec.smallest.volume)
    figures["alarm"] = figures["alarm"] or short
    figures["said"] = (
        f"{counted(raw.num_rows, 'row')} in {counted(size['blocks'], spec.block)}, "
        f"{each:,.0f} a {spec.block}, in the reference {before:,.0f} a {spec.block}"
    )
    if short:
        figures["said"] += f", and {_range(blocks)} {spec.block}s in each of its batches"
    return figures


def completeness(
    spec: ReportSpec, reference: Known | None, raw: pa.Table
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return missing values of each column with any, most surprising first, and gaps in time.

    A column is {"column", "missing" (rows), "share", "effect", "threshold", "alarm", "said"};
    gaps are {"empty", "blocks", "alarm", "said"}.
    """
    size = arrays.span(arrays.block_numbers(raw, spec.time, spec.block))
    known = None if reference is None else reference["landed"]
    tests = []
    present = set(raw.column_names)
    names = [name for name in spec.columns if name in present]
    for name in names if raw.num_rows else ():
        missing = int(np.asarray(raw.column(name).is_null(nan_is_null=True).to_numpy()).sum())
        share = missing / raw.num_rows
        test: dict[str, Any] = {"column": name, "missing": missing, "share": share, "effect": 0.0}
        test["said"] = f"{percent(share)} of {name} are missing"
        limits = None
        if reference is not None and known is not None and name in known["missing"]:
            then = known["missing"][name] / max(known["rows"], 1)
            test["effect"] = max(float(effects.cohens_h(share, then)), 0.0)
            test["said"] += f", in the reference {percent(then)}"
            limits = reference["thresholds"].get("landed", {}).get("missing", {}).get(name)
        sized = size["blocks"] if spec.block != "row" else _row_blocks(raw, known)
        judge(test, limits, sized, known["blocks"] if known else 1, spec.smallest.missing)
        tests.append(test)
    tests = [test for test in tests if test["missing"]]
    tests.sort(key=lambda t: (-t["effect"] / (t["threshold"] or 1.0), -t["share"], t["column"]))
    return tests, _gaps(spec, known, size)


def _gaps(spec: ReportSpec, known: Known | None, size: Mapping[str, int]) -> dict[str, Any]:
    if spec.block == "row":
        return {"empty": 0, "blocks": 0, "alarm": False, "said": ""}
    before = [batch["empty"] for batch in known["batches"].values()] if known else []
    empty = size["empty"]
    whole = counted(size["blocks"] + empty, spec.block)
    said = f"rows in every {spec.block} from the first to the last" if size["blocks"] else ""
    if empty:
        said = f"{empty:,} of {whole} between the first and the last row are empty"
        said += f", in the reference's batches at most {max(before)}" if before else ""
    return {
        "empty": empty,
        "blocks": size["blocks"],
        "alarm": bool(before) and empty > max(before),
        "said": said,
    }


def _row_blocks(raw: pa.Table, known: Known | None) -> float:
    return raw.num_rows * known["blocks"] / max(known["rows"], 1) if known else 1.0


def _compared(ratio: float, expected: int) -> dict[str, Any]:
    return {
        "expected": expected,
        "ratio": float(f"{ratio:.4g}"),
        "effect": float(f"{abs(math.log(ratio)):.4g}"),
    }


def _without(why: str) -> dict[str, Any]:
    empty = {"expected": None, "ratio": None, "effect": 0.0, "threshold": None}
    return {**empty, "alarm": False, "said": why}


def _outside(now: int, before: list[int], least: float) -> bool:
    return not min(before) / (1 + least) <= now <= max(before) * (1 + least)


def _range(values: list[int]) -> str:
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
