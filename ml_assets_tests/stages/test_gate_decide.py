"""The gate's decision: contamination, every rule, every outcome."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ml_assets.errors import StageError
from ml_assets_tests.handles import Given, given
from ml_assets_tests.stages.gate_world import (
    CANDIDATE,
    CHAMPION,
    FEATURES,
    LATER,
    ME,
    METRICS,
    NEW,
    OLD,
    PARITY,
    decided,
    decision,
    line,
    listings,
    model,
    spec,
)
from ml_assets_tests.stages.test_row_independence import from_rows
from ml_assets_tests.stages.test_row_independence import verdict as verdict_of

NO_CHAMPION = {
    "champion": None,
    "champion_family": None,
    "champion_train": None,
    "champion_validation": None,
    "champion_features": None,
}


def verdict(**gate: Any) -> str:
    return str(decision(spec(gate=gate))["verdict"])


def like(handle: Given, digest: str, **state: Any) -> Given:
    """Return a model document with another state, or other columns."""
    document = dict(handle.json())
    columns = state.pop("columns", document["columns"])
    fields = {name: state.pop(name) for name in ("format", "task") if name in state}
    found = {**document, **fields, "columns": columns, "state": {**document["state"], **state}}
    return given(found, digest)


def test_on_overlapping_deliveries_only_unseen_rows_decide() -> None:
    """The champion has seen 112 of the 298 test rows, and is perfect on those."""
    found = decision()
    assert found["rows"] == {
        "test": 298,
        "seen_by_candidate": 0,
        "seen_by_champion": 112,
        "left": 186,
    }
    figures = found["figures"]
    for part, rows, candidate, champion in (
        ("all", 298, 2.348, 1.586),
        ("seen", 112, 3.081, 0.0),
        ("unseen", 186, 1.906, 2.541),
    ):
        assert figures[part]["rows"] == rows
        assert figures[part]["candidate"] == pytest.approx(candidate, abs=5e-4)
        assert figures[part]["champion"] == pytest.approx(champion, abs=5e-4)
    assert found["verdict"] == "promote"
    assert found["comparison"] == "compared"
    assert found["sentence"].startswith(
        "Promoted: mae 1.906 EUR against the champion's 2.541 EUR on 186 unseen rows"
    )


def test_the_naive_comparison_of_the_same_two_models_refuses_the_better_one() -> None:
    nothing = given(OLD["train"].table().slice(0, 0))
    found = decision(champion_train=nothing, champion_validation=nothing)
    assert found["rows"]["left"] == 298
    assert found["verdict"] == "refuse"
    assert line(found, "not_worse")["got"] == pytest.approx(1.160, abs=5e-3)
    assert "mae 2.348 EUR against the champion's 1.586 EUR on 298" in found["sentence"]


def test_a_worse_candidate_is_refused_with_its_figures() -> None:
    worse = model(LATER, NEW, off=5.0)
    found = decision(model=worse)
    assert found["verdict"] == "refuse"
    assert line(found, "not_worse")["passed"] is False
    assert "allowed 0.05083 EUR worse" in found["sentence"]


def test_what_a_candidate_may_be_worse_is_the_margin() -> None:
    """Worse by 0.049 where 0.051 is allowed, but it may well be by 0.52."""
    slightly = model(LATER, NEW, off=1.0)
    figures = decision(model=slightly)["figures"]["unseen"]
    assert 0 < figures["worse"] < figures["margin"] < figures["limit"] < 0.6
    for margin, wanted in (("2%", "refuse"), (1.0, "promote"), ("40%", "promote")):
        told = spec(gate={"not_worse": {"margin": margin}})
        assert decision(told, model=slightly)["verdict"] == wanted, margin


def test_the_same_inputs_give_the_same_bytes() -> None:
    first, second = decided(), decided()
    assert first.outputs == second.outputs
    assert set(first.outputs) == {"decision", "report"}


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ({"min_rows": 187}, "186 remain unseen, too few for a comparison (wanted 187)"),
        ({"not_worse": {"min_blocks": 29}}, "but blocks of one day: 28, wanted at least 29"),
        ({"not_worse": {"block": "batch"}}, "but blocks of one batch: 1, wanted at least 5"),
    ],
)
def test_too_few_unseen_rows_refuse(gate: dict[str, Any], said: str) -> None:
    found = decision(spec(gate=gate))
    assert found["verdict"] == "refuse"
    assert found["comparison"] == "too_few"
    assert said in line(found, "unseen_rows")["text"]
    assert line(found, "not_worse")["passed"] is None
    assert line(found, "slices")["passed"] is None


def test_a_model_that_was_trained_on_its_test_rows_has_none_left() -> None:
    found = decision(train=NEW["test"])
    assert found["rows"]["seen_by_candidate"] == 298
    assert found["verdict"] == "refuse"


def test_the_first_model_needs_no_comparison() -> None:
    found = decision(**NO_CHAMPION)
    assert (found["verdict"], found["comparison"]) == ("promote", "first")
    assert "the first model" in found["sentence"]
    assert found["champion"] is None
    for name in ("comparable", "unseen_rows", "not_worse", "slices"):
        assert line(found, name)["passed"] is None
    metrics = {**METRICS, "test": {"mae": 26.0}}
    assert decision(metrics=given(metrics), **NO_CHAMPION)["verdict"] == "refuse"


def test_the_champion_itself_passes_again() -> None:
    found = decision(champion=CANDIDATE)
    assert (found["verdict"], found["comparison"]) == ("promote", "same")
    assert found["sentence"].startswith("Promoted: the same model as the champion; better: ")


def test_in_manual_mode_what_passes_waits_and_what_fails_is_refused() -> None:
    found = decision(spec(gate={"mode": "manual"}))
    assert found["verdict"] == "challenger"
    assert found["sentence"].startswith("Passed; waits as challenger because the mode is manual")
    assert verdict(mode="manual", min_rows=1000) == "refuse"


def test_rows_known_by_their_inputs_are_compared() -> None:
    found = decision(spec(key=(), inputs=("x", "y")))
    assert found["comparison"] == "compared"
    assert found["rules"][0]["text"] == "rows are identified by the values of 2 columns"


def test_without_key_and_inputs_there_is_no_gate_and_that_is_said() -> None:
    for inputs in ({}, NO_CHAMPION):
        found = decision(spec(key=()), **inputs)
        assert found["verdict"] == "challenger"
        assert "rows have neither a key nor inputs" in found["sentence"]
        assert "the gate cannot compare, and a person decides" in found["sentence"]


@pytest.mark.parametrize(
    ("champion", "said"),
    [
        (like(CHAMPION, "d1:x", task="binary"), "the task was binary, is regression"),
        (
            like(CHAMPION, "d1:x", columns={"x": "integer", "beds": "number"}),
            "feature beds is gone; feature x was integer, is number",
        ),
    ],
)
def test_another_task_or_schema_waits_for_a_person(champion: Given, said: str) -> None:
    found = decision(champion=champion)
    assert (found["verdict"], found["comparison"]) == ("challenger", "not_comparable")
    assert said in found["sentence"]
    assert found["rows"] is None


def test_another_target_or_key_in_the_spec_waits_for_a_person() -> None:
    was = {"target": "price > 100", "key": ["listing"]}
    assert "the target was 'price > 100', is 'price'" in decision(spec(champion=was))["sentence"]
    was = {"target": "price", "key": ["listing", "city"]}
    found = decision(spec(champion=was))
    assert found["verdict"] == "challenger"
    assert "the key was listing, city, is listing" in found["sentence"]
    known = {"target": "price", "key": [], "inputs": ["x", "gone"]}
    found = decision(spec(key=(), inputs=("x", "y"), champion=known))
    assert "rows were known by x, gone, are by x, y" in found["sentence"]
    before = {"target": "price", "key": []}
    found = decision(spec(key=(), inputs=("x",), champion=before))
    assert "rows were known by none, are by x" in found["sentence"]
    fewer = {"target": "price", "key": [], "inputs": ["x"]}
    assert decision(spec(key=(), inputs=("x", "y"), champion=fewer))["verdict"] == "promote"
    same = {"target": "price", "key": ["listing"]}
    assert decision(spec(champion=same))["verdict"] == "promote"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"x": lambda table: pa.array(table["x"].to_numpy() / 100)},
            "feature x differs in 499 of 499",
        ),
        (
            {"_target": lambda table: pa.array(table["_target"].to_numpy() * 2)},
            "the target differs in 500 of 500 rows known to both",
        ),
        (
            {"_key": lambda table: pa.array([f"{key}|a" for key in table["_key"].to_pylist()])},
            "keys are built differently: of 500 rows 0 were found again",
        ),
    ],
)
def test_a_redefined_column_is_found_in_the_rows_that_both_know(
    changed: dict[str, Any], said: str
) -> None:
    """The names and types are as they were; what the columns hold is not."""
    then = FEATURES["2024-01"].table()
    for name, make in changed.items():
        then = then.set_column(then.column_names.index(name), name, make(then))
    found = decision(**trained_on(given(then, "d1:then")))
    assert (found["verdict"], found["comparison"]) == ("challenger", "not_comparable")
    assert said in found["sentence"]


def test_a_corrected_delivery_is_no_redefinition() -> None:
    then = FEATURES["2024-01"].table()
    x = then["x"].to_numpy().copy()
    x[:100] += 1.0
    corrected = then.set_column(then.column_names.index("x"), "x", pa.array(x))
    assert decision(**trained_on(given(corrected, "d1:then")))["comparison"] == "compared"


def test_a_redefined_column_that_is_mostly_zero_is_found() -> None:
    """Nine of ten rows are 0 in inches as in millimetres; the tenth tells."""
    rain = np.where(np.arange(500) % 10 == 0, 1.0, 0.0)
    then = listings("then", 0, 500, rain=pa.array(rain))
    now = listings("now", 0, 500, rain=pa.array(rain * 25.4))
    later = listings("second", 0, 1000, rain=pa.array(np.tile(rain, 2) * 25.4))
    columns = {"x": "number", "rain": "number"}
    features = {"2024-01": now, "2024-02": later}
    found = decision(
        **trained_on(then, champion=like(CHAMPION, "d1:c", columns=columns)),
        model=like(CANDIDATE, "d1:m", columns=columns),
        features=features,
        **referring(NEW, features),
    )
    assert "feature rain differs in 50 of 50 rows known to both" in found["sentence"]


def trained_on(then: Given, **inputs: Any) -> dict[str, Any]:
    """Return the champion's inputs, as if its features had been these."""
    features = {"2024-01": then}
    folds = referring(OLD, features)
    return {
        "champion_features": features,
        "champion_train": folds["train"],
        "champion_validation": folds["validation"],
        **inputs,
    }


