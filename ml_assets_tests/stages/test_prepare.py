"""Dates, times and texts as families take them: parts, missing values, one row as in a batch."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import numpy as np
import onnxruntime
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ml_assets.engine.recipes.release import programs
from ml_assets.errors import NotExpressible
from ml_assets.release.read import Bundle
from ml_assets.release.score import foreign, score
from ml_assets.spec.families import (
    CatBoost,
    FamilySpec,
    HistGradientBoosting,
    LightGBM,
    Linear,
    RandomForest,
)
from ml_assets.spec.model import FeatureColumn
from ml_assets.stages.evaluate.contributions import contributions
from ml_assets.stages.evaluate.evaluate import _importance
from ml_assets.stages.evaluate.rows import Fitted
from ml_assets.stages.release.calendar import prepared
from ml_assets.stages.release.graph import Graph
from ml_assets.stages.release.onnx import to_onnx
from ml_assets.stages.release.release import release
from ml_assets.stages.train import folds, prepare
from ml_assets.stages.train.elements import TABLES, calendar, columns_of, seconds_of
from ml_assets.stages.train.predict import predict
from ml_assets_tests.handles import given as wrapped
from ml_assets_tests.release.bundles import METRICS, files_of, spec_of
from ml_assets_tests.stages.flights import World, module

LEARNERS: list[FamilySpec] = [
    Linear(family="linear"),
    LightGBM(family="lightgbm", num_trees=10, min_data_in_leaf=5),
    CatBoost(family="catboost", num_trees=10),
    RandomForest(family="random_forest", num_trees=5),
    HistGradientBoosting(family="hist_gradient_boosting", num_trees=10),
]
MOMENTS = st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30), timezones=st.just(dt.UTC))
TIMES = prepare.PARTS["timestamp"]


def world(task: str = "regression", texts: bool = True) -> World:
    """Return a world with a date, a time and, if wanted, a text beside its other features."""
    found = World(task, rows=60)
    for day, batch in list(found.features.items()):
        table = batch.table()
        table = table.append_column("at", table["_time"])
        table = table.append_column("on", table["_time"].cast(pa.date32()))
        said = [None if n % 7 == 0 else f"Gate {n % 3}, windy" for n in range(60)]
        table = table.append_column("said", pa.array(said, pa.string()))
        found.features[day] = type(batch)(table, batch.digest)
    found.columns = {
        "at": FeatureColumn(type="timestamp"),
        "on": FeatureColumn(type="date"),
        "wind": FeatureColumn(type="number"),
        **({"said": FeatureColumn(type="text")} if texts else {}),
    }
    return found


def test_the_parts_of_a_time() -> None:
    moment = np.array([seconds_of("2024-02-29T18:30:00Z"), seconds_of("1969-12-31")])
    found = {part: calendar(moment, part).tolist() for part in TIMES}
    assert found == {
        "days": [19_782 + 18.5 / 24, -1.0],
        "year": [2024.0, 1969.0],
        "month": [2.0, 12.0],
        "day": [29.0, 31.0],
        "weekday": [3.0, 2.0],
        "month_sin": [0.5, -0.5],
        "month_cos": [0.866025403784, 0.866025403784],
        "hour": [18.5, 0.0],
        "hour_sin": [-1.0, 0.0],
        "hour_cos": [0.0, 1.0],
    }


@pytest.mark.parametrize(("name", "size"), [("month", 12), ("hour", 24)])
def test_the_circle_is_that_of_sine_and_cosine(name: str, size: int) -> None:
    turn = np.arange(size) / size * 2 * np.pi
    assert TABLES[f"{name}_sin"] == pytest.approx(np.sin(turn), abs=1e-12)
    assert TABLES[f"{name}_cos"] == pytest.approx(np.cos(turn), abs=1e-12)


@given(moment=MOMENTS)
def test_the_calendar_is_pythons(moment: dt.datetime) -> None:
    at = np.array([seconds_of(moment.isoformat())])
    found = [calendar(at, part)[0] for part in ("year", "month", "day", "weekday")]
    assert found == [moment.year, moment.month, moment.day, moment.weekday()]
    second = moment.hour * 3600 + moment.minute * 60 + moment.second
    assert calendar(at, "hour")[0] == second / 3600


@given(moments=st.lists(MOMENTS, min_size=1, max_size=20))
@example(moments=[dt.datetime(2000, 2, 29, tzinfo=dt.UTC), dt.datetime(1900, 3, 1, tzinfo=dt.UTC)])
def test_onnx_has_the_same_parts_to_the_bit(moments: list[dt.datetime]) -> None:
    graph = Graph({"at": "timestamp"})
    said = {"type": "timestamp", "parts": {f"at.{part}": part for part in TIMES}}
    document = prepared(graph, {"columns": {"at": "timestamp"}, "prepare": {"at": said}})
    columns = list(document["columns"])
    content = graph.model(graph.op("Concat", *columns, axis=1), len(columns), {})
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options)
    at = np.array([seconds_of(moment.isoformat()) for moment in moments])
    given_ = np.append(at.astype(float), np.nan)[:, None]
    got = session.run(None, {"at": given_})[0]
    wanted = np.column_stack([calendar(at, name.removeprefix("at.")) for name in columns])
    assert np.array_equal(got[:-1], wanted)
    assert np.isnan(got[-1]).all()


def test_what_is_learned_of_train() -> None:
    table = pa.table(
        {
            "on": pa.array([dt.date(2024, 1, 1), None, dt.date(2024, 1, 3)]),
            "at": pa.array([None, None, None], pa.timestamp("us", "UTC")),
            "at.days": [1.0, 2.0, 3.0],
            "said": ["a red Hat", "the hat", None],
        }
    )
    columns = {"at": "timestamp", "at.days": "number", "on": "date", "said": "text"}
    found = prepare.learn([table], 3, columns)
    assert found == {
        # All missing: one part is kept. No feature's name is taken.
        "at": {"type": "timestamp", "parts": {"at.days_": "days"}, "ends": {}},
        "on": {
            "type": "date",
            "parts": {"on.days": "days", "on.day": "day", "on.weekday": "weekday"},
            "ends": {"days": [19723.0, 19725.0]},
        },
        "said": {
            "type": "text",
            "parts": {
                "said.characters": "characters",
                "said.words": "words",
                "said.word 0": "word 0",
            },
            "words": ["hat"],
        },
    }
    taken = prepare.taken(columns, found)
    assert taken == {
        "at.days": "number", "at.days_": "number", "on.day": "integer", "on.days": "number",
        "on.weekday": "integer", "said.characters": "integer", "said.word 0": "boolean",
        "said.words": "integer",
    }  # fmt: skip
    said = prepare.applied(table, taken, found).to_pydict()
    assert said["on.day"] == [1, None, 3]
    assert said["on.weekday"] == [0, None, 2]
    assert said["said.word 0"] == [True, True, None]
    assert said["said.words"] == [3, 2, None]
    assert said["said.characters"] == [9, 7, None]


def test_what_lies_beyond_training_counts_as_the_nearest_of_it() -> None:
    days = [dt.date(2024, 3, 1), dt.date(2024, 5, 31)]
    table = pa.table({"on": pa.array(days)})
    said = prepare.learn([table], 2, {"on": "date"})
    later = pa.table({"on": pa.array([dt.date(2026, 12, 31), dt.date(2024, 4, 2), None])})
    names = list(said["on"]["parts"])
    found = prepare.applied(later, names, said).to_pydict()
    assert found["on.month"] == [5, 4, None]
    assert found["on.days"] == [19874.0, 19815.0, None]
    # On a circle and within a month or week nothing is new.
    assert found["on.day"] == [31, 2, None]
    fields = columns_of(said["on"], ["2026-12-31", "2024-04-02", ""])
    assert fields["on.month"] == ["5.0", "4.0", ""]
    graph = Graph({"on": "date"})
    document = {"columns": {"on": "date"}, "prepare": said}
    prepared(graph, document)
    content = graph.model(graph.op("Concat", "on.month", axis=1), 1, {})
    session = onnxruntime.InferenceSession(content)
    seconds = np.array([[20818.0 * 86400], [19815.0 * 86400], [np.nan]])
    edge = session.run(None, {"on": seconds})[0]
    assert np.array_equal(edge.ravel(), [5.0, 4.0, np.nan], equal_nan=True)


def test_the_most_frequent_words_are_known() -> None:
    texts = [" ".join(f"w{n}" for n in range(300) if (row + n) % 2 or n < 50) for row in range(20)]
    found = prepare.learn([pa.table({"said": texts})], 20, {"said": "text"})["said"]
    assert len(found["words"]) == prepare.MOST_WORDS
    assert {f"w{n}" for n in range(50)} < set(found["words"])


def test_without_such_features_nothing_is_said() -> None:
    model = World().fit(LEARNERS[0]).outputs["model"]
    assert "prepare" not in model


@pytest.mark.parametrize("family", LEARNERS, ids=lambda family: family.family)
def test_a_row_alone_is_as_in_its_batch(family: FamilySpec) -> None:
    found = world()
    model = json.loads(json.dumps(found.fit(family).outputs["model"], sort_keys=True))
    table = found.features["day8"].table()
    missing = [
        pa.nulls(1, column.type) if name in ("at", "on", "said") else column.slice(0, 1)
        for name, column in zip(table.column_names, table.columns, strict=True)
    ]
    table = pa.concat_tables([table, pa.table(missing, table.schema)])
    whole = predict(model, module(family.family), table)
    order = np.random.default_rng(1).permutation(len(table))
    assert np.isfinite(whole).all()
    mixed = predict(model, module(family.family), table.take(pa.array(order)))
    assert np.array_equal(mixed, whole[order])
    alone = [predict(model, module(family.family), table.slice(n, 1))[0] for n in range(61)]
    assert np.array_equal(alone, whole)


@pytest.mark.parametrize("family", LEARNERS, ids=lambda family: family.family)
def test_onnx_predicts_what_the_server_does(family: FamilySpec) -> None:
    found = world(texts=False)
    model = found.fit(family).outputs["model"]
    rows = found.features["day8"].table()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(to_onnx(model), options)
    fed = {
        "at": prepare.seconds(rows["at"]).astype(float)[:, None],
        "on": prepare.seconds(rows["on"]).astype(float)[:, None],
        "wind": rows["wind"].fill_null(np.nan).to_numpy()[:, None],
    }
    assert [item.name for item in session.get_inputs()] == ["at", "on", "wind"]
    wanted = predict(model, module(family.family), rows)
    assert np.array_equal(session.run(None, fed)[0], wanted)


def test_a_text_has_no_onnx_and_that_is_said() -> None:
    model = world().fit(LEARNERS[0]).outputs["model"]
    with pytest.raises(NotExpressible, match=r"^said: a text is split into words, for which ONNX"):
        to_onnx(model)


def test_gains_and_contributions_are_told_by_feature() -> None:
    found = world()
    model = found.fit(LEARNERS[1]).outputs["model"]
    gains = {entry["feature"]: entry["gain"] for entry in _importance(model)}
    assert set(gains) == {"at", "on", "said", "wind"}
    assert sum(gains.values()) == pytest.approx(sum(model["state"]["importance"]))
    batch = prepare.encoded(model, found.features["day8"].table())
    method, _, amounts = contributions(Fitted(model, module("lightgbm")), batch, [0]) or ("", 0, [])
    assert method == "tree"
    assert np.shape(amounts) == (1, batch.num_columns)
    assert set(prepare.owners(batch.column_names, model["prepare"]).values()) == set(gains)


def test_the_rarest_of_very_many_values_count_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folds, "MOST", 2)
    found = World(rows=60)
    rare = ["AA"] * 30 + ["DL"] * 20 + ["UA"] * 10
    found.change("carrier", pa.array(rare).dictionary_encode())
    result = found.fit(LEARNERS[0])
    model = result.outputs["model"]
    assert model["categories"]["carrier"] == ["AA", "DL"]
    assert result.metadata["notes"] == [
        "carrier has 3 values in training: the 2 most frequent are known, the others count as "
        "missing"
    ]


@pytest.mark.parametrize("text", ["2024-13-01", "noon", "5"])
def test_a_field_that_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"isoformat|month"):
        columns_of({"type": "date", "parts": {"on.days": "days"}}, [text])


def bundle_of(found: World, family: FamilySpec) -> dict[str, bytes]:
    """Return the files of a bundle of a world's model."""
    kinds = [column.kind for column in found.columns.values()]
    document = found.fit(family).outputs["model"]
    result = release(
        spec_of(found, family, files=programs(family.family, kinds)),
        family=module(family.family),
        model=wrapped(document),
        metrics=wrapped(METRICS),
        report=wrapped(b""),
        folds={name: found.fold(name) for name in ("train", "validation", "test")},
        features=found.features,
        accounts={},
    )
    return files_of(result)


