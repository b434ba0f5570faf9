"""Trees in ONNX on the demo's home: ours in double precision beside onnxmltools' in single.

ML_ASSETS_HOME=… python -m benchmarks.onnx
"""

from __future__ import annotations

import importlib
import time
from typing import Any

import lightgbm
import numpy as np
import onnxruntime
import pyarrow as pa
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

from ml_assets.engine.plan import planner_here
from ml_assets.stages.release.onnx import missing_text, to_onnx
from ml_assets.stages.train import encode
from ml_assets.stages.train.predict import predict

MODEL, FAMILY, BATCH = "flight_delay", "lightgbm", "2013-11"


def main() -> None:
    home = planner_here().home
    held = home.records.current(home.env, f"{MODEL}/candidate")
    features = home.records.current(home.env, f"{MODEL}/features", BATCH)
    assert held is not None
    assert features is not None
    fitted = home.records.action(held.actions[f"fit:{FAMILY}"])
    assert fitted is not None
    model = home.objects.json(fitted.outputs["model"].digest)
    table = home.objects.table(features.outputs["features"].digest)
    wanted = predict(model, importlib.import_module(f"ml_assets.stages.train.{FAMILY}"), table)
    print(f"{MODEL} {FAMILY}, {len(wanted):,} rows of {BATCH}, {len(model['columns'])} features")
    told("ml_assets, double", lambda: to_onnx(model), named(model, table), wanted)
    told("onnxmltools, split=10", lambda: single(model), matrix(model, table), wanted)
    home.close()


def told(name: str, convert: Any, given: dict[str, Any], wanted: Any) -> None:
    started = time.process_time()
    content = convert()
    converted = time.process_time() - started
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options)
    started = time.process_time()
    off = np.abs(session.run(None, given)[0].reshape(wanted.shape) - wanted)
    seconds = time.process_time() - started
    over = (off > 1e-3).sum()
    print(
        f"{name}: {len(content) / 1e6:.2f} MB, converted in {converted:.2f} CPU s, scored in "
        f"{seconds:.2f} CPU s, largest difference {off.max():.3g}, over 0.001: {over:,}"
    )


def single(model: dict[str, Any]) -> bytes:
    booster = lightgbm.Booster(model_str=model["state"]["model"])
    types = [("x", FloatTensorType([None, len(model["columns"])]))]
    made = convert_lightgbm(booster, "model", types, target_opset=15, split=10)
    return bytes(made.SerializeToString())


def matrix(model: dict[str, Any], table: pa.Table) -> dict[str, Any]:
    columns = dict(sorted(model["columns"].items()))
    encoded = encode.encode(table, columns, model["categories"])
    stacked = np.column_stack([encode.values(encoded, name) for name in columns])
    return {"x": stacked.astype(np.float32)}


def named(model: dict[str, Any], table: pa.Table) -> dict[str, Any]:
    missing = missing_text(model)
    found: dict[str, Any] = {}
    for name, kind in model["columns"].items():
        if kind == "category":
            texts = table[name].cast(pa.string()).to_pylist()
            found[name] = np.array([[text or missing] for text in texts], dtype=object)
        else:
            found[name] = encode.values(table, name).reshape(-1, 1)
    return found


if __name__ == "__main__":
    main()
