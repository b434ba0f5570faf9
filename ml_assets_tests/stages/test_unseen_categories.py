"""How many rows have a category that the model never saw."""

from __future__ import annotations

import pyarrow as pa
import pytest

from ml_assets.spec.predictions import PredictionsSpec
from ml_assets.stages.check import unseen_categories
from ml_assets_tests.handles import given


@pytest.mark.parametrize(
    ("unseen", "passed", "said"),
    [
        ([None] * 20, True, "0% of the rows"),
        ([None] * 19 + ["store"], True, "5% of the rows"),
        ([None] * 18 + ["store", "store, kind"], False, "10% of the rows"),
        ([], True, "0% of the rows"),
    ],
)
def test_more_than_one_in_twenty_is_a_warning(
    unseen: list[str | None], passed: bool, said: str
) -> None:
    table = pa.table({"unseen": pa.array(unseen, pa.string())})
    spec = PredictionsSpec(model="forecast", batch="2020-05")
    found = unseen_categories.check(spec, predictions=given(table)).checks[0]
    assert (found.passed, found.severity) == (passed, "warn")
    assert found.description.startswith(said)
    if not passed:
        assert found.metadata["features"] == {"kind": 1, "store": 2}
