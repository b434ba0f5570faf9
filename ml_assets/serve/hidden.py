"""Raw rows that a loaded model is given, with pseudonyms where it learned from pseudonyms.

Belongs here: rows of every kind that `serve/model` takes. Does not belong here: files that land
(`engine/hiding`), what is kept of a request (`recording/rows`), which hides for itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa

from ml_assets.engine.hiding.columns import Hiding
from ml_assets.serve.recording.rows import text_of, written
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.pseudonyms import pseudonymised
from ml_assets.spec.score import RowsSpec
from ml_assets.stages.ingest.source import Source
from ml_assets.stages.score.source import source_of
from ml_assets.store.home import Home
from ml_assets.store.pseudonyms import pseudonyms_of


def hiding_for(home: Home, main: DatasetSpec, rows: RowsSpec) -> Hiding | None:
    """Return how rows to predict are hidden; None where no column that is read is a pseudonym.

    RequestError without the home's key.
    """
    if not pseudonymised({**rows.contract.columns, **rows.optional}):
        return None
    return Hiding.of(main, pseudonyms_of(home))


def hidden_rows(hiding: Hiding, rows: Any, spec: RowsSpec) -> Any:
    """Return rows of any kind with pseudonyms; Unreadable for what are no rows."""
    if isinstance(rows, list) and all(isinstance(row, Mapping) for row in rows):
        return [_row(hiding, row) for row in rows]
    source = rows if isinstance(rows, Source) else source_of(rows, spec)
    columns = [
        hiding.column(name, _plain(column)) if name in hiding.hidden else column
        for name, column in zip(source.names, source.columns, strict=True)
    ]
    # The text of a record has clear values.
    return replace(source, columns=columns, text=None)


def _plain(column: Any) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _row(hiding: Hiding, row: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(row)
    for name in hiding.hidden:
        value = written(row.get(name))
        if value is not None and value == value:
            made[name] = hiding.value(name, text_of(value))
    return made
