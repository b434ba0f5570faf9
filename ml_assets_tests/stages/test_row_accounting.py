"""The recount finds what a wrong `clean` would do."""

from __future__ import annotations

from typing import Any

import pytest

from ml_assets.stages.check.row_accounting import check
from ml_assets.stages.result import Check
from ml_assets.stages.schema import LINE
from ml_assets_tests.handles import given
from ml_assets_tests.stages.batches import clean_spec, cleaned

SPEC = clean_spec(
    {"a": {"type": "integer", "range": [0, 9]}},
    filters=[{"id": "five", "expression": "a == 5", "reason": "-"}],
    quarantine_budget=1.0,
)


def recount(**changed: Any) -> Check:
    """Check a batch of one good, one filtered and two bad records, something changed in it."""
    outputs = dict(cleaned(b"a\n1\n5\n20\nx\n", SPEC).outputs)
    outputs["summary"] = {**outputs["summary"], **changed.pop("summary", {})}
    outputs |= {name: change(outputs[name]) for name, change in changed.items()}
    return check(SPEC, **{name: given(value) for name, value in outputs.items()}).checks[0]


def test_a_right_account() -> None:
    found = recount()
    assert found.passed
    assert found.description == "landed 4, cleaned 1 + filtered 1 + quarantined 2"
    assert found.metadata == {"landed": 4, "cleaned": 1, "filtered": 1, "quarantined": 2}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"summary": {"landed": 5}}, "the sum differs from the number of landed records"),
        ({"summary": {"filtered": {}}}, "the sum differs from the number of landed records"),
        ({"summary": {"cleaned": 2}}, "the summary says 2 cleaned"),
        ({"summary": {"quarantined": {"a.range": 2}}}, "the summary counts other rules"),
        ({"cleaned": lambda table: table.slice(0, 0)}, "the sum differs"),
        (
            {"cleaned": lambda table: table.set_column(0, LINE, [[4]])},
            "a record is both in cleaned and quarantine",
        ),
    ],
)
def test_a_wrong_account(changed: dict[str, Any], said: str) -> None:
    found = recount(**changed)
    assert found.passed is False
    assert said in found.description
