"""A request that works, for the service's own documentation: a row that has landed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from ml_assets.errors import RequestError
from ml_assets.serve.model import Predictor
from ml_assets.store.home import Home


def example_of(home: Home, loaded: Predictor) -> dict[str, Any] | None:
    """Return the body of a request with one row, the first of the newest batch.

    None where nothing has landed, or a column is sensitive: its values may not be shown.
    """
    state = loaded.state
    columns = state.scorer.spec.rows.contract.columns
    dataset = state.scorer.spec.features.dataset
    held = home.records.held(home.env, f"{dataset}/cleaned")
    calendar = state.main.calendar
    batches = calendar.sorted(held) if calendar is not None else sorted(held)
    if not batches or any(column.sensitive for column in columns.values()):
        return None
    newest = batches[-1]
    rows = home.objects.table(held[newest].outputs["cleaned"].digest).slice(0, 1)
    (row,) = rows.select([name for name in columns if name in rows.column_names]).to_pylist()
    return request_of(loaded, row, newest)


def request_of(loaded: Predictor, row: Mapping[str, Any], batch: str) -> dict[str, Any]:
    """Return the body of a request with a row, and with its batch where no time says it."""
    given = {name: v.isoformat() if isinstance(v, date) else v for name, v in row.items()}
    try:
        loaded.predict([given])
    except RequestError:
        return {"rows": [given], "batch": batch}
    return {"rows": [given]}
