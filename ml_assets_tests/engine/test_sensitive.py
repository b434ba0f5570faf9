"""One sensitive column: what is made of it is hidden everywhere, all else is shown and judged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_assets.adapters.mlflow.candidate import current_candidate
from ml_assets.engine.address import find
from ml_assets.engine.recipes.release import release_action
from ml_assets.engine.sensitive import (
    agreed,
    hidden_columns,
    looked,
    masked,
    seen,
    sensitive_inputs,
    undeclared,
)
from ml_assets.graph.preview import preview
from ml_assets.history.decisions import candidate_named
from ml_assets.history.origin import origin
from ml_assets.operations.diff.versions import reading
from ml_assets_tests.projects import (
    FEATURES,
    FORECAST,
    SALES,
    Toy,
    copied,
    toy_project,
)

PROMO = "promo: {type: boolean, known_at: opening"
SEEN = {"store": "sales.store", "promo": "sales.promo", "price": "prices.price"}


def test_without_sensitive_columns_nothing_is_looked_at(toy: Toy) -> None:
    project = toy.planner().project
    assert looked(project, "forecast") == {}
    assert sensitive_inputs(project, "forecast", {}) == ()
    assert undeclared(project, "forecast", {}) == ()
    assert hidden_columns(project, "forecast", {}) == frozenset()


def test_a_feature_is_its_column_only_where_that_was_seen(toy: Toy) -> None:
    toy.edit(SALES, PROMO, f"{PROMO}, sensitive: true")
    project = toy.planner().project
    assert looked(project, "forecast") == {
        "promo": ("sales.promo",),
        "store": ("sales.store", "prices.store"),
        "price": ("prices.price",),
    }
    assert sensitive_inputs(project, "forecast", SEEN) == ("promo", "rise")
    assert undeclared(project, "forecast", SEEN) == ("rise",)
    assert sensitive_inputs(project, "forecast", {}) == ("price", "promo", "rise", "store")
    toy.edit(FORECAST, "rise: {type: number,", "rise: {type: number, sources: [prices.price],")
    project = toy.planner().project
    assert sensitive_inputs(project, "forecast", SEEN) == ("promo",)
    assert undeclared(project, "forecast", SEEN) == ()


def test_a_sensitive_target_key_and_time_hide_what_is_made_of_them(toy: Toy) -> None:
    toy.edit(
        SALES, "[-100, 1000], known_at: closing", "[-100, 1000], known_at: closing, sensitive: true"
    )
    hidden = hidden_columns(toy.planner().project, "forecast", SEEN)
    assert {"_target", "target", "prediction", "baseline", "units"} <= hidden
    assert not {"_key", "_time", "store"} & hidden
    for name in ("sale: {type: integer", "day: {type: date"):
        toy.edit(SALES, name, f"{name}, sensitive: true")
    assert {"_key", "_time"} <= hidden_columns(toy.planner().project, "forecast", SEEN)


def test_a_digest_of_sensitive_inputs_is_hidden(toy: Toy) -> None:
    toy.edit(SALES, "  key: [sale]\n", "  key: row\n")
    assert "_key" not in hidden_columns(toy.planner().project, "forecast", SEEN)
    toy.edit(SALES, PROMO, f"{PROMO}, sensitive: true")
    assert "_key" in hidden_columns(toy.planner().project, "forecast", SEEN)


def test_batches_must_agree() -> None:
    assert agreed([{}, {"sources": {"a": "d.a", "b": "d.b"}}, {"sources": {"a": "d.a"}}]) == {
        "a": "d.a"
    }
    assert agreed([{}]) == {}


def test_texts_are_masked_by_words_of_some_length() -> None:
    values = {"anna", "anna lee", "52310", "7", "17"}
    text = "anna lee, not annabel: 52310 of 17 in line 7, 'anna'"
    assert masked(text, values) == "***, not annabel: *** of 17 in line 7, '***'"


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toy]:
    """Give a project with a sensitive column whose second candidate was judged."""
    with toy_project(tmp_path_factory.mktemp("sensitive") / "project") as toy:
        toy.edit(SALES, PROMO, f"{PROMO}, sensitive: true")
        toy.edit(FORECAST, "slices: [store]", "slices: [store, promo]")
        old = "not_worse: {margin: 50%, resamples: 100}, slices: null"
        new = "not_worse: {margin: 50%, resamples: 100}, slices: {min_rows: 10, margin: 500%}"
        toy.edit(FORECAST, old, new)
        toy.land_all()
        assert toy.make().faults == []
        for dataset in ("sales", "prices"):
            toy.land(dataset, "2020-07")
        assert toy.make().faults == []
        yield toy


@pytest.fixture
def own(judged: Toy, tmp_path: Path) -> Iterator[Toy]:
    """Give a copy of that project, to change."""
    with copied(judged, tmp_path / "project") as toy:
        yield toy


def _document(toy: Toy, asset: str, output: str) -> Any:
    home = toy.planner().home
    held = home.records.current("dev", asset)
    assert held is not None
    return home.objects.json(held.outputs[output].digest)


def test_slices_by_another_column_are_shown(judged: Toy) -> None:
    planner = judged.planner()
    assert seen(planner.home, planner.project, "forecast") == SEEN
    metrics = _document(judged, "forecast/evaluation_report", "metrics")
    assert {entry["slice"] for entry in metrics["slices"]} == {"store"}
    assert "not sliced by promo: sensitive, no value may be shown" in metrics["notes"]
    assert any(note.startswith("no value of rise is shown: it may") for note in metrics["notes"])


def test_the_gate_judges_them_and_says_what_it_could_not(judged: Toy) -> None:
    decision = _document(judged, "forecast/champion", "decision")
    assert decision["comparison"] == "compared"
    assert {(e["slice"], e["judged"]) for e in decision["slices"]} == {("store", True)}
    assert decision["unjudged"] == [
        {"slice": "promo", "value": None, "reason": "sensitive: values are not shown"}
    ]
    (line,) = [rule for rule in decision["rules"] if rule["rule"] == "slices"]
    assert line["text"].startswith("3 slice values compared; none shown to be worse")
    assert line["text"].endswith("; not judged: promo (sensitive: values are not shown)")


def test_previews_examples_differences_and_bundles_go_by_the_same_rule(judged: Toy) -> None:
    planner = judged.planner()
    home, project = planner.home, planner.project
    features = home.records.current("dev", "forecast/features", "2020-01")
    assert features is not None
    shown = preview(home, project, features)
    assert shown is not None
    assert shown.split("\n")[2] == "| promo | store | price | rise |"
    assert shown.split("\n")[4] == "| *** | north | 1.0 | *** |".replace("*", "&#42;")
    assert set(current_candidate(home, project, "forecast").example) == {"store", "price"}
    found = find(planner, "forecast/features@2020-01")
    assert {"promo", "rise"} == reading(planner, found, found).hidden & set(
        project.models["forecast"].features.columns
    )
    version = candidate_named(home, "forecast", "v0")
    action = release_action(planner.session(), "forecast", version, {"number": 1})
    assert action.params.model_dump()["sensitive"] == ("promo", "rise")
    assert origin(home, "forecast", version)


def test_a_feature_with_a_columns_name_and_other_values_is_hidden(own: Toy) -> None:
    own.edit(FEATURES, '"store": sales["store"]', '"store": sales["store"] + sales["promo"]')
    own.edit(FEATURES, 'sales["store"] + sales["promo"]', 'sales["store"].astype(str) + "!"')
    assert own.make().faults == []
    planner = own.planner()
    assert "store" not in seen(planner.home, planner.project, "forecast")
    metrics = _document(own, "forecast/evaluation_report", "metrics")
    assert metrics["slices"] == []
    assert any(note.startswith("no value of store, rise is shown") for note in metrics["notes"])


def test_what_a_persons_own_code_says_is_masked(own: Toy) -> None:
    own.edit(SALES, "store: {type: category,", "store: {type: category, sensitive: true,")
    own.edit(
        FEATURES,
        "    price = price_of",
        '    raise ValueError(f"no {sales.store[0]}")\n    price = price_of',
    )
    (fault, *_) = own.make("forecast/features").faults
    assert "ValueError" in fault
    assert "north" not in fault
    assert fault.endswith("no ***")
