"""The gate's section of a model: defaults, margins, what does not fit."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from ml_assets.spec.gate import GateSpec
from ml_assets.spec.model import ModelSpec

MODEL: dict[str, Any] = {
    "description": "Units.",
    "dataset": "sales",
    "task": "regression",
    "target": "units",
    "features": {"function": "features.py:build", "columns": {"x": {"type": "number"}}},
    "training": {"metric": "mae", "families": {"median": {"family": "median"}}},
    "evaluation": {"slices": ["store", "city"]},
}


def model(**gate: Any) -> ModelSpec:
    return ModelSpec.model_validate({**MODEL, "gate": gate})


def test_a_model_without_the_section_has_a_gate() -> None:
    gate = ModelSpec.model_validate(MODEL).gate
    assert gate == GateSpec()
    assert (gate.mode, gate.not_worse.margin, gate.not_worse.block) == ("automatic", "2%", "day")
    assert (gate.max_bytes, gate.max_latency_ms, gate.max_age_days) == (None, None, None)


@pytest.mark.parametrize("margin", ["2%", "0.5%", 0, 1.5])
def test_margins(margin: Any) -> None:
    assert model(not_worse={"margin": margin}).gate.not_worse.margin == margin


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        (
            {"not_worse": {"margin": "2 percent"}},
            "wanted a percentage of the metric ('2%') or a number",
        ),
        ({"not_worse": {"margin": -0.1}}, "got -0.1, wanted 0 or more"),
        ({"not_worse": {"confidence": 0.3}}, "greater than 0.5"),
        ({"slices": {"names": ["stroe"]}}, "'stroe' is not in evaluation.slices; did you mean"),
        ({"not_worse": {"block": "group"}}, "group needs a hash split with a group"),
        ({"modus": "manual"}, "Extra inputs are not permitted"),
        ({"mode": "manuel"}, "Input should be 'automatic', 'manual' or 'trial'"),
    ],
)
def test_what_does_not_fit(gate: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as error:
        model(**gate)
    assert said in str(error.value)


def test_blocks_by_group_fit_a_split_by_group() -> None:
    split = {"kind": "hash", "group": ["store"]}
    gate = {"not_worse": {"block": "group"}, "slices": {"names": ["store"]}}
    found = ModelSpec.model_validate({**MODEL, "split": split, "gate": gate})
    assert found.gate.not_worse.block == "group"
