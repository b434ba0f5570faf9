"""The picture of rolling folds, made by the real split stage on batches of two rows."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import pyarrow as pa

from docs.generate.svg import page
from ml_assets.spec.split import SplitRule, TimeSplit
from ml_assets.stages.memory import InMemory
from ml_assets.stages.split.time import split

MONTHS = [f"2013-{number:02}" for number in range(1, 9)]
COLOURS = {"train": "#cfe3f7", "validation": "#ffe3a8", "test": "#f6c2b8"}
CELL, LEFT, TOP = 84, 150, 40


def folds(months: Sequence[str]) -> dict[str, str]:
    """Return month -> fold, with two months of test and one of validation."""
    batches: dict[str, Any] = {
        month: InMemory(
            pa.table(
                {"_key": [f"{month}|{n}" for n in (1, 2)], "_target": [1.0, 2.0]}
            ).append_column("_time", pa.nulls(2, pa.timestamp("us", "UTC")))
        )
        for month in months
    }
    rule = TimeSplit(test=2, validation=1)
    made = split(
        SplitRule(model="picture", split=rule, on_duplicate_key="keep_latest"), features=batches
    )
    found = {}
    for fold in COLOURS:
        table: Any = made.outputs[fold]
        found.update(dict.fromkeys(table["batch"].to_pylist(), fold))
    return found


def picture() -> str:
    """Return a row for each newest month, a cell for each batch, coloured by its fold."""
    parts = []
    height = TOP + 30 * 4 + 20
    for number, month in enumerate(MONTHS):
        at = LEFT + number * CELL
        parts.append(f'<text class="small" x="{at + 8}" y="{TOP - 10}">{month}</text>')
    for row, newest in enumerate(range(5, len(MONTHS) + 1)):
        y = TOP + 30 * row
        parts.append(f'<text x="14" y="{y + 18}">{MONTHS[newest - 1]} landed</text>')
        for month, fold in folds(MONTHS[:newest]).items():
            at = LEFT + MONTHS.index(month) * CELL
            parts.append(
                f'<rect x="{at}" y="{y}" width="{CELL - 4}" height="26" rx="3" '
                f'style="fill:{COLOURS[fold]}"/>'
                f'<text class="small" x="{at + 8}" y="{y + 17}">{escape(fold)}</text>'
            )
    width = LEFT + len(MONTHS) * CELL + 10
    return page(width, height, "Folds as months arrive: test 2, validation 1", parts)
