"""Small batches through clean and the quality report, for the tests of that report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ml_assets.spec.quality import ReferenceSpec, ReportSpec
from ml_assets.stages.clean import clean
from ml_assets.stages.quality.reference import reference
from ml_assets.stages.quality.report import report
from ml_assets.stages.result import Check
from ml_assets.stages.schema import QUARANTINE, category, table_schema
from ml_assets_tests.handles import given
from ml_assets_tests.stages.batches import clean_spec

COLUMNS: dict[str, Any] = {
    "at": {"type": "timestamp", "nullable": False},
    "size": {"type": "number"},
    "kind": {"type": "category"},
    "free": {"type": "boolean"},
}
DAY = 86_400_000_000
EVERY = ("volume", "completeness", "drift", "selection_bias")


@dataclass(frozen=True)
class Reported:
    """What the report of a batch says."""

    figures: dict[str, Any]
    page: str
    checks: Mapping[str, Check]

    def effect(self, column: str, kind: str) -> dict[str, Any]:
        """Return the drift test of a column."""
        (found,) = [t for t in self.figures["drift"] if (t["column"], t["kind"]) == (column, kind)]
        return dict(found)

    def why(self, what: str) -> str:
        """Return why something was not computed."""
        (found,) = [e["why"] for e in self.figures["not_computed"] if e["what"] == what]
        return str(found)


def rows(
    days: int,
    each: int,
    seed: int,
    shift: float = 0.0,
    wander: float = 0.0,
    **columns: Sequence[Any],
) -> pa.Table:
    """Return `each` rows a day: a normal size, a kind of three, and whether it is free.

    Each seed has days of its own. `wander` is the spread of a level that all rows of a day share.
    """
    random = np.random.default_rng(seed)
    n = days * each
    day = np.repeat(np.arange(days), each)
    size = random.normal(shift, 1.0, n) + random.normal(0.0, wander, days)[day]
    made: dict[str, Any] = {
        "at": (day + 15_000 + 50 * seed) * DAY,
        "size": np.round(size, 6).tolist(),
        "kind": random.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2]).tolist(),
        "free": (random.random(n) < 0.25).tolist(),
    }
    return table({**made, **columns})


def table(values: Mapping[str, Sequence[Any]], columns: dict[str, Any] | None = None) -> pa.Table:
    """Return raw rows with lines from 2 on."""
    schema = table_schema(clean_spec(columns or COLUMNS).contract.columns)
    count = len(next(iter(values.values())))
    arrays = [pa.array(np.arange(2, count + 2))]
    for field in list(schema)[1:]:
        found = values[field.name]
        if pa.types.is_dictionary(field.type):
            arrays.append(category(pa.array(found, pa.string())))
        else:
            arrays.append(pa.array(found, field.type))
    return pa.table(arrays, schema=schema)


def report_of(
    raw: pa.Table,
    before: Mapping[str, pa.Table] | None,
    columns: dict[str, Any] | None = None,
    block: str = "day",
    skipped: Mapping[str, str] | None = None,
    clean_parts: Mapping[str, Any] | None = None,
    account: Mapping[str, Any] | None = None,
    **parts: Any,
) -> Reported:
    """Clean a batch, report it against reference batches, and check it."""
    columns = columns or COLUMNS
    cleaning = clean_spec(columns, quarantine_budget=1.0, **(clean_parts or {}))
    shared: dict[str, Any] = {
        "dataset": "people",
        "columns": columns,
        "skipped": {"at": "a time", **(skipped or {})},
        "time": None if block == "row" else "at",
        "block": block,
        "false_alarm_rate": parts.pop("false_alarm_rate", 0.05),
    }
    known = None
    if before is not None:
        handles = {name: given(value) for name, value in before.items()}
        spec = ReferenceSpec.model_validate(shared)
        known = given(reference(spec, raw=handles, cleaned=handles).outputs["reference"])
    told = ReportSpec.model_validate(
        {
            **shared,
            "batch": "2020-01",
            "description": "People.",
            "cleaning": cleaning.cleaning,
            "filters": {item.id: item.reason for item in cleaning.filters},
            "read_by_filters": (),
            "slices": (),
            "smallest": {},
            "reference": "the reference is made up",
            "in_reference": False,
            **parts,
        }
    )
    summary = {
        "landed": raw.num_rows,
        "parsed": raw.num_rows,
        "refused": None,
        "warnings": [],
        **(account or {}),
    }
    made = clean(
        cleaning,
        raw=given(raw),
        rejects=given(QUARANTINE.empty_table()),
        summary=given(summary),
    ).outputs
    done = report(
        told,
        reference=known,
        raw=given(raw),
        cleaned=given(made["cleaned"]),
        quarantine=given(made["quarantine"]),
        summary=given(made["summary"]),
        newest=given(made["summary"]),
    )
    figures = done.outputs["figures"]
    return Reported(figures, done.outputs["report"].decode(), dict(_checks(told, figures)))


def _checks(spec: ReportSpec, figures: Any) -> Any:
    from ml_assets.stages.check import completeness, drift, selection_bias, volume

    for module in (volume, completeness, drift, selection_bias):
        (found,) = module.check(spec, figures=given(figures)).checks
        yield found.name, found