@pytest.mark.parametrize("texts", [True, False])
def test_a_bundle_scores_its_golden_rows_to_the_bit(texts: bool) -> None:
    files = bundle_of(world(texts=texts), LEARNERS[0])
    assert b"| `elements.py`, `score_model.py` | used by" in files["README.md"]
    bundle = Bundle("delay-v3", files)
    assert foreign(bundle, here=True) == []
    scored, problems = score(bundle, here=True)
    assert problems == []
    programs_run = ["score.py"] if texts else ["score.py", "score_edge.py"]
    assert [item.program for item in scored] == programs_run
    assert [item.largest for item in scored] == [0.0] * len(programs_run)
    changed = files | {"elements.py": b"", "score_model.py": b""}
    assert foreign(Bundle("delay-v3", changed), here=True) == ["score_model.py", "elements.py"]


def test_fields_of_a_file_are_taken_apart_as_in_training() -> None:
    found = world()
    model: Any = found.fit(LEARNERS[0]).outputs["model"]
    rows = found.features["day8"].table().slice(0, 10)
    table = prepare.encoded(model, rows)
    for feature, said in model["prepare"].items():
        texts = ["" if value is None else str(value) for value in rows[feature].to_pylist()]
        for name, fields in columns_of(said, texts).items():
            wanted = table[name].cast(pa.float64()).to_pylist()
            assert [None if field == "" else float(field) for field in fields] == wanted
