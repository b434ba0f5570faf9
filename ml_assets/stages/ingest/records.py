"""The records of a file against the contract's types: valid ones typed, others reported.

Belongs here: which record fails on which column. Does not belong here: formats, refusals.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.stages.ingest.arrow import decoded
from ml_assets.stages.ingest.sniff import REPLACED
from ml_assets.stages.ingest.source import Source
from ml_assets.stages.ingest.spelling import Spelling, read
from ml_assets.stages.schema import Bad, category, table_schema
from ml_assets.stages.shown import MASK, any_sensitive, listed, row_texts, shortened, value

if TYPE_CHECKING:
    from ml_assets.spec.columns import Column

Failed = dict[int, list[tuple[str, str]]]
"""By record number: the columns that fail, and by which rule."""


Apart = tuple[str, str | None, str]
"""Why a record that parses is set aside: rule, column, reason."""
Given = Mapping[str, tuple[pa.Array, Spelling]]
"""By column of the contract: its values as in the file, and how they are spelled."""


def typed(
    source: Source,
    given: Given,
    columns: Mapping[str, Column],
    judged: Callable[[Failed], Failed] = lambda failed: failed,
    apart: Collection[int] = (),
) -> tuple[pa.Table, Failed, list[str]]:
    """Return the records whose values all parse, the failures of each of the others, warnings.

    `judged` takes failures away: such values are then missing. Records that are set `apart` are
    left out too.
    """
    arrays, failed, warnings = [source.lines], Failed(), []
    for name, (array, spelled) in given.items():
        undecodable = set(_undecodable(array, source))
        reading = read(array, spelled)
        for row in sorted({*undecodable, *pc.indices_nonzero(reading.bad).to_pylist()}):
            rule = "encoding" if row in undecodable else spelled.kind
            failed.setdefault(row, []).append((name, f"parse.{rule}"))
        if reading.twice:
            said = f"{name}: {reading.twice} times occur twice in {spelled.zone}"
            warnings.append(f"{said}, where the clock is set back; the first was taken")
        arrays.append(reading.values)
    failed = judged(failed)
    if failed or apart:
        keep = np.delete(np.arange(len(source.lines)), sorted({*failed, *apart}))
        arrays = [array.take(pa.array(keep)) for array in arrays]
        arrays = [
            category(array.cast(pa.string())) if pa.types.is_dictionary(array.type) else array
            for array in arrays
        ]
    return pa.table(arrays, schema=table_schema(columns)), failed, warnings


def _undecodable(array: pa.Array, source: Source) -> list[int]:
    if pa.types.is_binary(array.type):
        no_text = pc.and_(pc.is_null(decoded(array)), pc.is_valid(array))
        return list(pc.indices_nonzero(no_text).to_pylist())
    marks = [REPLACED.decode()] * source.damaged + ["\0"] * source.nul
    rows: set[int] = set()
    for mark in marks:
        rows.update(pc.indices_nonzero(pc.match_substring(array, mark)).to_pylist())
    return sorted(rows)


def rejects(
    source: Source,
    given: Given,
    failed: Failed,
    columns: Mapping[str, Column],
    apart: Mapping[int, Apart] | None = None,
) -> list[Bad]:
    """Return every record that does not parse or is set apart: line, column, reason, text."""
    hidden = any_sensitive(columns)
    bad = [
        Bad(item.line, item.rule, None, item.reason, MASK if hidden else shortened(item.text))
        for item in source.broken
    ]
    others = {row: why for row, why in (apart or {}).items() if row not in failed}
    rows = sorted({*failed, *others})
    lines = source.lines.take(pa.array(rows, pa.int64())).to_pylist()
    wrong = {name for problems in failed.values() for name, _ in problems}
    values = {name: listed(given[name][0].take(pa.array(rows, pa.int64()))) for name in wrong}
    texts = _texts(source, given, rows, lines, columns)
    for number, row in enumerate(rows):
        if row in others:
            bad.append(Bad(lines[number], *others[row], texts[number]))
            continue
        got = {name: values[name][number] for name, _ in failed[row]}
        (name, rule), *_ = failed[row]
        reason = "; ".join(
            f"{col}: {cause(why, got[col], columns[col], given[col][1])}"
            for col, why in failed[row]
        )
        bad.append(Bad(lines[number], rule, name, reason, texts[number]))
    return bad


def cause(rule: str, got: Any, column: Column, spelled: Spelling) -> str:
    """Return why a value fails: what was got, unless it is sensitive, and what was wanted."""
    if rule == "parse.encoding":
        return "holds a NUL byte, or bytes that are invalid in the file's encoding"
    return f"{value(got, column)}, wanted {spelled.wanted}"


def _texts(
    source: Source,
    given: Given,
    rows: list[int],
    lines: list[int],
    columns: Mapping[str, Column],
) -> list[str]:
    """Return each record for display: its text in the file, or as JSON."""
    if source.text is not None and not any_sensitive(columns):
        return [shortened(source.text(line)) for line in lines]
    taken = pa.array(rows, pa.int64())
    table = pa.table({name: array.take(taken) for name, (array, _) in given.items()})
    return row_texts(table, columns)
