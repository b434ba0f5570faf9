"""The floor: what a person would write for the demo's model with pandas and LightGBM alone.

    python -m benchmarks.plain FEATURES FILES [LAST_BATCH]

FEATURES is the file of the model's own features function, FILES the folder of the monthly files.
The same rows, features, folds, families, settings and metric as `flight_delay` without the tuned
family; no contract, no check, no report, nothing kept.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

TREES = {
    "objective": "regression_l1",
    "learning_rate": 0.15,
    "num_leaves": 127,
    "feature_fraction": 0.5,
    "num_threads": 1,
    "verbosity": -1,
    "seed": 0,
}
ROUNDS, PATIENCE = 100, 20


def read(files: Path, months: list[str], build: Any) -> list[pd.DataFrame]:
    """Return each month's features and target, without cancelled and diverted flights."""
    planes = pd.read_csv(files / "planes.csv")
    frames, before = [], []
    for month in months:
        flights = pd.read_csv(files / f"flights-{month}.csv", parse_dates=["time_hour"])
        weather = pd.read_csv(files / f"weather-{month}.csv", parse_dates=["time_hour"])
        flights = flights[flights["dep_time"].notna() & flights["arr_delay"].notna()]
        flights = flights.reset_index(drop=True)
        frame = build(flights, weather, before, planes)
        frames.append(frame.assign(target=flights["arr_delay"]))
        before = [weather]
    return frames


def main(function: Path, files: Path, last: str) -> None:
    """Do it all once, and print the metric and the seconds."""
    started = time.perf_counter()
    given = importlib.util.spec_from_file_location("features", function)
    assert given is not None
    assert given.loader is not None
    module = importlib.util.module_from_spec(given)
    given.loader.exec_module(module)
    months = [f"2013-{number:02d}" for number in range(1, int(last[-2:]) + 1)]
    frames = read(files, months, module.build)
    whole = pd.concat(frames, ignore_index=True)
    names = [name for name in whole if name != "target"]
    texts = [name for name in names if whole[name].dtype == object]
    whole[texts] = whole[texts].astype("category")
    sizes = np.cumsum([len(frame) for frame in frames])
    train, validation = whole[: sizes[-4]], whole[sizes[-4] : sizes[-3]]
    test = whole[sizes[-3] :]
    both = pd.concat([train, validation])
    best = _trees(train[names], train["target"], (validation[names], validation["target"]))
    numbers = [name for name in names if name not in texts]
    ridge = _ridge(numbers, texts).fit(train[names], train["target"])
    scores = {
        "median": _mae(validation["target"], train["target"].median()),
        "carrier_median": _mae(validation["target"], _by_carrier(train, validation)),
        "linear": _mae(validation["target"], ridge.predict(validation[names])),
        "lightgbm": _mae(validation["target"], best.predict(validation[names])),
    }
    chosen = min(scores, key=lambda name: scores[name])
    assert chosen == "lightgbm", scores
    model = _trees(both[names], both["target"], rounds=best.best_iteration)
    found = {"mae": _mae(test["target"], model.predict(test[names]))}
    seconds = time.perf_counter() - started
    sys.stdout.write(json.dumps({"test": found, "seconds": seconds}) + "\n")


def _trees(rows: Any, target: Any, valid: Any = None, rounds: int = ROUNDS) -> lightgbm.Booster:
    data = lightgbm.Dataset(rows, target)
    if valid is None:
        return lightgbm.train(TREES, data, rounds)
    held = lightgbm.Dataset(*valid, reference=data)
    stop = lightgbm.early_stopping(PATIENCE, verbose=False)
    return lightgbm.train(TREES, data, rounds, valid_sets=[held], callbacks=[stop])


def _ridge(numbers: list[str], texts: list[str]) -> Any:
    shown = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore"), texts),
    )
    return make_pipeline(shown, Ridge())


def _by_carrier(train: pd.DataFrame, rows: pd.DataFrame) -> Any:
    medians = train.groupby("carrier", observed=True)["target"].median()
    return rows["carrier"].map(medians).astype(float)


def _mae(target: Any, predicted: Any) -> float:
    return float(np.abs(target - predicted).mean())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "2013-11")
