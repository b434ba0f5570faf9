"""The comparison with the previous candidate: which rows, which figures, and why there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ml_assets.spec.model import ChangeSpec
from ml_assets.stages.evaluate.section import View
from ml_assets.stages.evaluate.sections import change as section
from ml_assets.stages.paired.change import change
from ml_assets.stages.train import folds
from ml_assets_tests.handles import given
from ml_assets_tests.stages.gate_world import (
    CANDIDATE,
    CHAMPION,
    FEATURES,
    LATER,
    ME,
    NEW,
    OLD,
    decision,
    model,
    predict,
)
from ml_assets_tests.stages.test_sections import study


def spec(**changes: Any) -> ChangeSpec:
    return ChangeSpec.model_validate(
        {
            "task": "regression",
            "metric": "mae",
            "target": "price",
            "key": ("listing",),
            "slices": ("city",),
            "intervals": {},
            "seed": 1,
            "previous": "d1:before",
        }
        | changes
    )


def changed(told: ChangeSpec | None = None, **changes: Any) -> dict[str, Any]:
    """Return the comparison of the candidate of both deliveries with that of the first."""
    features = changes.get("features", LATER)
    rows = [part["x"] for _, part in folds.read(NEW["test"].table(), features, ["x"])]
    said = predict(
        CANDIDATE.json()["state"],
        pa.table({"x": pa.chunked_array(c for r in rows for c in r.chunks)}),
    )
    inputs = {
        "family": ME,
        "model": CANDIDATE,
        **NEW,
        "features": LATER,
        "predictions": given(pa.table({"prediction": said})),
        "other_family": ME,
        "other": CHAMPION,
        "other_train": OLD["train"],
        "other_validation": OLD["validation"],
        "other_features": FEATURES,
    }
    found: Any = change(told or spec(), **(inputs | changes)).outputs["change"]
    return found


def test_only_rows_that_neither_has_seen_count() -> None:
    # The gate leaves out the same rows, and finds the same figures on the rest.
    found, wanted = changed(), decision()
    rows = {name: wanted["rows"][name] for name in ("test", "left")}
    assert found["rows"] == rows | {"seen_by_previous": wanted["rows"]["seen_by_champion"]}
    assert 0 < rows["left"] < rows["test"]
    figures = found["figures"]["mae"]
    unseen = wanted["figures"]["unseen"]
    assert (figures["now"], figures["before"]) == (unseen["candidate"], unseen["champion"])
    assert figures["difference"] == figures["now"] - figures["before"] < 0
    assert figures["interval"][0] < figures["difference"] < figures["interval"][1]
    assert sum(e["rows"] for e in found["slices"]) == rows["left"]


def test_a_planted_difference_is_found_and_none_is_made_up() -> None:
    # Both know the same rows and the previous one errs by 300 besides: nothing else differs.
    same = {"other_train": NEW["train"], "other_validation": NEW["validation"]}
    off = changed(other=model(LATER, NEW, off=300.0), other_features=LATER, **same)
    assert off["rows"]["seen_by_previous"] == 0
    assert off["figures"]["mae"]["before"] == pytest.approx(300.0, abs=5.0)
    assert [section.marked("mae", entry) for entry in off["slices"]] == ["better", "better"]
    assert section.verdict(off) == "this candidate is better, by more than chance"
    alike = changed(other=model(LATER, NEW), other_features=LATER, **same)
    assert alike["same"]
    assert alike["figures"]["rmse"]["interval"] == [0.0, 0.0]
    assert [(e["p"], section.marked("mae", e)) for e in alike["slices"]] == [(1.0, "")] * 2
    assert section.verdict(alike) == "both predict the same for every row"


@pytest.mark.parametrize(
    ("told", "inputs", "why"),
    [
        ({}, {"other": None}, "this is the first candidate"),
        ({}, {"other": given({"lost": "forgotten"})}, "cannot predict: forgotten"),
        ({}, {"other_family": None}, "cannot predict: the code of its family nearest is gone"),
        ({"key": ()}, {}, "rows have neither key nor inputs"),
        (
            {"said": {"target": "rent", "key": ["listing"]}},
            {},
            "the two models predict different things: the target was 'rent', is 'price'",
        ),
        (
            {},
            {"other_train": NEW["test"], "other_validation": NEW["test"], "other_features": LATER},
            "rows that neither model was trained or chosen on: 0 of 298 in test, wanted at least 2",
        ),
    ],
)
def test_why_nothing_is_compared(told: dict[str, Any], inputs: dict[str, Any], why: str) -> None:
    found = changed(spec(**told), **inputs)
    assert why in found["why"]
    shown = section.show(View(study([0.0], [0.0]).spec, {}, {}, {}, {}, found, {}))
    assert shown.text == f"Not computed: {found['why']}."
    assert not shown.tables


def test_a_row_without_a_target_is_left_out() -> None:
    table = LATER["2024-02"].table()
    at = int(NEW["test"].table()["start"][0].as_py())
    target = np.where(np.arange(len(table)) == at, np.nan, table["_target"].to_numpy())
    place = table.column_names.index("_target")
    holed = given(table.set_column(place, "_target", [target]), LATER["2024-02"].digest)
    seen = {"other_train": NEW["train"], "other_validation": NEW["validation"]}
    told = {"other": model(LATER, NEW, off=1.0), "other_features": LATER, **seen}
    whole = changed(features=LATER, **told)
    found = changed(features={**LATER, "2024-02": holed}, **told)
    assert found["rows"] == whole["rows"] | {"left": whole["rows"]["left"] - 1}


def test_the_section_says_it_in_words_and_lists_the_worst_first() -> None:
    found = changed()
    shown = section.show(View(study([0.0], [0.0]).spec, {}, {}, {}, {}, found, {}))
    assert shown.text.startswith(
        f"Both candidates predicted the {found['rows']['left']} of {found['rows']['test']} test "
    )
    assert [table.title for table in shown.tables] == ["", "Mean absolute error by city"]
    order = [line.cells[0].text for line in shown.tables[1].lines]  # type: ignore[union-attr]
    by = {e["value"]: e["difference"] for e in found["slices"]}
    assert order == sorted(by, key=lambda name: -by[name])
    assert "d1:before" in shown.notes[1]
