from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ml_assets.adapters.mlflow.pyfunc import _load_pyfunc, to_table
from ml_assets.errors import DamagedObject, MlAssetsError
from ml_assets.spec.families import LightGBM
from ml_assets.stages.train import lightgbm
from ml_assets.stages.train.predict import predict
from ml_assets.store.digest import canonical_json, json_digest
from ml_assets_tests.stages.flights import World

COLUMNS = {"n": "number", "i": "integer", "c": "category", "b": "boolean"}


def saved(folder: Path, model: Any, module: str = "ml_assets.stages.train.lightgbm") -> str:
    (folder / "model.json").write_bytes(canonical_json(model))
    family = {"module": module, "digest": json_digest(model)}
    (folder / "family.json").write_text(json.dumps(family))
    return str(folder)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"n": [1.5, None], "i": [2.0, np.nan], "c": ["x", None], "b": [True, None]}),
        pd.DataFrame(
            {
                "n": pd.array([1.5, None], "Float64"),
                "i": pd.array([2, None], "Int64"),
                "c": pd.Categorical(["x", None]),
                "b": pd.array([True, None], "boolean"),
            }
        ),
        pd.DataFrame({"n": [1.5, None], "i": [2, None], "c": ["x", np.nan], "b": [1.0, np.nan]}),
        pd.DataFrame({"n": [1.5, None], "i": [2, pd.NA], "c": pd.array(["x", None], "string"),
                      "b": [True, pd.NA]}),
    ],
)  # fmt: skip
def test_what_is_missing_is_missing_however_pandas_says_it(frame: pd.DataFrame) -> None:
    table = to_table(frame, COLUMNS)
    assert table.to_pylist() == [
        {"n": 1.5, "i": 2, "c": "x", "b": True},
        {"n": None, "i": None, "c": None, "b": None},
    ]
    assert table.schema.types == [pa.float64(), pa.int64(), pa.string(), pa.bool_()]


def test_a_column_that_is_not_there_is_missing() -> None:
    table = to_table(pd.DataFrame({"n": [1, 2]}), COLUMNS)
    assert table["n"].to_pylist() == [1.0, 2.0]
    assert table["c"].null_count == 2


def test_a_column_of_another_type() -> None:
    frame = pd.DataFrame({"i": [1.5]})
    with pytest.raises(MlAssetsError, match="column 'i' is float64, wanted integer"):
        to_table(frame, {"i": "integer"})


def test_class_probabilities_are_named(tmp_path: Path) -> None:
    world = World("multiclass", rows=60)
    model = world.fit(LightGBM(family="lightgbm", num_trees=3, min_data_in_leaf=5)).outputs["model"]
    table = world.features["day8"].table()
    frame = table.select(["hour", "wind", "carrier", "holiday"]).to_pandas()
    got = _load_pyfunc(saved(tmp_path, model)).predict(frame)
    assert list(got.columns) == ["early", "late", "on time"]
    assert np.array_equal(got.to_numpy(), predict(model, lightgbm, table))


def test_what_is_damaged_or_cannot_be_imported(tmp_path: Path) -> None:
    folder = saved(tmp_path, {"a": 1}, module="nowhere.defs.delay.own")
    with pytest.raises(MlAssetsError, match=r"nowhere.defs.delay.own cannot be .* PYTHONPATH"):
        _load_pyfunc(folder)
    (tmp_path / "model.json").write_text('{"a": 2}')
    with pytest.raises(DamagedObject, match=r"model\.json differs from what was published"):
        _load_pyfunc(folder)


def test_times_as_frames_and_as_json_give_them() -> None:
    kinds = {"at": "timestamp", "on": "date", "said": "text"}
    frame = pd.DataFrame(
        {
            "at": pd.to_datetime(["2024-03-01T12:00:00Z", None]),
            "on": pd.to_datetime(["2024-03-01", None]),
            "said": ["hello", None],
        }
    )
    texts = pd.DataFrame(
        {
            "at": ["2024-03-01T13:00:00+01:00", None],
            "on": ["2024-03-01", None],
            "said": ["hello", None],
        }
    )
    wanted = {
        "at": [dt.datetime(2024, 3, 1, 12, tzinfo=dt.UTC), None],
        "on": [dt.date(2024, 3, 1), None],
        "said": ["hello", None],
    }
    for given in (frame, texts):
        assert to_table(given, kinds).to_pydict() == wanted
