"""Protected groups: rates by hand, their largest difference, and the rule of the gate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ml_assets.spec.protected import ProtectedGate, ProtectedSpec
from ml_assets.stages.evaluate import bootstrap
from ml_assets.stages.evaluate.protected import Judged, by_group, measured
from ml_assets.stages.evaluate.protected_page import show
from ml_assets.stages.gate.rules import protected

SPEC = ProtectedSpec(
    task="binary",
    metric="accuracy",
    columns=("store",),
    level=0.95,
    resamples=200,
    block="row",
    seed=1,
)
GROUPS = ["a"] * 200 + ["b"] * 100 + ["few"] * 5


def judged(labelled: bool = True) -> Judged:
    """Return rows: a selects half, of which half are true; b selects a tenth, all true."""
    said = np.concatenate([np.tile([1.0, 1.0, 0.0, 0.0], 50), [1.0] * 10, [0.0] * 90, [1.0] * 5])
    true = np.concatenate([np.tile([1.0, 0.0, 1.0, 0.0], 50), [1.0] * 20, [0.0] * 80, [0.0] * 5])
    draws = bootstrap.draw(np.full(len(said), "NaT", "datetime64[us]"), "row", 200, 1)
    return Judged(true, said, np.full(len(said), labelled), draws, 0.5)


def found(spec: ProtectedSpec = SPEC, *, labelled: bool = True, hidden: bool = False) -> Any:
    return by_group(spec, judged(labelled), pa.chunked_array([GROUPS]), hidden=hidden)


def test_rates_of_each_group_by_hand() -> None:
    document = found()
    values = {
        entry["group"]: [entry["rows"], *(one["value"] for one in entry["values"].values())]
        for entry in document["groups"]
    }
    assert values["a"] == [200, 0.5, 0.5, 0.5, 0.5]
    assert values["b"] == pytest.approx([100, 0.9, 0.1, 0.5, 0.0])
    assert [entry["few"] for entry in document["groups"]] == [False, False, True]
    # The few are all selected, and do not count.
    apart = {name: round(one["value"], 9) for name, one in document["apart"].items()}
    assert apart == {
        "metric": 0.4,
        "selected": 0.4,
        "true_positive": 0.0,
        "false_positive": 0.5,
    }
    assert document["apart"]["selected"]["low"] < 0.4 < document["apart"]["selected"]["high"]


def test_without_labels_only_the_selection_is_known() -> None:
    document = found(labelled=False)
    assert list(document["apart"]) == ["selected"]
    values = document["groups"][0]["values"]
    assert (values["selected"]["value"], values["true_positive"]["value"]) == (0.5, None)


def test_groups_of_a_sensitive_column_are_numbers_by_size() -> None:
    named = [(entry["group"], entry["rows"]) for entry in found(hidden=True)["groups"]]
    assert sorted(named) == [("group 1", 200), ("group 2", 100), ("group 3", 5)]


def test_the_page_shows_each_group_and_how_far_they_are_apart() -> None:
    document = measured(SPEC, judged(), {"store": pa.chunked_array([GROUPS])})
    (table,) = show(document).tables
    assert len(table.lines) == 4
    assert table.lines[-1].cells[0] == "largest difference"
    assert str(table.lines[-1].cells[3]).startswith("0.4000 (")


@pytest.mark.parametrize(
    ("figure", "most", "passed"),
    [("selected", 0.39, False), ("selected", 0.41, True), ("true_positive", 0.0, True)],
)
def test_the_gate_refuses_groups_that_are_too_far_apart(
    figure: Any, most: float, passed: bool
) -> None:
    document = measured(SPEC, judged(), {"store": pa.chunked_array([GROUPS])})
    line = protected(ProtectedGate(figure=figure, max_difference=most), document)
    assert (line["passed"], line["effect"]) == (passed, "refuse")


def test_groups_that_cannot_be_compared_leave_it_to_a_person() -> None:
    document = measured(SPEC, judged(), {"store": pa.chunked_array([["a"] * 305])})
    line = protected(ProtectedGate(max_difference=0.1), document)
    assert (line["passed"], line["effect"]) == (False, "wait")
    assert line["text"] == "fewer than two groups of store have enough rows to be compared"
