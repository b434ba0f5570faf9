"""The loaded model: raw rows in, the same predictions as from the features of their batch."""

from __future__ import annotations

from contextlib import chdir

import pandas as pd
import pyarrow as pa
import pytest

import ml_assets
from ml_assets.errors import NotMaterialized, RequestError, StageError
from ml_assets.operations.fitted import family_of
from ml_assets.serve.model import LoadedModel, load
from ml_assets.stages.train.predict import predict
from ml_assets_tests.processes import environment
from ml_assets_tests.projects import FEATURES, FORECAST, HELPERS, Toy, sales


def loaded(toy: Toy) -> LoadedModel:
    planner = toy.planner()
    return load(planner.home, planner.project, "forecast")


def raw(month: str) -> list[dict[str, str]]:
    header, *lines = sales(month).decode().splitlines()
    return [dict(zip(header.split(","), line.split(","), strict=True)) for line in lines]


def by_key(toy: Toy, month: str) -> dict[str, float]:
    """Return the predictions for the features of a batch, by row key."""
    planner = toy.planner()
    records = planner.home.records
    table = records.current("dev", "forecast/features", month)
    candidate = records.current("dev", "forecast/candidate")
    assert table is not None
    assert candidate is not None
    features = planner.home.objects.table(table.outputs["features"].digest)
    document = planner.home.objects.json(candidate.outputs["model"].digest)
    found = predict(document, family_of(planner, "forecast", document), features)
    return dict(zip(features["_key"].to_pylist(), found.tolist(), strict=True))


def test_raw_rows_have_the_predictions_of_the_features_of_their_batch(promoted: Toy) -> None:
    rows = raw("2020-06")
    answer = loaded(promoted).predict(rows, batch="2020-06")
    assert answer.column_names == ["prediction", "unseen", "missing_joins", "problem"]
    assert answer["problem"].null_count == len(rows) == 30
    found = dict(zip([row["sale"] for row in rows], answer["prediction"].to_pylist(), strict=True))
    wanted = by_key(promoted, "2020-06")
    assert len(wanted) == 27
    assert {key: found[key] for key in wanted} == wanted


def test_rows_alone_and_in_another_order_have_the_same_predictions(promoted: Toy) -> None:
    rows = raw("2020-06")
    model = loaded(promoted)
    whole = model.predict(rows, batch="2020-06")
    alone = pa.concat_tables([model.predict([row], batch="2020-06") for row in rows])
    assert alone.combine_chunks() == whole.combine_chunks()
    assert model.predict(rows[::-1], batch="2020-06")["prediction"].to_pylist()[::-1] == (
        whole["prediction"].to_pylist()
    )


def test_the_champion_predicts_by_the_code_that_it_was_made_with(promoted: Toy) -> None:
    rows = raw("2020-06")
    wanted = loaded(promoted).predict(rows, batch="2020-06")
    promoted.edit(HELPERS, ".map(known)", ".map({})")
    promoted.edit(FEATURES, "price - before}", "None}")
    rise = "rise: {type: number, description: Since the month before}"
    promoted.edit(FORECAST, rise, f"{rise}\n      level: {{type: number}}")
    assert loaded(promoted).predict(rows, batch="2020-06") == wanted


def test_joined_tables_are_those_of_today_once_refreshed(promoted: Toy) -> None:
    rows = raw("2020-06")
    model = loaded(promoted)
    before = model.state
    wanted = model.predict(rows, batch="2020-06")
    assert not model.refresh()
    assert model.state is before
    promoted.land("prices", "2020-06", b"store,price\nnorth,60\nsouth,61\nwest,62\n")
    promoted.make("prices/cleaned")
    assert model.predict(rows, batch="2020-06") == wanted
    assert model.refresh()
    assert model.state.scorer is before.scorer
    moved = model.predict(rows, batch="2020-06")
    assert moved["prediction"].to_pylist() != wanted["prediction"].to_pylist()
    # What the refreshed model forgot, the state that it had still knows.
    assert loaded(promoted).predict(rows, batch="2020-06") == moved


def test_the_rows_that_it_learned_from_are_read_when_asked_for(promoted: Toy) -> None:
    learned = loaded(promoted).state.learned
    found = learned()
    # Train and validation are four months of 27 sales that are no returns.
    assert (found.num_rows, found.column_names) == (108, ["price", "promo", "rise", "store"])
    assert sorted(set(found["price"].to_pylist())) == [1, 2, 3, 4, 5, 6]
    planner = promoted.planner()
    made = planner.home.records.current("dev", "forecast/features", "2020-02")
    assert made is not None
    planner.home.objects.remove(made.outputs["features"].digest)
    with pytest.raises(StageError, match="no longer has the training rows of v0"):
        learned()


def test_no_rows_have_no_answers(promoted: Toy) -> None:
    answer = loaded(promoted).predict([], batch="2020-06")
    assert (answer.num_rows, answer.column_names[0]) == (0, "prediction")


def test_without_a_champion_nothing_is_loaded(promoted: Toy) -> None:
    planner = promoted.planner("prod")
    with pytest.raises(NotMaterialized, match="forecast has no champion in environment prod"):
        load(planner.home, planner.project, "forecast")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"sale": 1}], "no column day, store, promo"),
        (3, "got int, wanted rows"),
        (pa.table([[1], [1]], names=["sale", "sale"]), "no column day"),
    ],
)
def test_rows_that_cannot_be_read_are_refused(promoted: Toy, rows: object, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        loaded(promoted).predict(rows, batch="2020-06")


def test_today_s_spec_says_what_becomes_of_rows_without_a_batch(promoted: Toy) -> None:
    promoted.edit(FORECAST, "prices, previous: 1}", "prices, previous: 1, stale: missing}")
    answer = loaded(promoted).predict(raw("2020-06")[:2], batch="2020-07")
    assert answer["problem"].to_pylist() == [None, None]
    assert answer["missing_joins"].to_pylist() == ["prices", "prices"]


def test_in_a_notebook_the_index_stays(promoted: Toy) -> None:
    frame = pd.DataFrame(raw("2020-06")).set_index(pd.Index(range(7, 37), name="n"))
    with chdir(promoted.root), environment({"ML_ASSETS_HOME": str(promoted.root / "data")}):
        found = ml_assets.predict("forecast", frame, batch="2020-06")
    assert list(found.index) == list(range(7, 37))
    wanted = loaded(promoted).predict(frame, batch="2020-06")
    assert found["prediction"].tolist() == wanted["prediction"].to_pylist()
