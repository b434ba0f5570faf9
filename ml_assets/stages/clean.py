"""Clean: raw records to rows that satisfy the contract, filtered rows and quarantine.

Belongs here: the order of steps and the row accounting
`landed = cleaned + filtered + quarantined`. Does not belong here: single steps (`cleaning`),
rules (`contract`), expressions, what waits for labels (`labels`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from ml_assets.stages import cleaning
from ml_assets.stages.budget import wanted, within
from ml_assets.stages.contract import KEY, broken, reason, repeated, rules
from ml_assets.stages.expressions import truth
from ml_assets.stages.frames import to_frame
from ml_assets.stages.labels import at_once, counts, reasons
from ml_assets.stages.result import Result
from ml_assets.stages.schema import LINE, UNLABELLED, Bad, bad_table, cleaned_schema, compact
from ml_assets.stages.shown import row_texts

if TYPE_CHECKING:
    from ml_assets.spec.columns import Column
    from ml_assets.spec.dataset import CleanSpec, Contract, Filter
    from ml_assets.stages.result import Handle

Mask = npt.NDArray[np.bool_]
REFUSED = "batch.refused"
"""The rule of rows that are valid themselves, in a batch that is refused as a whole."""


@dataclass(frozen=True)
class Verdicts:
    """The contract's verdict on rows."""

    bad: Mapping[int, tuple[str, str | None, str]]
    """By row number: the first rule it breaks, that rule's column, all reasons."""
    warned: Mapping[str, int]


def clean(spec: CleanSpec, *, raw: Handle, rejects: Handle, summary: Handle) -> Result:
    """Return `cleaned`, `quarantine` and `summary` of a batch; bad data never raises.

    Cleaning steps, then filters, then rules. `summary` is JSON {"landed", "parsed",
    "cleaned", "filtered": {rule: rows}, "quarantined": {rule: rows}, "warned": {rule: rows},
    "refused": reason or None, "warnings": [text]}. If ingest refused the file, or more of the
    landed records would be quarantined than the budget allows, the batch is refused: `cleaned` is
    empty and every record is in `quarantine`, valid ones under `batch.refused`.
    Where labels arrive later, filters and rules that read them remove no row: `cleaned` has a
    column `_unlabelled` with the reason, and `summary` has "unlabelled": {reason: rows}.
    """
    figures, rejected = summary.json(), rejects.table()
    table = raw.table()
    if figures["refused"] is not None:
        return _result(spec, figures, table, rejected, figures["refused"])
    done = cleaning.apply(spec.cleaning, table)
    frame = to_frame(done)
    contract, filters, waiting = _in_time(spec)
    left_out = filtered(filters, frame)
    kept = np.flatnonzero(np.array([name is None for name in left_out], dtype=np.bool_))
    said = judge(contract, done.take(pa.array(kept)), frame.take(kept).reset_index(drop=True))
    bad = {int(kept[row]): verdict for row, verdict in said.bad.items()}
    quarantine = pa.concat_tables([rejected, bad_table(_rows(bad, table, spec.contract.columns))])
    if not within(spec, quarantine.num_rows, figures["landed"]):
        refused = over_budget(spec, quarantine, figures["landed"])
        rest = sorted(set(range(table.num_rows)) - set(bad))
        every = dict.fromkeys(rest, (REFUSED, None, refused))
        others = bad_table(_rows(every, table, spec.contract.columns))
        return _result(
            spec, figures, table.slice(0, 0), pa.concat_tables([quarantine, others]), refused
        )
    stays = np.setdiff1d(kept, np.array(list(bad), dtype=np.int64))
    good, warned = done.take(pa.array(stays)), dict(said.warned)
    if spec.labels is not None:
        rows = frame.take(stays).reset_index(drop=True)
        unlabelled, more = reasons(spec, rows, filtered(waiting, rows))
        good, warned = good.append_column(UNLABELLED, unlabelled), warned | more
    gone = {item.id: left_out.count(item.id) for item in filters}
    return _result(spec, figures, good, quarantine, None, gone, warned)


def _in_time(spec: CleanSpec) -> tuple[Contract, Sequence[Filter], Sequence[Filter]]:
    """Return the contract and the filters of a row without its label, and the other filters."""
    if spec.labels is None:
        return spec.contract, spec.filters, ()
    late = spec.labels.filters
    now = [item for item in spec.filters if item.id not in late]
    then = [item for item in spec.filters if item.id in late]
    return at_once(spec.contract, spec.labels), now, then


