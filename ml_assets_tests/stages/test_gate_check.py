"""The check `gate`: green where no rule is red, a warning otherwise."""

from __future__ import annotations

import pytest

from ml_assets.spec.gate import DecideSpec, GateSpec
from ml_assets.stages.check.gate import check
from ml_assets_tests.handles import given

SPEC = DecideSpec(
    model="m", task="regression", metric="mae", target="y", key=("id",), gate=GateSpec()
)


@pytest.mark.parametrize(
    ("verdict", "passed", "red"),
    [("promote", True, []), ("challenger", None, []), ("refuse", False, ["not_worse"])],
)
def test_red_rules_are_named(verdict: str, passed: bool | None, red: list[str]) -> None:
    document = {
        "verdict": verdict,
        "sentence": "Why.",
        "comparison": "compared",
        "rules": [{"rule": "keys", "passed": True}, {"rule": "not_worse", "passed": passed}],
    }
    [found] = check(SPEC, decision=given(document)).checks
    assert (found.name, found.passed, found.severity) == ("gate", not red, "warn")
    assert found.description == "Why."
    assert found.metadata == {"verdict": verdict, "comparison": "compared", "red": red}
