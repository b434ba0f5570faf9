"""The quality report of a batch: all figures as one document, and the page that shows them.

Belongs here: assembling the figures, and what is left out and why. Does not belong here: single
measures, markup.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ml_assets.stages import cleaning
from ml_assets.stages.quality import arrays
from ml_assets.stages.quality.drift import drift
from ml_assets.stages.quality.encode import FEW
from ml_assets.stages.quality.headline import headline
from ml_assets.stages.quality.landed import completeness, volume
from ml_assets.stages.quality.page import page
from ml_assets.stages.quality.profile import summary as profile
from ml_assets.stages.quality.selection import Removed, selection
from ml_assets.stages.quality.unlabelled import apart, awaited
from ml_assets.stages.result import Result
from ml_assets.stages.schema import LINE

if TYPE_CHECKING:
    from ml_assets.spec.quality import ReportSpec
    from ml_assets.stages.result import Handle

Known = Mapping[str, Any]


def report(
    spec: ReportSpec,
    *,
    reference: Handle | None,
    raw: Handle,
    cleaned: Handle,
    quarantine: Handle,
    summary: Handle,
    newest: Handle,
) -> Result:
    """Return `figures` (JSON) and `report` (HTML) of a batch; bad data never raises.

    `summary` accounts for the landing that raw, cleaned and quarantine come from, `newest` for
    the newest one (another, if that is refused). What cannot be computed is in "not_computed"
    with the reason. Sensitive columns have no values in either output.
    """
    known = None if reference is None else reference.json()
    account, last = summary.json(), newest.json()
    landed, kept = raw.table(), cleaned.table()
    state = _state(account, last)
    late, waits = awaited(spec, kept)
    lacking: list[dict[str, str]] = []
    tests: list[dict[str, Any]] = []
    if known is None:
        lacking += [{"what": what, "why": spec.reference} for what in ("drift", "volume")]
    elif kept.num_rows < FEW:
        why = f"{kept.num_rows:,} cleaned rows, wanted at least {FEW}"
        lacking.append({"what": "drift", "why": "; ".join([state["said"], why])})
    else:
        tests, lacking = drift(spec, known, kept.drop_columns(late), _size(spec, known, kept))
    if known is not None and known["uncalibrated"]:
        lacking.append({"what": "thresholds", "why": known["uncalibrated"]})
    missing, gaps = completeness(spec, known, landed.drop_columns(late))
    parts = removed(spec, landed, kept, quarantine.table([LINE]), account) + apart(spec, kept)
    slices, columns, left_out = selection(spec, parts)
    figures: dict[str, Any] = {
        "rows": {name: account[name] for name in ("landed", "parsed", "cleaned")},
        "filtered": account["filtered"],
        "quarantined": account["quarantined"],
        "state": state,
        "reference": _reference(spec, known),
        "volume": None if known is None else volume(spec, known, landed),
        "missing": missing,
        "gaps": gaps,
        "drift": tests,
        "slices": slices,
        "removed": columns,
        "columns": _profiles(spec, known, kept),
        "not_computed": [*lacking, *waits, *left_out, *_unparsed(account)],
        "inputs": {
            name: handle.digest
            for name, handle in (
                ("raw", raw),
                ("cleaned", cleaned),
                ("quarantine", quarantine),
                ("reference", reference),
            )
            if handle is not None
        },
    }
    if "proposed" in last:
        figures["proposed"] = last["proposed"]
    figures |= {name: account[name] for name in ("unlabelled", "dummy") if name in account}
    return Result({"figures": figures, "report": page(spec, figures)}, headline(figures))


def removed(
    spec: ReportSpec, raw: pa.Table, cleaned: pa.Table, quarantine: pa.Table, account: Known
) -> list[Removed]:
    """Return the rows that filters and quarantine removed, cleaned like the kept ones."""
    if account["refused"] is not None or not raw.num_rows:
        return []
    lines = raw.column(LINE).to_numpy()
    set_aside = np.isin(lines, quarantine.column(LINE).to_numpy())
    stayed = np.isin(lines, cleaned.column(LINE).to_numpy())
    masks = {"filters": ~stayed & ~set_aside, "quarantine": set_aside}
    return [
        Removed(by, cleaning.apply(spec.cleaning, raw.filter(pa.array(mask))), cleaned)
        for by, mask in masks.items()
    ]


def _size(spec: ReportSpec, known: Known, table: pa.Table) -> float:
    """Return the size of a batch in the reference's blocks."""
    if spec.block == "row":
        return float(table.num_rows * known["blocks"] / max(known["rows"], 1))
    return float(arrays.span(arrays.block_numbers(table, spec.time, spec.block))["blocks"])


def _state(account: Known, newest: Known) -> dict[str, Any]:
    """Return whether the batch can be used, in words."""
    if account.get("withdrawn"):
        return {"usable": False, "said": "the batch is withdrawn"}
    if account["refused"] is not None:
        return {"usable": False, "said": f"the batch is refused: {account['refused']}"}
    if newest["refused"] is not None:
        said = f"the newest file is refused: {newest['refused']}; this report is on the one before"
        return {"usable": True, "said": said}
    if not account["cleaned"]:
        return {"usable": True, "said": "the batch has no cleaned row"}
    return {"usable": True, "said": ""}


def _reference(spec: ReportSpec, known: Known | None) -> dict[str, Any]:
    document: dict[str, Any] = {"said": spec.reference, "in_reference": spec.in_reference}
    if known is not None:
        document |= {"batches": known["batches"], "rows": known["rows"], "blocks": known["blocks"]}
    return document


def _profiles(spec: ReportSpec, known: Known | None, table: pa.Table) -> list[dict[str, Any]]:
    """Return the statistics of each column of the cleaned rows, except sensitive ones."""
    profiles = []
    for name, column in spec.columns.items():
        before = None if known is None else known["columns"].get(name)
        edges = None if before is None else before.get("drawn") or None
        entry: dict[str, Any] = {"column": name, "type": column.type, "sensitive": column.sensitive}
        if not table.num_rows:
            profiles.append({**entry, "missing": 0})
            continue
        said = profile(table.column(name), column.type, edges)
        if column.sensitive:
            said = {key: said[key] for key in ("missing", "distinct")}
        elif before is not None:
            entry["before"] = {
                key: before["summary"][key]
                for key in ("quantiles", "heights")
                if key in before["summary"]
            }
        profiles.append({**entry, **said})
    return profiles


def _unparsed(account: Known) -> list[dict[str, str]]:
    records = account["landed"] - account["parsed"]
    if not records or account["refused"] is not None:
        return []
    why = f"{records:,} of {account['landed']:,} records do not parse; their values are unknown"
    return [{"what": "selection bias of unparsed records", "why": why}]
