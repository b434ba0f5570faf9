"""Selection bias: whom filters and quarantine remove, by slice and by column."""

from __future__ import annotations

import pytest

from ml_assets.stages.check.selection_bias import NAME
from ml_assets_tests.stages.quality_batches import Reported, report_of, rows

FILTERS = [{"id": "big", "expression": "size > 1.0", "reason": "Too big."}]
PARTS = {"slices": ("kind",), "read_by_filters": ("size",)}


def _slice(found: Reported, value: str) -> dict[str, object]:
    (entry,) = [e for e in found.figures["slices"] if e["value"] == value]
    return dict(entry)


def test_one_kind_is_removed_more_than_the_others() -> None:
    kinds = ["a"] * 600 + ["b"] * 1200
    sizes = [2.0] * 300 + [0.0] * 300 + [2.0] * 60 + [0.0] * 1140
    raw = rows(30, 60, seed=9, kind=kinds, size=sizes)
    found = report_of(raw, None, clean_parts={"filters": FILTERS}, **PARTS)
    worst = _slice(found, "'a'")
    assert (worst["rows"], worst["removed"], worst["share"], worst["others"]) == (
        *(600, 300, 0.5),
        0.05,
    )
    # 2 asin(sqrt(0.5)) - 2 asin(sqrt(0.05))
    assert worst["effect"] == pytest.approx(1.120, abs=0.001)
    assert worst["alarm"] is True
    assert worst["said"] == "of 600 rows with kind 'a' filters removed 50%, of all others 5%"
    check = found.checks[NAME]
    assert (check.passed, check.severity) == (False, "warn")
    assert worst["said"] in check.metadata["said"]
    assert found.why("selection bias of filters on size").startswith("a filter reads the column")


def test_rows_removed_at_random_do_not_stand_out() -> None:
    raw = rows(30, 60, seed=9)
    found = report_of(raw, None, clean_parts={"filters": FILTERS}, **PARTS)
    removed = sum(found.figures["filtered"].values())
    assert removed == sum(size > 1.0 for size in raw.column("size").to_pylist())
    assert found.checks[NAME].passed is True
    assert found.checks[NAME].description.startswith(f"{removed} rows removed, similar to the")


def test_quarantine_is_told_from_filters() -> None:
    columns = {
        "at": {"type": "timestamp"},
        "size": {"type": "number", "range": [None, 1.0]},
        "kind": {"type": "category"},
        "free": {"type": "boolean"},
    }
    sizes = [2.0] * 200 + [0.0] * 1600
    free = [True] * 200 + [False] * 1600
    raw = rows(30, 60, seed=9, size=sizes, free=free)
    found = report_of(raw, None, columns=columns)
    by = {(e["by"], e["column"]): e for e in found.figures["removed"]}
    assert by["quarantine", "size"]["effect"] == 1.0
    assert by["quarantine", "size"]["said"] == "the median is 2 in removed rows, 0 in kept ones"
    assert by["quarantine", "free"]["said"] == ("'true' is 100% of removed rows, 0% of kept ones")
    assert {name for name, _ in by} == {"quarantine"}


def test_a_slice_of_three_rows_is_shown_and_not_judged() -> None:
    kinds = ["rare"] * 3 + ["b"] * 1797
    sizes = [2.0] * 100 + [0.0] * 1700
    raw = rows(30, 60, seed=9, kind=kinds, size=sizes)
    found = report_of(raw, None, clean_parts={"filters": FILTERS}, **PARTS)
    rare = _slice(found, "'rare'")
    assert (rare["share"], rare["few"], rare["alarm"]) == (1.0, True, False)
    assert str(rare["said"]).endswith("too few rows to judge")
    assert "few rows" in found.page


def test_a_slice_of_numbers_is_cut_into_ranges() -> None:
    raw = rows(30, 60, seed=9)
    found = report_of(
        raw, None, clean_parts={"filters": FILTERS}, slices=("size",), read_by_filters=("size",)
    )
    values = [e["value"] for e in found.figures["slices"]]
    assert len(values) == 4
    assert sum(e["rows"] for e in found.figures["slices"]) == 1800
    assert values[0].startswith("above ")


def test_everything_is_removed_and_nothing() -> None:
    raw = rows(30, 60, seed=9, size=[2.0] * 1800)
    found = report_of(raw, None, clean_parts={"filters": FILTERS})
    assert found.why("selection bias of filters") == "no row was kept, 1,800 rows removed"
    assert found.checks[NAME].passed is None
    quiet = report_of(rows(3, 5, seed=1, size=[0.0] * 15), None).checks[NAME]
    assert (quiet.passed, quiet.description) == (True, "no row was removed")
