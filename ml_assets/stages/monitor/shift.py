"""How a batch differs from the training rows, and from the batch before.

Belongs here: inputs one by one, together, and predictions. Does not belong here: labels
(`realized`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ml_assets.stages.counted import counted
from ml_assets.stages.monitor import joint
from ml_assets.stages.monitor.known import profile
from ml_assets.stages.quality import arrays
from ml_assets.stages.quality.drift import drift
from ml_assets.stages.quality.encode import FEW
from ml_assets.stages.result import Result

if TYPE_CHECKING:
    from ml_assets.spec.monitored import ShiftSpec
    from ml_assets.spec.quality import ReferenceSpec, ReportSpec
    from ml_assets.stages.result import Handle

Known = Mapping[str, Any]
TIME = "_time"
LEVEL = 0.95


def compared(
    spec: ShiftSpec,
    *,
    known: Handle | None,
    sample: Handle | None,
    inputs: Handle,
    times: Handle,
    predictions: Handle,
    before: Handle | None,
) -> Result:
    """Return `shift` (JSON); what cannot be computed is in "not_computed" with the reason.

    {"rows", "gaps": empty blocks between the first and the last, "tests": as of the quality report,
    "predictions": likewise, "joint": see `joint` or None, "before": {"batch", "tests"} or None,
    "missing": {input: share}, "unseen": {input: rows}, "not_computed"}. `before` is the profile of
    the preceding batch.
    """
    table, lacking = _with_times(inputs.table(), times.table([TIME])), []
    said = predictions.table()
    document = None if known is None else known.json()
    shift: dict[str, Any] = {
        "rows": len(table),
        "gaps": _gaps(spec.inputs, table),
        "tests": [],
        "predictions": [],
        "joint": None,
        "before": None,
        "missing": _missing(spec.inputs, table),
        "unseen": {},
    }
    if len(table) < FEW:
        why = f"the batch has {counted(len(table), 'row')}, wanted at least {FEW}"
        lacking.append({"what": "drift", "why": why})
    elif document is not None and sample is not None:
        shift |= _against(spec, document, sample.table(), table, said, lacking)
    if before is not None and len(table) >= FEW:
        tests, _ = _tests(spec.inputs, before.json()["profile"], table)
        shift["before"] = {"batch": spec.before, "tests": tests}
    shift["not_computed"] = lacking
    return Result({"shift": shift}, {"rows": len(table)})


def period(spec: ReferenceSpec, *, rows: Handle) -> Result:
    """Return `period` (JSON): {"profile"} of a batch with which the next one is compared."""
    return Result({"period": {"profile": profile(spec, rows.table(list(spec.columns)))}})


def _against(
    spec: ShiftSpec,
    known: Known,
    sample: pa.Table,
    table: pa.Table,
    said: pa.Table,
    lacking: list[dict[str, str]],
) -> dict[str, Any]:
    """Return what differs from the training rows."""
    profile_ = known["inputs"]
    document: dict[str, Any] = {}
    document["tests"], left_out = _tests(spec.inputs, profile_, table)
    lacking += left_out
    document["unseen"] = {
        test["column"]: round(test["effect"] * len(table))
        for test in document["tests"]
        if test["kind"] == "unseen"
    }
    if profile_["uncalibrated"]:
        lacking.append({"what": "limits of drift", "why": profile_["uncalibrated"]})
    if known["predictions"] is None:
        why = "the evaluation of the model is not in the store"
        lacking.append({"what": "drift of the prediction", "why": why})
    else:
        columns = said.select(["prediction"]).append_column(TIME, table[TIME])
        document["predictions"], left_out = _tests(spec.predictions, known["predictions"], columns)
        lacking += left_out
        if known["predictions"]["uncalibrated"]:
            why = known["predictions"]["uncalibrated"]
            lacking.append({"what": "limits of the prediction's drift", "why": why})
    if "why" in known["joint"]:
        lacking.append({"what": "joint drift", "why": known["joint"]["why"]})
        return document
    blocks = arrays.block_numbers(table, spec.inputs.time, spec.inputs.block)
    codes = joint.coded_rows(table, profile_)
    apart = joint.told_apart(codes, blocks, sample, known["joint"], LEVEL, spec.seed)
    if "why" in apart:
        lacking.append({"what": "limit of joint drift", "why": apart["why"]})
    return {**document, "joint": apart}


def _tests(
    spec: ReportSpec, known: Known, table: pa.Table
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Return the tests of a table's columns, and what is not computed."""
    tests, lacking = drift(spec, known, table, _size(spec, known, table))
    return tests, [entry for entry in lacking if entry["what"] != f"drift of {TIME}"]


def _size(spec: ReportSpec, known: Known, table: pa.Table) -> float:
    """Return the size of a batch in the blocks of what it is compared with."""
    if spec.block == "row":
        return float(len(table) * known["blocks"] / max(known["rows"], 1))
    return float(arrays.span(arrays.block_numbers(table, spec.time, spec.block))["blocks"])


def _gaps(spec: ReportSpec, table: pa.Table) -> int:
    if spec.block == "row":
        return 0
    return arrays.span(arrays.block_numbers(table, spec.time, spec.block))["empty"]


def _missing(spec: ReportSpec, table: pa.Table) -> dict[str, float]:
    rows, present = max(len(table), 1), set(table.column_names)
    return {
        name: int(table[name].is_null(nan_is_null=True).to_numpy().sum()) / rows
        for name in spec.columns
        if name != TIME and name in present
    }


def _with_times(inputs: pa.Table, times: pa.Table) -> pa.Table:
    return inputs.append_column(TIME, times[TIME])
