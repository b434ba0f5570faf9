"""The loaded model: raw rows in, the same predictions as from the features of their batch."""

from __future__ import annotations

import pyarrow as pa

from ml_assets.operations.fitted import family_of
from ml_assets.serve.model import LoadedModel, load
from ml_assets.stages.train.predict import predict
from ml_assets_tests.projects import Toy, sales


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


def test_columns_that_become_known_later_are_ignored(promoted: Toy) -> None:
    rows = raw("2020-06")
    model = loaded(promoted)
    wanted = model.predict(rows, batch="2020-06")
    without = [{name: row[name] for name in row if name != "units"} for row in rows]
    assert model.predict(without, batch="2020-06") == wanted
    wrong = [{**row, "units": "many", "more": "x"} for row in rows]
    assert model.predict(wrong, batch="2020-06") == wanted


def test_rows_alone_and_in_another_order_have_the_same_predictions(promoted: Toy) -> None:
    rows = raw("2020-06")
    model = loaded(promoted)
    whole = model.predict(rows, batch="2020-06")
    alone = pa.concat_tables([model.predict([row], batch="2020-06") for row in rows])
    assert alone.combine_chunks() == whole.combine_chunks()
    assert model.predict(rows[::-1], batch="2020-06")["prediction"].to_pylist()[::-1] == (
        whole["prediction"].to_pylist()
    )
