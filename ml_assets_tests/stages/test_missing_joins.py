"""In how many rows a joined dataset gives no feature."""

from __future__ import annotations

import pyarrow as pa
import pytest

from ml_assets.spec.predictions import PredictionsSpec
from ml_assets.stages.check import missing_joins
from ml_assets_tests.handles import given

JOINS = {"weather": ("temp", "rain"), "planes": ("seats",), "unused": ()}


@pytest.mark.parametrize(
    ("rain", "share", "passed"),
    [([None, 1.0, None, 2.0], 0.5, True), ([None, 1.0, None, None], 0.75, False)],
)
def test_a_join_missing_in_most_rows_is_a_warning(
    rain: list[float | None], share: float, passed: bool
) -> None:
    rows = {"temp": pa.nulls(4, pa.float64()), "rain": rain, "seats": [1, 2, 3, None]}
    spec = PredictionsSpec(model="delay", batch="2020-05", joins=JOINS)
    (found,) = missing_joins.check(spec, inputs=given(pa.table(rows))).checks
    assert (found.passed, found.severity) == (passed, "warn")
    assert found.metadata["share"] == {"weather": share, "planes": 0.25}
    assert found.description == (
        f"weather is missing in {share:.0%} of the rows; planes is missing in 25% of the rows"
    )


def test_no_rows_and_no_derived_features() -> None:
    empty = pa.table({"temp": pa.nulls(0), "rain": pa.nulls(0), "seats": pa.nulls(0)})
    spec = PredictionsSpec(model="delay", batch="2020-05", joins=JOINS)
    assert missing_joins.check(spec, inputs=given(empty)).checks[0].passed
    alone = PredictionsSpec(model="delay", batch="2020-05")
    assert missing_joins.check(alone, inputs=given(empty)).checks[0].passed
