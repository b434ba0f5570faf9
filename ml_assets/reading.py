"""Reading any version of any asset back, and predicting, in a notebook or a script."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from ml_assets.assets.cells import Cell
from ml_assets.engine.address import numbered, versions_of
from ml_assets.engine.plan import planner_here
from ml_assets.operations.fitted import family_of

if TYPE_CHECKING:
    import pandas as pd

    from ml_assets.store.objects import Ref


class Model:
    """A trained model: `document` is all of it, as JSON; `predict` takes a features frame."""

    def __init__(self, document: dict[str, Any], module: Any) -> None:
        self.document = document
        self._module = module

    def predict(self, features: pd.DataFrame) -> Any:
        """Return predictions for rows of features, shape (n,), or (n, classes) for multiclass."""
        import pyarrow as pa

        from ml_assets.stages.train.predict import predict

        table = pa.Table.from_pandas(features, preserve_index=False)
        return predict(self.document, self._module, table)


def versions(asset: str, partition: str | None = None) -> list[dict[str, Any]]:
    """Return the versions of an asset (partition), oldest first, as plain dictionaries.

    Each is {"version": "v0", "digest": "d1:…", "rows": int or None, "created": UTC in ISO 8601,
    "run_id": the Dagster run that made it first}. Numbers are counted in the home, so environments
    share them; identical content makes no new version. A partitioned asset needs `partition`.
    Raises UnknownName for an asset or partition that does not exist or was never materialized.
    """
    planner = planner_here()
    try:
        stored = versions_of(planner, asset, partition)
        return [
            {
                "version": f"v{item.number}",
                "digest": item.digest,
                "rows": item.rows,
                "created": item.created,
                "run_id": item.run_id,
            }
            for item in stored
        ]
    finally:
        planner.home.close()


def load(asset: str, partition: str | None = None, version: int | str | None = None) -> Any:
    """Return an asset's content: a pandas frame, a Model, or a dictionary of its outputs.

    A frame for one table (`raw`, `cleaned`, `quarantine`, `features`, `predictions`, a fold), a row
    for each record; columns of ours begin with `_` (`_line` in the landed file, `_key`, `_time`,
    `_target`), units are those of the spec. A Model for a `candidate`; for the rest each output by
    its name: frames, JSON documents, bytes (an HTML report).

    `version` is a number or `v3`; without one the content that is current in the environment
    in use (`ML_ASSETS_ENV`). A partitioned asset needs `partition`. Raises UnknownName, which says
    what there is, and DamagedObject where the stored bytes are not those of the digest.
    """
    planner = planner_here()
    try:
        stored = versions_of(planner, asset, partition)
        item = numbered(planner, Cell(asset, partition or ""), version, stored)
        outputs = {name: _value(planner, ref) for name, ref in item.outputs.items()}
    finally:
        planner.home.close()
    tables = [value for name, value in outputs.items() if item.outputs[name].kind == "table"]
    if asset.endswith("/candidate"):
        group = asset.split("/", maxsplit=1)[0]
        return Model(outputs["model"], family_of(planner, group, outputs["model"]))
    fold = asset.rpartition("/")[2].removesuffix("_split")
    if fold in outputs:
        return outputs[fold]
    plain = len(tables) == 1 and not asset.endswith("/evaluation_report")
    return tables[0] if plain else outputs


def predict(
    model: str, rows: Any, *, features: bool = False, batch: str | None = None
) -> pd.DataFrame:
    """Return the champion's predictions for rows, one row for each, as `ml-assets score` has them.

    `rows` are a pandas frame (its index stays), a pyarrow table or a list of mappings: raw rows as
    they would land, or with `features` the model's inputs. Columns: `prediction` (a number, the
    probability of true, or the likeliest class with `probability_<class>` for each), `unseen`,
    `missing_joins` and `problem`, which says why a row has no prediction; with prediction intervals
    also `low` and `high`, or `set`, and a warning if they are not calibrated. Where the model joins
    batches and the calendar has no period, `batch` names that of the rows. Raises RequestError for
    rows that cannot be read at all, UnknownName, and NotMaterialized without a champion.
    """
    from ml_assets.serve.model import load as load_model
    from ml_assets.stages.intervals.columns import off

    planner = planner_here()
    try:
        loaded = load_model(planner.home, planner.project, model)
        answer = loaded.predict(rows, features=features, batch=batch)
        for said in off(loaded.state.scorer.coverage):
            warnings.warn(f"{model}: {said}", stacklevel=2)
    finally:
        planner.home.close()
    frame = answer.to_pandas()
    index = getattr(rows, "index", None)
    return frame if index is None or callable(index) else frame.set_index(index)


def _value(planner: Any, ref: Ref) -> Any:
    objects = planner.home.objects
    if ref.kind == "table":
        return _frame(objects.table(ref.digest))
    return objects.json(ref.digest) if ref.kind == "json" else objects.read(ref.digest)


def _frame(table: Any) -> pd.DataFrame:
    """Return all columns, those of our own too: a line, a key and a target are worth reading."""
    from ml_assets.stages.frames import to_frame

    names = table.column_names
    # `to_frame` leaves out what begins with `_`, which a user's function must not see.
    frame = to_frame(table.rename_columns([f"column{name}" for name in names]))
    return frame.set_axis(names, axis="columns")
