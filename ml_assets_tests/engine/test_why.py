"""Why an action runs: one sentence for each kind of ingredient."""

from __future__ import annotations

from typing import Any

import pytest

from ml_assets.engine.why import reasons
from ml_assets.store.digest import bytes_digest
from ml_assets.store.records import ActionRecord

ONE, TWO = bytes_digest(b"1"), bytes_digest(b"2")
THEN: dict[str, Any] = {
    "stage": "m:clean",
    "hooks": {},
    "code": {"m.clean": "1", "m.old": "1"},
    "params": {"budget": 0.05, "landing": {"encoding": "utf-8"}, "text": "x" * 60, "set": ["a"]},
    "order": "1",
    "environment": {"python": "3.11", "pandas": "2.3.3"},
    "inputs": {
        "raw": ONE,
        "joins": [["weather", ONE], ["planes", ONE]],
        "previous": [["weather", [ONE]]],
        "none": None,
    },
}


def _why(**changes: Any) -> list[str]:
    before = ActionRecord(key="k", recipe="r", name="n", ingredients=THEN)
    return reasons({**THEN, **changes}, before)


def _short(digest: str) -> str:
    return digest[3:9] + "…"


def test_never_made() -> None:
    assert reasons(THEN, None) == ["never materialized"]


def test_nothing_changed_but_the_result_is_gone() -> None:
    assert _why() == ["its stored result is missing or damaged"]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ({"m.clean": "2", "m.old": "1"}, ["code: m.clean changed"]),
        ({"m.clean": "1"}, ["code: m.old is no longer used"]),
        ({"m.clean": "1", "m.old": "1", "m.new": "1"}, ["code: m.new is new"]),
        ({"m.clean": "2"}, ["code: m.clean changed", "code: m.old is no longer used"]),
    ],
)
def test_code(code: dict[str, str], said: list[str]) -> None:
    assert _why(code=code) == said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"budget": 0.1}, "spec: budget 0.05→0.1"),
        ({"landing": {"encoding": "latin-1"}}, "spec: landing.encoding utf-8→latin-1"),
        ({"landing": {"encoding": "utf-8", "x": 1}}, "spec: landing.x unset→1"),
        ({"text": [{"a": 1}] * 20}, f"spec: text {'x' * 39}…→[20 items]"),
        ({"text": "y"}, f"spec: text {'x' * 39}…→y"),
        ({"set": ["a", "b"]}, "spec: set [a]→[a, b]"),
    ],
)
def test_spec(change: dict[str, Any], said: str) -> None:
    assert _why(params={**THEN["params"], **change}) == [said]


def test_order_of_a_spec() -> None:
    assert _why(order="2") == ["spec: the order of its keys changed"]
    params = {**THEN["params"], "budget": 1}
    assert _why(order="2", params=params) == ["spec: budget 0.05→1"]


def test_environment() -> None:
    found = _why(environment={"python": "3.12", "pandas": "2.3.3", "numpy": "2.0"})
    assert found == ["environment: numpy absent→2.0", "environment: python 3.11→3.12"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"raw": TWO}, [f"input raw {_short(ONE)}→{_short(TWO)}"]),
        ({"raw": "?"}, [f"input raw {_short(ONE)}→?"]),
        ({"none": ONE}, [f"input none None→{_short(ONE)}"]),
        (
            {"joins": [["weather", TWO], ["planes", ONE]]},
            [f"input joins [weather] {_short(ONE)}→{_short(TWO)}"],
        ),
        ({"joins": [["weather", ONE]]}, ["input joins [planes] is gone"]),
        (
            {"joins": [["weather", ONE], ["planes", ONE], ["airports", TWO]]},
            ["input joins [airports] is new"],
        ),
        (
            {"previous": [["weather", [ONE, TWO]]]},
            [f"input previous [weather] [{_short(ONE)}]→[{_short(ONE)}, {_short(TWO)}]"],
        ),
        ({"joins": [["planes", ONE], ["weather", ONE]]}, ["input joins: order changed"]),
    ],
)
def test_inputs(change: dict[str, Any], said: list[str]) -> None:
    assert _why(inputs={**THEN["inputs"], **change}) == said


def test_another_function() -> None:
    assert _why(hooks={"hook": "toy:b"}) == ["function: a different function is named"]
    assert _why(stage="m:other", code={"n": "1"}) == ["stage: clean→other"]
