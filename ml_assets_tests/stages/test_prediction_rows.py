"""Rows in against rows out."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from ml_assets.spec.predictions import PredictionsSpec
from ml_assets.stages.check import prediction_rows
from ml_assets_tests.handles import given

SPEC = PredictionsSpec(model="forecast", batch="2020-05")


@pytest.mark.parametrize(
    ("lines", "values", "passed", "said"),
    [
        ([2, 3], [1.0, 2.0], True, "2 predictions"),
        ([3, 2], [1.0, 2.0], False, "wanted one for each of 2 cleaned rows, in order"),
        ([2], [1.0], False, "1 prediction; wanted one for each of 2 cleaned rows"),
        ([2, 3], [1.0, None], False, "1 are missing or not finite"),
        ([2, 3], [float("inf"), float("nan")], False, "2 are missing or not finite"),
        ([2, 3], ["low", None], False, "1 are missing or not finite"),
    ],
)
def test_each_row_has_one_prediction(
    lines: list[int], values: list[Any], passed: bool, said: str
) -> None:
    table = pa.table({"_line": lines, "prediction": values})
    found = prediction_rows.check(
        SPEC, predictions=given(table), cleaned=given(pa.table({"_line": [2, 3]}))
    ).checks[0]
    assert found.passed is passed
    assert said in found.description