def filtered(filters: Sequence[Filter], frame: pd.DataFrame) -> list[str | None]:
    """Return for each row the first filter that excludes it, or None.

    A filter that is unknown because a compared value is missing excludes nothing.
    """
    taken = np.full(len(frame), None, dtype=object)
    for item in filters:
        holds = truth(item.expression, frame, f"filter {item.id}").fillna(False).to_numpy(bool)
        taken[holds & pd.isna(taken)] = item.id
    return list(taken)


def judge(contract: Contract, table: pa.Table, frame: pd.DataFrame) -> Verdicts:
    """Return which rows break the contract; of several rows with one key the first stays."""
    known = {rule.id: rule for rule in rules(contract)}
    masks = broken(contract, frame)
    warned = {name: int(mask.sum()) for name, mask in masks.items() if known[name].warn}
    bad: dict[int, list[str]] = {}
    for name, mask in masks.items():
        if not known[name].warn:
            for row in np.flatnonzero(mask):
                bad.setdefault(int(row), []).append(name)
    good = np.ones(len(frame), dtype=np.bool_)
    good[list(bad)] = False
    rows = sorted(bad)
    shown = sorted({known[name].column or LINE for names in bad.values() for name in names})
    taken = table.select(shown).take(pa.array(rows, pa.int64())).to_pylist()
    values = dict(zip(rows, taken, strict=True))
    said = {
        row: (
            names[0],
            known[names[0]].column,
            "; ".join(reason(known[name], values[row], contract.columns) for name in names),
        )
        for row, names in bad.items()
    }
    key, lines = ", ".join(contract.key), table.column(LINE).to_numpy()
    for again, first in repeated(contract.key, frame, good).items():
        line = lines[first]
        said[again] = (
            KEY,
            None,
            f"same {key} as line {line}, wanted one row per key; the first stays",
        )
    return Verdicts(said, warned)


def over_budget(spec: CleanSpec, quarantine: pa.Table, landed: int) -> str:
    """Return why a batch is refused, and what to do."""
    counts = _counts(quarantine)
    most = sorted(counts, key=lambda name: (-counts[name], name))
    listed = ", ".join(f"{name} {counts[name]:,}" for name in most[:5])
    more = f" and {len(most) - 5} more rules" if len(most) > 5 else ""
    return (
        f"{quarantine.num_rows:,} of {landed:,} records "
        f"({quarantine.num_rows / landed:.1%}) break the contract, wanted "
        f"{wanted(spec)}: {listed}{more}; correct the file and land it again, "
        "or change the contract or quarantine_budget"
    )


def _rows(
    bad: Mapping[int, tuple[str, str | None, str]], table: pa.Table, columns: Mapping[str, Column]
) -> list[Bad]:
    rows = sorted(bad)
    taken = table.take(pa.array(rows, pa.int64()))
    lines, texts = taken.column(LINE).to_pylist(), row_texts(taken, columns)
    return [Bad(line, *bad[row], text) for row, line, text in zip(rows, lines, texts, strict=True)]


def _counts(quarantine: pa.Table) -> dict[str, int]:
    tally = quarantine.column("rule").value_counts().to_pylist()
    return {
        item["values"]: item["counts"] for item in sorted(tally, key=lambda i: str(i["values"]))
    }


def _result(
    spec: CleanSpec,
    ingested: Mapping[str, Any],
    cleaned: pa.Table,
    quarantine: pa.Table,
    refused: str | None,
    left_out: Mapping[str, int] | None = None,
    warned: Mapping[str, int] | None = None,
) -> Result:
    wanted = cleaned_schema(spec.contract.columns, labels=spec.labels is not None)
    cleaned = compact(cleaned.cast(wanted) if cleaned.num_rows else wanted.empty_table())
    quarantine = quarantine.sort_by(LINE).combine_chunks()
    summary: dict[str, Any] = {
        "landed": ingested["landed"],
        "parsed": ingested["parsed"],
        "cleaned": cleaned.num_rows,
        "filtered": dict(left_out or {}),
        "quarantined": _counts(quarantine),
        "warned": dict(warned or {}),
        "refused": refused,
        "warnings": ingested["warnings"],
    }
    summary |= {name: ingested[name] for name in ("proposed", "dummy") if name in ingested}
    if spec.labels is not None:
        summary["unlabelled"] = counts(cleaned.column(UNLABELLED))
    metadata = {"rows": cleaned.num_rows, "quarantined": quarantine.num_rows}
    return Result({"cleaned": cleaned, "quarantine": quarantine, "summary": summary}, metadata)