def referring(folds: dict[str, Given], features: dict[str, Given]) -> dict[str, Given]:
    """Return folds with the digests of other features."""
    found = {}
    for name, handle in folds.items():
        table = handle.table()
        digests = [features[batch].digest for batch in table["batch"].to_pylist()]
        place = table.column_names.index("features")
        found[name] = given(table.set_column(place, "features", pa.array(digests)))
    return found


def _raises(_state: Any, _batch: Any) -> Any:
    raise KeyError("x")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"champion_family": None}, "the code of its family nearest is gone"),
        ({"champion": like(CHAMPION, "d1:x", format=0)}, "its document has format 0, wanted 1"),
        (
            {"champion_family": SimpleNamespace(predict=_raises)},
            "it no longer predicts: KeyError: 'x'",
        ),
        ({"champion": like(CHAMPION, "d1:x", off=float("nan"))}, "298 of its predictions are not"),
    ],
)
def test_a_champion_that_cannot_be_used_waits_for_a_person(
    changes: dict[str, Any], said: str
) -> None:
    found = decision(**changes)
    assert (found["verdict"], found["comparison"]) == ("challenger", "champion_fails")
    assert f"the champion cannot be used: {said}" in found["sentence"]


def test_folds_of_other_features_are_a_fault() -> None:
    other = {"2024-01": listings("other", 0, 500)}
    with pytest.raises(StageError, match="other features of 2024-01 than those passed"):
        decision(champion_features=other)
    with pytest.raises(StageError, match="other features of 2024-02"):
        decision(features=FEATURES)


