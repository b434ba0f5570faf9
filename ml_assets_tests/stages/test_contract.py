"""The rules of a contract, and the check that says how a batch kept it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import StageError
from ml_assets.spec.dataset import Contract
from ml_assets.stages.check.contract import check
from ml_assets.stages.contract import broken, repeated, rules
from ml_assets.stages.result import Check
from ml_assets_tests.handles import given
from ml_assets_tests.stages.batches import clean_spec, cleaned

FRAME = pd.DataFrame(
    {
        "number": pd.array([1, None, 30], dtype="Int64"),
        "share": [0.5, np.nan, 2.0],
        "name": pd.array(["Ann", None, "bob"], dtype="string[pyarrow]"),
        "team": pd.Series(["red", None, "green"], dtype="category"),
        "at": pd.to_datetime(["2013-01-01", None, "2013-01-03"], utc=True),
    }
)
TYPES = {"number": "integer", "share": "number", "name": "text", "team": "category"}


def failing(column: str | None = None, **parts: Any) -> dict[str, list[int]]:
    """Return the rows of FRAME that break each rule."""
    columns = {name: {"type": kind} for name, kind in (TYPES | {"at": "timestamp"}).items()}
    if column is not None:
        columns[column] |= parts
        parts = {}
    contract = Contract.model_validate({"columns": columns, **parts})
    found = broken(contract, FRAME)
    return {name: np.flatnonzero(mask).tolist() for name, mask in found.items()}


@pytest.mark.parametrize(
    ("column", "part", "wanted"),
    [
        ("number", {"nullable": False}, {"number.not_null": [1]}),
        ("share", {"nullable": False}, {"share.not_null": [1]}),
        ("name", {"nullable": False}, {"name.not_null": [1]}),
        ("team", {"nullable": False}, {"team.not_null": [1]}),
        ("at", {"nullable": False}, {"at.not_null": [1]}),
        ("number", {"range": [1, 29]}, {"number.range": [2]}),
        ("number", {"range": [2, None]}, {"number.range": [0]}),
        ("share", {"range": [None, 1.5]}, {"share.range": [2]}),
        ("share", {"range": [0.5, 2.0]}, {}),
        ("number", {"allowed": [1, 2]}, {"number.allowed": [2]}),
        ("name", {"allowed": ["Ann"]}, {"name.allowed": [2]}),
        ("team", {"allowed": ["red", "blue"]}, {"team.allowed": [2]}),
        ("name", {"pattern": "[A-Z]|[A-Z].*"}, {"name.pattern": [2]}),
        ("name", {"pattern": "A"}, {"name.pattern": [0, 2]}),
        ("team", {"pattern": "(?!green).*"}, {"team.pattern": [2]}),
    ],
)
def test_rules_of_a_column(column: str, part: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert failing(column, **part) == wanted


def test_a_rule_between_columns_passes_where_a_value_is_missing() -> None:
    rule = {"id": "less", "expression": "number < share", "reason": "-"}
    assert failing(rules=[rule]) == {"less": [0, 2]}


def test_all_rules_are_told_at_once_in_order() -> None:
    contract = Contract.model_validate(
        {
            "columns": {
                "name": {"type": "text", "pattern": "x", "nullable": False},
                "number": {"type": "integer", "range": [5, 6], "allowed": [5]},
            },
            "rules": [{"id": "never", "expression": "number == 0", "reason": "-"}],
        }
    )
    assert [rule.id for rule in rules(contract)] == [
        "name.not_null",
        "name.pattern",
        "number.range",
        "number.allowed",
        "never",
    ]
    assert list(broken(contract, FRAME)) == [rule.id for rule in rules(contract)]


def test_no_rules_and_no_rows_break_nothing() -> None:
    assert failing() == {}
    contract = Contract.model_validate(
        {"columns": {"number": {"type": "integer", "range": [5, 6]}}}
    )
    assert broken(contract, FRAME.iloc[:0]) == {}


def test_a_rule_that_crashes_is_a_fault_and_no_verdict() -> None:
    contract = Contract.model_validate({"columns": {"name": {"type": "integer", "range": [1, 2]}}})
    with pytest.raises(StageError, match=r"rule name\.range could not be checked"):
        broken(contract, FRAME)


def test_pandera_cannot_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    from pandera.config import CONFIG

    monkeypatch.setattr(CONFIG, "validation_enabled", False)
    assert failing("number", range=[1, 29]) == {"number.range": [2]}


def test_repeated_keys_name_the_first_good_row() -> None:
    frame = pd.DataFrame({"a": [1, 1, 1, 2], "b": pd.Series(["x", "x", "x", None])})
    good = np.array([False, True, True, True])
    assert repeated(("a",), frame, good) == {2: 1}
    assert repeated((), frame, good) == {}
    assert repeated(("a", "b"), frame, good) == {2: 1}


def verdict(content: bytes, **parts: Any) -> Check:
    """Return the check of a batch with one column `a`, from 0 to 9."""
    columns = {"a": {"type": "integer", "range": [0, 9], **parts.pop("column", {})}}
    spec = clean_spec(columns, **parts)
    summary = cleaned(content, spec).outputs["summary"]
    return check(spec, summary=given(summary)).checks[0]


def test_a_batch_that_keeps_the_contract() -> None:
    found = verdict(b"a\n1\n2\n")
    assert (found.name, found.passed) == ("contract", True)
    assert found.description == "all 2 records satisfy the contract or were filtered"
    assert found.metadata["landed"] == 2


def test_a_batch_within_its_budget() -> None:
    found = verdict(b"a\n1\n20\n", quarantine_budget=0.5)
    assert found.passed
    assert found.description == (
        "1 of 2 records quarantined (a.range 1), wanted at most 50.0%; "
        "see `ml-assets quarantine people`"
    )


def test_a_refused_batch_is_red() -> None:
    found = verdict(b"a\n1\n20\n", quarantine_budget=0.1)
    assert (found.passed, found.severity) == (False, "error")
    assert found.description.startswith(
        "refused, all 2 records quarantined: 1 of 2 records (50.0%) break the contract"
    )


def test_a_rule_that_warns_is_a_warning() -> None:
    found = verdict(b"a\n1\n20\n", column={"action": "warn"})
    assert (found.passed, found.severity) == (False, "warn")
    assert "kept with a warning: a.range 1" in found.description


def test_warnings_of_ingest_are_said() -> None:
    assert "it may be truncated" in verdict(b"a\n1").description


def test_a_withdrawn_batch_has_no_verdict() -> None:
    from ml_assets.stages.withdraw import withdrawn

    spec = clean_spec()
    summary = withdrawn(spec).outputs["summary"]
    assert check(spec, summary=given(summary)).checks[0].passed is None
