"""Three-valued logic, whatever pandas type holds a column."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import StageError
from ml_assets.stages.expressions import truth

T, F, U = True, False, None
FRAME = pd.DataFrame(
    {
        "whole": [1, 2, 3],
        "gaps": pd.array([1, None, 3], dtype="Int64"),
        "real": [1.5, np.nan, 3.0],
        "text": pd.array(["x", None, "y"], dtype="string[pyarrow]"),
        "team": pd.Series(["x", None, "y"], dtype="category"),
        "at": pd.to_datetime(["2013-01-01", None, "2013-02-01"], utc=True),
        "late": pd.to_datetime(["2013-01-01", "2013-01-02", "2013-01-03"], utc=True),
        "day": np.array(["2013-01-01", "2013-01-02", "2013-01-05"], dtype="M8[s]"),
        "odd (name)": [1, 2, 3],
        "class": [True, True, False],
        "flag": pd.array([True, None, False], dtype="boolean"),
    }
)


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("whole > 1", [F, T, T]),
        ("gaps > 2", [F, U, T]),
        ("gaps != 3", [T, U, F]),
        ("real != 3", [T, U, F]),
        ("real < 2", [T, U, F]),
        ("2 > real", [T, U, F]),
        ("text == 'x'", [T, U, F]),
        ("text != 'x'", [F, U, T]),
        ("text in ['x', 'z']", [T, U, F]),
        ("text not in ['x', 'z']", [F, U, T]),
        ("team == 'x'", [T, U, F]),
        ("team == text", [T, U, T]),
        ("at <= late", [T, U, F]),
        ("at > '2013-01-05T00:00Z'", [F, U, T]),
        ("at - late < '1h'", [T, U, F]),
        ("late + gaps * '1 day' > '2013-01-03'", [F, U, T]),
        ("late + '-36h' * real == '2012-12-29T18:00'", [T, U, F]),
        ("day + whole * '3650000 days' > day", [T, U, U]),
        ("flag", [T, U, F]),
        ("~flag", [F, U, T]),
        ("not flag", [F, U, T]),
        ("gaps > 2 & text == 'y'", [F, U, T]),
        ("gaps > 2 & whole == 1", [F, F, F]),
        ("real < 2 | whole == 2", [T, T, F]),
        ("real.isna() | real < 2", [T, T, F]),
        ("real.notna() & real < 2", [T, F, F]),
        ("0 < gaps < 3", [T, U, F]),
        ("gaps + real > 4", [F, U, T]),
        ("gaps // 2 * 60 + gaps % 2 == 61", [F, U, T]),
        ("whole + 9223372036854775805 > 0", [T, T, T]),
        ("0 - whole - 9223372036854775807 < 0", [T, T, T]),
        ("(whole + 1) ** 70 > 0", [T, T, T]),
        ("gaps * 9223372036854775807 >= 0", [T, U, T]),
        ("whole + 9007199254740992 == 9007199254740993", [T, F, F]),
        ("text.str.startswith('y')", [F, U, T]),
        ("text.str.startswith('y', na=False)", [F, F, T]),
        ("text.str.contains('X|z', case=False)", [T, U, F]),
        ("text.str.contains('.', regex=False)", [F, U, F]),
        ("text.str.match('x|y') & text.str.fullmatch('x|y')", [T, U, T]),
        ("(text + team).str.upper().str.slice(0, 1) == 'X'", [T, U, F]),
        ("real.isin([1.5, 2])", [T, U, F]),
        ("gaps.between(1, whole, inclusive='left')", [F, U, F]),
        ("gaps.between(1, whole)", [T, U, T]),
        ("flag == 1", [T, U, F]),
        ("flag + whole > 2", [F, U, T]),
        ("gaps / 2 == 0.5", [T, U, F]),
        ("whole ** -1 < 0.4", [F, F, T]),
        ("-whole + 2 * 3 == 5 - 1", [F, T, F]),
        ("at == '2013-01-01'", [T, U, F]),
        ("at < '2013-01-01T00:00-01:00'", [T, U, F]),
        ("day < at", [F, U, T]),
        ("day == '2013-01-02'", [F, T, F]),
        ("day in ['2013-01-01', '2013-01-05']", [T, F, T]),
        ("at - '2013-01-01' > '30 days'", [F, U, T]),
        ("(late - at).abs().dt.total_seconds() / 86400 == 29", [F, U, T]),
        ("at.dt.month == 2 & at.dt.is_month_start", [F, U, T]),
        ("`odd (name)` > 1", [F, T, T]),
        ("`class` & flag", [T, U, F]),
        ("class", [T, T, F]),
    ],
)
def test_truth(expression: str, wanted: list[bool | None]) -> None:
    found = truth(expression, FRAME, "rule r")
    assert found.dtype == "boolean"
    assert [None if value is pd.NA else bool(value) for value in found] == wanted


def test_no_rows() -> None:
    assert truth("gaps > 2", FRAME.iloc[:0], "rule r").tolist() == []


@pytest.mark.parametrize("expression", ["text > 3", "real.sum() > 2", "at > 3"])
def test_an_expression_that_cannot_be_evaluated_is_a_fault_that_names_it(expression: str) -> None:
    with pytest.raises(StageError, match=r"rule r: .* cannot be evaluated"):
        truth(expression, FRAME, "rule r")


@pytest.mark.parametrize("expression", ["gaps + 1", "gaps", "1 == 1"])
def test_an_expression_without_truth_values_is_a_fault(expression: str) -> None:
    with pytest.raises(StageError, match="is not true or false for each row"):
        truth(expression, FRAME, "rule r")