@pytest.mark.parametrize(
    ("metrics", "asked", "passed"),
    [
        ((5.0, 25.0, -21.0, -19.0), "clear", True),
        ((24.0, 25.0, -3.0, 1.0), "clear", False),
        ((24.0, 25.0, -3.0, 1.0), "better", True),
        ((25.0, 25.0, 0.0, 0.0), "better", False),
        ((26.0, 25.0, 0.5, 1.5), "off", None),
        ((None, None, None, None), "clear", False),
    ],
)
def test_beats_baseline(metrics: Any, asked: str, passed: bool | None) -> None:
    value, base, low, high = metrics
    document = {
        "test": {"mae": value},
        "baseline": {"mae": base},
        "difference": {"mae": {"value": None, "low": low, "high": high}},
    }
    found = decision(spec(gate={"beats_baseline": asked}), metrics=given(document))
    assert line(found, "beats_baseline")["passed"] is passed
    assert found["verdict"] == ("refuse" if passed is False else "promote")


def test_a_slice_that_is_shown_to_be_worse_refuses() -> None:
    """East listings are predicted 20 too high by the candidate, and all else is fine."""

    def skewed(state: Any, batch: pa.Table) -> Any:
        high = np.isin(batch["x"].to_numpy(), EAST)
        return ME.predict(state, batch) + 20.0 * high

    gate = {"not_worse": {"margin": 50.0}, "slices": {"min_rows": 50}}
    found = decision(spec(gate=gate), family=SimpleNamespace(predict=skewed))
    assert found["verdict"] == "refuse"
    assert line(found, "slices")["got"] == ["city=east"]
    assert "2 slice values compared; shown to be worse" in line(found, "slices")["text"]
    east, west = found["slices"]
    assert (east["value"], east["judged"], east["worse_shown"]) == ("east", True, True)
    assert (west["value"], west["worse_shown"]) == ("west", False)
    assert decision(spec(gate={**gate, "slices": None}))["verdict"] == "promote"


