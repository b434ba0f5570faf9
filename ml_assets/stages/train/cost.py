"""The cost of storing and running a model, from its document alone: never seconds.

Belongs here: sizes. Does not belong here: how good it is (`score`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_LEAVES = re.compile(r"^num_leaves=(\d+)$", re.MULTILINE)


def cost(model: Mapping[str, Any]) -> dict[str, int]:
    """Return the features of a model document, the numbers it learned, and its size in bytes.

    For trees, the values of leaves are counted; for an estimator of scikit-learn, about the numbers
    in its arrays; for other families, every number in the state except importances.
    """
    state = {
        k: v for k, v in model["state"].items() if k not in ("importance", "trees", "settings")
    }
    text, arrays = state.pop("model", None), state.pop("arrays", {})
    pipeline = state.pop("pipeline", {})
    parameters = _numbers(state) + _numbers(arrays.get("leaf", []))
    # Kept as base64: of 4 characters are 3 bytes, of a number 8.
    parameters += sum(len(array) for array in pipeline.get("arrays", {}).values()) * 3 // 32
    if isinstance(text, str):
        parameters += sum(int(count) for count in _LEAVES.findall(text))
    return {
        "features": len(model["columns"]),
        "parameters": parameters,
        "bytes": len(json.dumps(model, ensure_ascii=False, separators=(",", ":")).encode()),
    }


def _numbers(value: Any) -> int:
    if isinstance(value, Mapping):
        return sum(_numbers(item) for item in value.values())
    if isinstance(value, list):
        return sum(_numbers(item) for item in value)
    return int(isinstance(value, int | float) and not isinstance(value, bool))
