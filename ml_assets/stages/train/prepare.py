"""Dates, times and texts to the plain columns that families take; learned from train alone.

Belongs here: which parts of such a feature a model has, and computing them for a batch. Does not
belong here: the parts of one value (`elements`), codes of categories (`encode`).

A model document says under `prepare` what it holds of each such feature: `type`, `parts` (name of
the column that the family takes -> part), for a time `ends` (part -> its least and greatest value
in training) and for a text `words`. Without such features it says
nothing. Each row is prepared by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.stages.train import encode
from ml_assets.stages.train.elements import DAY, Ints, calendar, described, within, words

Prepare = Mapping[str, Mapping[str, Any]]
DATE = ("days", "year", "month", "day", "weekday", "month_sin", "month_cos")
PARTS = {"date": DATE, "timestamp": (*DATE, "hour", "hour_sin", "hour_cos")}
"""By type of a feature; a part that is the same in all training rows is left out."""
SIZES = ("characters", "words")
MOST_WORDS = 100
"""Words of a text whose presence is a column: those in most training rows."""
LEAST_ROWS = 2
"""Training rows that a word must be in."""
SAMPLE = 100_000
"""Training rows, evenly spaced, whose words are counted."""
_LIMITED = ("days", "year", "month")
"""Parts that are new in later rows: they count as the nearest that training held."""
_INTEGER = {"year", "month", "day", "weekday", *SIZES}


def odd(columns: Mapping[str, str]) -> list[str]:
    """Return the features that families do not take as they are."""
    return [name for name, kind in columns.items() if kind in (*PARTS, "text")]


def learn(tables: Iterable[pa.Table], rows: int, columns: Mapping[str, str]) -> dict[str, Any]:
    """Return what a model prepares of dates, times and texts, from the rows of train.

    `tables` hold those features of `rows` rows in all, batch by batch.
    """
    times = {name: kind for name, kind in columns.items() if kind in PARTS}
    texts = [name for name, kind in columns.items() if kind == "text"]
    if not times and not texts:
        return {}
    ends: dict[tuple[str, str], list[float]] = {}
    counts: dict[str, Counter[str]] = {name: Counter() for name in texts}
    step, start = max(-(-rows // SAMPLE), 1), 0
    for table in tables:
        for name, kind in times.items():
            known = seconds(table[name].drop_null())
            for part in PARTS[kind] if len(known) else ():
                value = calendar(known, part)
                low, high = ends.get((name, part), [np.inf, -np.inf])
                ends[name, part] = [min(low, value.min()), max(high, value.max())]
        sampled = np.arange(-start % step, len(table), step)
        for name in texts:
            for text in table[name].take(pa.array(sampled)).drop_null().to_pylist():
                counts[name].update(set(words(text)))
        start += len(table)
    learned: dict[str, Any] = {}
    for name, kind in times.items():
        parts = [
            p for p in PARTS[kind] if (name, p) in ends and ends[name, p][0] < ends[name, p][1]
        ]
        limits = {p: list(map(float, ends[name, p])) for p in parts if p in _LIMITED}
        learned[name] = {"type": kind, "parts": parts or ["days"], "ends": limits}
    for name in texts:
        ranked = sorted(counts[name].items(), key=lambda item: (-item[1], item[0]))
        kept = sorted(word for word, n in ranked[:MOST_WORDS] if n >= LEAST_ROWS)
        parts = [*SIZES, *(f"word {number}" for number in range(len(kept)))]
        learned[name] = {"type": "text", "parts": parts, "words": kept}
    return _named(learned, columns)


def _named(learned: dict[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    """Give each part the name of a column that no feature has."""
    used = set(columns)
    for feature, said in sorted(learned.items()):
        names: dict[str, str] = {}
        for part in said["parts"]:
            name = f"{feature}.{part}"
            while name in used:
                name += "_"
            used.add(name)
            names[name] = part
        said["parts"] = names
    return learned


def taken(columns: Mapping[str, str], prepare: Prepare) -> dict[str, str]:
    """Return the columns that a family takes, with their types, sorted by name."""
    kinds = {name: kind for name, kind in columns.items() if name not in prepare}
    for said in prepare.values():
        kinds |= {name: _kind(part) for name, part in said["parts"].items()}
    return dict(sorted(kinds.items()))


def _kind(part: str) -> str:
    if part.startswith("word "):
        return "boolean"
    return "integer" if part in _INTEGER else "number"


def owners(columns: Iterable[str], prepare: Prepare) -> dict[str, str]:
    """Return the feature that each column which a family takes comes from."""
    of = {name: feature for feature, said in prepare.items() for name in said["parts"]}
    return {name: of.get(name, name) for name in columns}


def applied(table: pa.Table, names: Collection[str], prepare: Prepare) -> pa.Table:
    """Return the columns of these names that a family takes, for the features of a table."""
    if not prepare:
        return table
    of = owners(names, prepare)
    arrays: dict[str, Any] = {name: table[name] for name in names if of[name] == name}
    for feature in dict.fromkeys(of.values()):
        if feature in prepare:
            said = prepare[feature]
            wanted = {name: part for name, part in said["parts"].items() if name in of}
            make = _of_text if said["type"] == "text" else _of_time
            arrays |= make(table[feature], said, wanted)
    return pa.table({name: arrays[name] for name in names})


def encoded(model: Mapping[str, Any], features: pa.Table) -> pa.Table:
    """Return features as the family of a model document takes them."""
    prepare = model.get("prepare", {})
    columns = taken(model["columns"], prepare)
    return encode.encode(applied(features, columns, prepare), columns, model["categories"])


def seconds(column: pa.ChunkedArray) -> Ints:
    """Return dates or times without missing ones as whole seconds since 1970 in UTC (n,)."""
    if pa.types.is_date32(column.type):
        return np.asarray(column.cast(pa.int32()).to_numpy(), dtype=np.int64) * DAY
    micros = column.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()
    return np.asarray(micros, dtype=np.int64) // 1_000_000


def _of_time(
    column: pa.ChunkedArray, said: Mapping[str, Any], wanted: Mapping[str, str]
) -> dict[str, pa.Array]:
    missing = column.is_null().to_numpy()
    known = seconds(column.drop_null())
    arrays = {}
    for name, part in wanted.items():
        values = np.zeros(len(column))
        values[~missing] = within(calendar(known, part), said, part)
        arrays[name] = pa.array(
            values.astype(np.int64) if part in _INTEGER else values, mask=missing
        )
    return arrays


def _of_text(
    column: pa.ChunkedArray, said: Mapping[str, Any], wanted: Mapping[str, str]
) -> dict[str, pa.Array]:
    coded = column.combine_chunks().dictionary_encode()
    sizes, counts, there = described(coded.dictionary.to_pylist(), said["words"])
    parts: dict[str, Any] = {"characters": sizes, "words": counts}
    parts |= {f"word {number}": there[:, number] for number in range(len(said["words"]))}
    return {name: pc.take(pa.array(parts[part]), coded.indices) for name, part in wanted.items()}
