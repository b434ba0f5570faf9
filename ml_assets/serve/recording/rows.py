"""The rows of a request as they are kept: what was given, by the columns that may be.

Belongs here: which values, and in which form. Does not belong here: their types, which sealing
reads by the contract.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ml_assets.serve.answers import Answers
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.stages.ingest.columns import expected, named
from ml_assets.stages.ingest.source import Source
from ml_assets.stages.score.answer import CLASS, PREDICTION, PROBABILITY
from ml_assets.store.pseudonyms import Pseudonyms

ANSWERED = (PREDICTION, CLASS, "low", "high", "set", "unseen", "missing_joins")
Row = dict[str, Any]


@dataclass(frozen=True)
class Kept:
    """Which columns of a row are kept, by their names in a file, and which only as HMAC."""

    plain: Sequence[str]
    hashed: Mapping[str, Sequence[str]]
    """Column -> those of a file that it is made of."""
    key: Pseudonyms | None = None

    @classmethod
    def of(cls, main: DatasetSpec, made: DatasetSpec, key: Pseudonyms | None) -> Kept:
        """Return what is kept of rows of a dataset, by the dataset that is made of requests."""
        there = {name: column for name, column in main.columns.items() if name in made.columns}
        plain = {name: column for name, column in there.items() if not column.sensitive}
        secret = {name: named(name, c) for name, c in there.items() if c.sensitive}
        return cls(expected(plain), secret, key)

    def row(self, given: Mapping[str, Any]) -> Row:
        """Return a row as it is kept."""
        fields = {name: written(given.get(name)) for name in self.plain}
        for name, parts in self.hashed.items():
            assert self.key is not None
            values = [written(given.get(part)) for part in parts]
            known = [text_of(value) for value in values if value is not None]
            fields[name] = self.key.of(" ".join(known)) if len(known) == len(parts) else None
        return fields


def rows_of(given: Any) -> Sequence[Mapping[str, Any]]:
    """Return rows as they came, whatever the format."""
    if not isinstance(given, Source):
        return list(given)
    columns = [column.to_pylist() for column in given.columns]
    return [dict(zip(given.names, row, strict=True)) for row in zip(*columns, strict=True)]


def answers_of(answer: Answers) -> dict[str, Sequence[Any]]:
    """Return what was answered, column by column."""
    columns = {name: answer.values(name) for name in ANSWERED if name in answer.names}
    classes = [name for name in answer.names if name.startswith(PROBABILITY)]
    if classes:
        each = [answer.values(name) for name in classes]
        names = [name.removeprefix(PROBABILITY) for name in classes]
        columns["probabilities"] = [
            json.dumps(dict(zip(names, row, strict=True))) for row in zip(*each, strict=True)
        ]
    return columns


def written(value: Any) -> Any:
    """Return a value as JSON has it: numbers, texts and truth as they are, times as ISO 8601."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def text_of(value: Any) -> str:
    """Return the text of a written value, the same whether it came as a number or as its text."""
    if isinstance(value, str):
        return value.strip()
    return json.dumps(value)
