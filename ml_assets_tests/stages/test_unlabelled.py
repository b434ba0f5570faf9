"""The quality report of a batch whose labels are still to come, or mostly there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ml_assets_tests.stages.quality_batches import Reported, report_of, rows

LABELS: dict[str, Any] = {"columns": ["size"], "targets": [["size"]]}


def reported(raw: pa.Table, labels: dict[str, Any] | None = LABELS, **parts: Any) -> Reported:
    """Report a batch in which `size` arrives with the labels."""
    before = {str(seed): rows(30, 20, seed) for seed in (1, 2, 3)}
    columns = [] if labels is None else labels["columns"]
    return report_of(
        raw, before, clean_parts={"labels": labels}, labels=columns, slices=("kind",), **parts
    )


def without_size(raw: pa.Table, missing: np.ndarray[Any, Any]) -> pa.Table:
    """Return rows of which some have no size."""
    place = raw.column_names.index("size")
    sizes = pa.array(raw["size"].to_numpy(), mask=missing)
    return raw.set_column(place, raw.schema.field("size"), sizes)


def test_a_batch_without_labels_is_as_expected() -> None:
    raw = rows(30, 20, 4)
    bare = without_size(raw, np.ones(600, dtype=bool))
    found = reported(bare)
    assert {name: check.passed for name, check in found.checks.items()} == {
        "volume": True,
        "completeness": True,
        "drift": True,
        "selection_bias": True,
    }
    assert found.figures["unlabelled"] == {"size missing": 600}
    why = found.why("missing values and drift of size, and who lacks a label")
    assert why == "600 of 600 rows have no label yet"
    assert "of them without a label" in found.page
    # Were the labels due, the same batch would not be as expected.
    at_once = reported(bare, labels=None)
    assert at_once.checks["completeness"].passed is False


def test_once_most_labels_are_there_who_lacks_one_is_judged() -> None:
    raw = rows(30, 20, 4)
    kinds = np.array(raw["kind"].to_pylist())
    found = reported(without_size(raw, kinds == "c"))
    assert found.checks["selection_bias"].passed is False
    worst = found.figures["slices"][0]
    assert (worst["by"], worst["value"], worst["share"]) == ("missing labels", "'c'", 1.0)
    assert not any(entry["column"] == "size" for entry in found.figures["removed"])
    by_chance = reported(without_size(raw, np.arange(600) % 10 == 3))
    assert by_chance.checks["selection_bias"].passed is True
    assert "60 rows removed, similar to the kept ones" in (
        by_chance.checks["selection_bias"].description
    )
