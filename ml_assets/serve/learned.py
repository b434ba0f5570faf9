"""Rows that a model learned from, as far as the store still has them.

Belongs here: reading them when they are asked for. Does not belong here: what for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.engine.run import Recent, Stored
from ml_assets.faults import StageError
from ml_assets.history.origin import fitted_of
from ml_assets.stages.evaluate.sample import sample
from ml_assets.stages.score.explain import MOST
from ml_assets.stages.train import folds
from ml_assets.store.home import Home
from ml_assets.store.objects import Ref
from ml_assets.store.records import Version

SEED = 0
Ranges = Mapping[str, tuple[float, float]]
"""The least and the greatest number of a column."""


def learned(home: Home, version: Version, columns: list[str]) -> Callable[[], pa.Table]:
    """Return what reads features of at most `MOST` rows that a candidate learned from, at random.

    It raises StageError if the store no longer has them.
    """
    own, features = _parts(home, version)

    def read() -> pa.Table:
        if not _there(home, own, features):
            raise StageError(
                f"the store no longer has the training rows of v{version.number}, which "
                "explanations need: train a new version of the model"
            )
        handles = _handles(home, features)
        rows = folds.merged([home.objects.table(digest) for digest in own], handles)
        parts = folds.read(sample(rows, MOST, SEED), handles, columns)
        return pa.concat_tables(table for _, table in parts).unify_dictionaries().combine_chunks()

    return read


def ranges(home: Home, version: Version, kinds: Mapping[str, str]) -> Callable[[], Ranges]:
    """Return what reads, once, the ranges of numbers among all rows that a candidate learned from.

    They are empty if the store no longer has those rows. `kinds` are the types of its inputs.
    """
    own, features = _parts(home, version)
    names = [name for name, kind in kinds.items() if kind in ("number", "integer")]

    @cache
    def read() -> Ranges:
        limits: dict[str, tuple[float, float]] = {}
        if not names or not _there(home, own, features):
            return limits
        handles = _handles(home, features)
        for digest in own:
            for _, table in folds.read(home.objects.table(digest), handles, names):
                for name in names:
                    low, high = pc.min_max(table[name]).as_py().values()
                    if low is not None:
                        before = limits.get(name, (low, high))
                        limits[name] = (min(low, before[0]), max(high, before[1]))
        return limits

    return read


def _parts(home: Home, version: Version) -> tuple[list[str], dict[str, Ref]]:
    """Return the digests of the folds that a candidate learned from, and features by batch."""
    made = fitted_of(home, version)
    given = made.ingredients["inputs"]
    refitted = any(part.startswith("refit:") for part in version.actions)
    own = [given["train"], *([given["validation"]] if refitted else [])]
    return own, {batch: Ref(digest, "table") for batch, digest in given["features"]}


def _there(home: Home, own: list[str], features: Mapping[str, Ref]) -> bool:
    return not home.objects.missing(sorted({*own, *(ref.digest for ref in features.values())}))


def _handles(home: Home, features: Mapping[str, Ref]) -> dict[str, Stored]:
    return {
        batch: Stored(home, ref, Recent(0), f"features {batch}") for batch, ref in features.items()
    }