TABLE = LATER["2024-02"].table()
EAST = TABLE["x"].to_numpy()[np.array(TABLE["_slice_city"].to_pylist()) == "east"]


def test_parity_size_and_latency() -> None:
    check = {"name": "alone", "passed": False, "text": "99 of 100 predictions differ one by one"}
    found = decision(parity=given({**PARITY, "checks": [check]}))
    assert found["verdict"] == "refuse"
    assert found["sentence"] == "Refused: 99 of 100 predictions differ one by one."
    assert verdict(max_bytes=1000) == "promote"
    assert verdict(max_bytes=999) == "refuse"
    measured = {**PARITY, "latency": {"budget_ms": 5.0, "within": False}}
    assert decision(parity=given(measured))["verdict"] == "promote"
    found = decision(spec(gate={"max_latency_ms": 5.0}), parity=given(measured))
    assert line(found, "latency")["text"] == "one row is over the budget of 5 ms"
    assert found["verdict"] == "refuse"


def red(name: str, severity: str) -> dict[str, Any]:
    return {
        "asset": "price/features",
        "batch": "2024-02",
        "name": name,
        "severity": severity,
        "text": "differs when rows are permuted or alone: age (99 rows)",
    }


@pytest.mark.parametrize(
    ("severity", "quality", "wanted"),
    [
        ("error", "error", "refuse"),
        ("warn", "error", "promote"),
        ("warn", "warn", "refuse"),
        ("error", "off", "promote"),
    ],
)
def test_red_checks_of_the_training_data(severity: str, quality: str, wanted: str) -> None:
    told = spec(gate={"quality": quality}, data={"red": [red("volume", severity)]})
    assert decision(told)["verdict"] == wanted


def test_features_that_depend_on_other_rows_fail_parity_whatever_quality_says() -> None:
    told = spec(gate={"quality": "off"}, data={"red": [red("row_independence", "error")]})
    found = decision(told)
    assert found["verdict"] == "refuse"
    assert "row_independence of price/features@2024-02: differs when" in found["sentence"]


def test_incomplete_and_dummy_data() -> None:
    data = {"refused": ["2024-03"]}
    found = decision(spec(data=data))
    assert found["verdict"] == "promote"
    assert "trained without 2024-03" in line(found, "complete")["text"]
    assert decision(spec(data=data, gate={"incomplete": "refuse"}))["verdict"] == "refuse"
    found = decision(spec(data={"dummy": True}))
    assert found["verdict"] == "refuse"
    assert "trained on dummy data" in found["sentence"]


def test_age_is_from_the_newest_row_trained_on_to_the_newest_there_is() -> None:
    times = pa.array([dt.datetime(2024, 2, 10)], pa.timestamp("us", "UTC"))
    newer = given(pa.table({"_time": times}), "d1:newer")
    features = {**LATER, "2024-03": newer}
    for limit, wanted in ((13, "promote"), (12, "refuse")):
        told = spec(gate={"max_age_days": limit})
        found = decision(told, features=features)
        assert line(found, "age")["got"] == 13.0
        assert found["verdict"] == wanted
    timeless = given(pa.table({"_time": pa.nulls(1, pa.timestamp("us", "UTC"))}), "d1:newer")
    found = decision(spec(gate={"max_age_days": 1}), features={**LATER, "2024-03": timeless})
    assert line(found, "age")["got"] == 0.0


def test_the_page_tells_the_decision_and_escapes() -> None:
    told = spec(target_unit="<b>", data={"refused": ["<i>"]})
    page: Any = decided(told).outputs["report"]
    text = page.decode()
    assert "Promoted" in text
    assert "1.906 &lt;b&gt;" in text
    assert "trained without &lt;i&gt;" in text
    assert "<i>" not in text


def test_a_date_feature_that_depends_on_its_batch_is_refused() -> None:
    """Time since the latest date of the batch: another for a row alone."""

    def since(flights: Any, _weather: Any) -> Any:
        return (flights["at"].max() - flights["at"]).dt.total_seconds()

    check = verdict_of(from_rows(since))
    assert check.passed is False
    seen = {"asset": "price/features", "name": check.name, "severity": check.severity}
    found = decision(spec(data={"red": [{**seen, "text": check.description}]}))
    assert found["verdict"] == "refuse"
    assert line(found, "parity")["passed"] is False
    assert (
        "row_independence of price/features: differs when rows are permuted or alone: x ("
        in (found["sentence"])
    )
