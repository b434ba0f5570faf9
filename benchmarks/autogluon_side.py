"""AutoGluon on one split: run by the interpreter of an environment that has it.

    PYTHON autogluon_side.py FOLDER

FOLDER holds `learn.parquet`, `test.parquet` (the target is `_target`) and `asked.json` (task,
metric, preset, limit). It writes `answer.json`: the predictions of test, the CPU seconds of fit.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any

import pandas as pd
from autogluon.tabular import TabularPredictor

METRICS = {
    "rmse": "root_mean_squared_error",
    "mae": "mean_absolute_error",
    "log_loss": "log_loss",
    "auc": "roc_auc",
    "accuracy": "accuracy",
}


def seconds() -> float:
    """Return the CPU seconds of this process and of those that it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def main(folder: Path) -> None:
    """Train, predict, write."""
    asked: dict[str, Any] = json.loads((folder / "asked.json").read_text())
    learn, test = (pd.read_parquet(folder / f"{name}.parquet") for name in ("learn", "test"))
    predictor = TabularPredictor(
        label="_target",
        problem_type=asked["task"],
        eval_metric=METRICS[asked["metric"]],
        path=str(folder / "models"),
        verbosity=0,
    )
    began = seconds()
    predictor.fit(learn, presets=asked["preset"], time_limit=asked["limit"], num_cpus=1)
    used = seconds() - began
    if asked["task"] == "regression":
        columns, said = [], predictor.predict(test).to_numpy().tolist()
    else:
        frame = predictor.predict_proba(test)
        columns, said = [str(name) for name in frame], frame.to_numpy().tolist()
    answer = {"classes": columns, "predictions": said, "seconds": used}
    (folder / "answer.json").write_text(json.dumps(answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
