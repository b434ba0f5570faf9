"""Feature batches of keys and labels only, for the tests of splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from ml_assets.spec.split import SplitRule
from ml_assets.stages.result import Result
from ml_assets_tests.handles import Given, given

Label = float | str | None


def batch(
    name: str, keys: Sequence[str], labels: Sequence[Label] | None = None, **columns: Any
) -> Given:
    """Return a batch; unlabelled rows are None, all are labelled by default."""
    target = [1.0] * len(keys) if labels is None else list(labels)
    text = any(isinstance(label, str) for label in target)
    times = columns.pop("times", [None] * len(keys))
    table = {
        "_key": pa.array(keys, pa.string()),
        "_time": pa.array(times, pa.timestamp("us", "UTC")),
        "_target": pa.array(target, pa.string() if text else pa.float64()),
        **columns,
    }
    return given(pa.table(table), f"d1:{name}")


def batches(content: Mapping[str, Sequence[str]]) -> dict[str, Given]:
    """Return labelled batches by name."""
    return {name: batch(name, keys) for name, keys in content.items()}


def rule(on_duplicate_key: str = "keep_latest", **split: Any) -> SplitRule:
    """Return the rule of a split, `time` by default."""
    return SplitRule.model_validate(
        {"model": "delay", "split": {"kind": "time"} | split, "on_duplicate_key": on_duplicate_key}
    )


def keys(result: Result, features: Mapping[str, Given]) -> dict[str, list[tuple[str, str]]]:
    """Return (batch, key) of the rows of each fold, in the order of the references."""
    return {
        fold: [
            (row["batch"], key)
            for row in result.outputs[fold].to_pylist()
            for key in features[row["batch"]]
            .table()["_key"]
            .to_pylist()[row["start"] : row["stop"]]
        ]
        for fold in ("train", "validation", "test")
    }
