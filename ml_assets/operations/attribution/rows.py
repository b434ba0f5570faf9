"""The rows that no combination has seen, and a combination's metric on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml_assets.errors import StageError
from ml_assets.history.stored_code.process import CodeProcess
from ml_assets.operations.attribution.mix import Mixed
from ml_assets.store.home import Home
from ml_assets.store.objects import Ref

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Unseen:
    """Labelled rows that no combination was trained or selected on."""

    rows: Mapping[str, list[int]]
    """Batch -> row numbers in its features."""
    keys: Mapping[str, list[str]]
    targets: Mapping[str, pa.ChunkedArray]

    @property
    def count(self) -> int:
        """The number of rows."""
        return sum(len(places) for places in self.rows.values())


def unseen(scratch: Home, features: Mapping[str, Ref], mixes: Iterable[Mixed]) -> Unseen:
    """Return them by batch; rows are matched by key, or without a key within their batch."""
    import pyarrow as pa

    from ml_assets.stages.keys import BY_INPUTS, UNKEYED

    def named(key: str, batch: str) -> Any:
        return (batch, key) if key.startswith((UNKEYED, BY_INPUTS)) else key

    seen: set[Any] = set()
    for mix in mixes:
        for batch, (ref, ranges) in mix.seen.items():
            keys = scratch.objects.table(ref.digest, ["_key"])["_key"].to_pylist()
            for start, stop in ranges:
                seen.update(named(key, batch) for key in keys[start:stop])
    rows, kept, targets = {}, {}, {}
    for batch, ref in features.items():
        table = scratch.objects.table(ref.digest, ["_key", "_target"])
        keys, known = table["_key"].to_pylist(), table["_target"].is_valid().to_pylist()
        places = [n for n, key in enumerate(keys) if known[n] and named(key, batch) not in seen]
        if places:
            rows[batch], kept[batch] = places, [keys[n] for n in places]
            targets[batch] = table["_target"].take(pa.array(places, pa.int64()))
    return Unseen(rows, kept, targets)


def judge(
    scratch: Home,
    process: CodeProcess,
    mix: Mixed,
    rows: Unseen,
    features: Mapping[str, Ref],
    task: str,
    metric: str,
) -> float:
    """Return a combination's metric on the unseen rows, predicted from its own features.

    Raises StageError if these features do not contain the same rows.
    """
    import numpy as np
    import pyarrow as pa

    from ml_assets.stages.metrics import measure
    from ml_assets.stages.train.folds import labels

    batches = list(rows.rows)
    if any(batch not in features for batch in batches):
        raise StageError("the combination has no features for a batch of unseen rows")
    request = {
        "model": mix.model.digest,
        "family": mix.family,
        "predict": "ml_assets.stages.train.predict:predict",
        "inputs": {"features": [features[batch].digest for batch in batches]},
    }
    made = process.make(request)
    parts, targets = [], []
    classes = scratch.objects.json(mix.model.digest)["classes"]
    for number, batch in enumerate(batches):
        table = scratch.objects.table(made.outputs[str(number)].digest)
        keys = scratch.objects.table(features[batch].digest, ["_key"])["_key"]
        at = {key: n for n, key in enumerate(keys.to_pylist())}
        chosen = [at.get(key, -1) for key in rows.keys[batch]]
        if -1 in chosen:
            raise StageError("the features of the combinations do not have the same rows")
        values = np.column_stack([column.to_numpy() for column in table.columns])
        parts.append(values[chosen])
        targets.append(labels(pa.table({"_target": rows.targets[batch]}), classes))
    prediction = np.concatenate(parts)
    prediction = prediction if task == "multiclass" else prediction[:, 0]
    values_by_name, notes = measure(task, np.concatenate(targets), prediction)
    value = values_by_name[metric]
    if value is None:
        raise StageError(f"{metric} on the unseen rows: {'; '.join(notes)}")
    return float(value)
