"""What changed between a report and that of the candidate before, on figures made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from ml_assets.plan.change import told


def report(mae: float, **slices: tuple[float, bool]) -> dict[str, Any]:
    entries = [
        {"slice": "store", "value": value, "metrics": {"mae": of}, "few": few}
        for value, (of, few) in slices.items()
    ]
    return {
        "metric": "mae",
        "test": {"mae": mae},
        "rows": 1200,
        "slices": entries,
        "test_references": "d1:x",
    }


def test_each_slice_beside_its_value_before() -> None:
    old = report(2.0, north=(1.0, False), west=(4.0, False))
    new = report(1.5, north=(1.25, False), south=(3.0, False), west=(9.0, True))
    assert told(old, new, "v0", "v1").splitlines() == [
        "The same test rows.",
        "",
        "| slice | value | mae in v0 | mae in v1 | change |",
        "| --- | --- | ---: | ---: | ---: |",
        "| all | 1,200 rows | 2 | 1.5 | -0.5 |",
        "| store | north | 1 | 1.25 | +0.25 |",
        "| store | south | - | 3 | - |",
    ]


@pytest.mark.parametrize(("references", "same"), [("d1:x", True), ("d1:y", False), (None, False)])
def test_other_test_rows_are_said(references: str | None, same: bool) -> None:
    new = {**report(1.0), "test_references": references}
    assert ("The same test rows." in told(report(2.0), new, "v0", "v1")) is same


def test_another_metric_is_not_compared() -> None:
    said = told({**report(2.0), "metric": "rmse"}, report(1.0), "v0", "v2")
    assert said == "Not compared: v0 was judged by rmse, v2 by mae."


def test_what_is_in_the_data_is_shown_as_it_is() -> None:
    nasty = report(1.0, **{"<script>a|b": (1.0, False)})
    assert "| store | &lt;script&gt;a&#124;b | 1 | 1 | +0 |" in told(nasty, nasty, "v0", "v1")
