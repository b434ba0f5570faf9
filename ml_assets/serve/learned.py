"""Rows that a model learned from, as far as the store still has them.

Belongs here: reading some of them when they are asked for. Does not belong here: what for.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

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


def learned(home: Home, version: Version, columns: list[str]) -> Callable[[], pa.Table]:
    """Return what reads features of at most `MOST` rows that a candidate learned from, at random.

    It raises StageError if the store no longer has them.
    """
    made = fitted_of(home, version)
    given = made.ingredients["inputs"]
    refitted = any(part.startswith("refit:") for part in version.actions)
    own = [given["train"], *([given["validation"]] if refitted else [])]
    features = {batch: Ref(digest, "table") for batch, digest in given["features"]}

    def read() -> pa.Table:
        needed = sorted({*own, *(ref.digest for ref in features.values())})
        if home.objects.missing(needed):
            raise StageError(
                f"the store no longer has the rows that v{version.number} learned from, by which "
                "its trees are explained: train a new version of the model"
            )
        handles = {
            batch: Stored(home, ref, Recent(0), f"features {batch}")
            for batch, ref in features.items()
        }
        rows = folds.merged([home.objects.table(digest) for digest in own], handles)
        parts = folds.read(sample(rows, MOST, SEED), handles, columns)
        return pa.concat_tables(table for _, table in parts).unify_dictionaries().combine_chunks()

    return read
