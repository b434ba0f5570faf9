"""Reading any version of any asset back, in a notebook or a script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ml_assets.errors import UnknownName
from ml_assets.plan.lineage import edges
from ml_assets.plan.plan import planner_here

if TYPE_CHECKING:
    import pandas as pd

    from ml_assets.store.objects import Ref
    from ml_assets.store.records import Version


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

    Raises UnknownName for an asset or partition that does not exist.
    """
    planner = planner_here()
    try:
        found = _versions(planner, asset, partition)
        return [
            {
                "version": f"v{item.number}",
                "digest": item.digest,
                "rows": item.rows,
                "created": item.created,
                "run_id": item.run_id,
            }
            for item in found
        ]
    finally:
        planner.home.close()


def load(asset: str, partition: str | None = None, version: int | str | None = None) -> Any:
    """Return an asset's content: a pandas frame, a Model, or a dictionary of its outputs.

    `version` is a number or `v3`; without one the content that is current in the environment
    in use. Raises UnknownName where there is none.
    """
    planner = planner_here()
    try:
        found = _versions(planner, asset, partition)
        number = _number(planner, asset, partition, version, found)
        item = next(v for v in found if v.number == number)
        outputs = {name: _value(planner, name, ref) for name, ref in item.outputs.items()}
    finally:
        planner.home.close()
    tables = [value for name, value in outputs.items() if item.outputs[name].kind == "table"]
    if asset.endswith("/candidate"):
        group = asset.split("/", maxsplit=1)[0]
        return Model(outputs["model"], _family(planner, group, outputs["model"]))
    fold = asset.rpartition("/")[2].removesuffix("_split")
    if fold in outputs:
        return outputs[fold]
    plain = len(tables) == 1 and not asset.endswith("/evaluation_report")
    return tables[0] if plain else outputs


def _versions(planner: Any, asset: str, partition: str | None) -> list[Version]:
    known = [key for key in edges(planner.project) if not key.endswith("/landing")]
    if asset not in known:
        raise UnknownName.of("asset", asset, known)
    records = planner.home.records
    found: list[Version] = records.versions(asset, partition or "")
    if found:
        return found
    partitions = [name for name in records.partitions(asset) if name]
    if partition is None and partitions:
        raise UnknownName(f"{asset} has partitions; say one of {', '.join(partitions)}")
    if partition is not None:
        raise UnknownName.of(f"partition of {asset}", partition, partitions)
    raise UnknownName(f"{asset} was never materialized")


def _number(
    planner: Any, asset: str, partition: str | None, version: int | str | None, found: list[Version]
) -> int:
    if version is None:
        home = planner.home
        now = home.records.current(home.env, asset, partition or "")
        if now is None:
            raise UnknownName(f"{asset} is not materialized in environment {home.env}")
        return int(now.number)
    text = str(version).removeprefix("v")
    if not text.isdigit() or int(text) not in {item.number for item in found}:
        raise UnknownName.of(f"version of {asset}", str(version), [f"v{v.number}" for v in found])
    return int(text)


def _value(planner: Any, _name: str, ref: Ref) -> Any:
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


def _family(planner: Any, group: str, document: dict[str, Any]) -> Any:
    """Import the module of a model's family."""
    from ml_assets.plan import load as loading
    from ml_assets.plan.code import Sources
    from ml_assets.plan.families import FAMILIES

    if document["family"] == "custom":
        module = planner.workspace.hook(group, document["source"]).split(":")[0]
    else:
        module = FAMILIES[document["family"]]
    closure = Sources(planner.workspace.roots).closure([module])
    return loading.function(module, closure, planner.workspace)
