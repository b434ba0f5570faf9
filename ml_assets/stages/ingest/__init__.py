r"""Ingest: a landed file to typed records, and rejects for records that do not parse.

Belongs here: reading what people deliver. Does not belong here: rules on values (`clean`).

What happens to a file (judged by its content, never by its name):

| file | outcome |
| --- | --- |
| CSV or JSON Lines (also gzipped), Parquet, Excel | read; other formats are refused `file.format` |
| UTF-8 BOM, CRLF or CR, quoted line breaks | read; `_line` is the physical line of the start |
| header in another order, whitespace around names | read |
| blank lines, anywhere | not records; they count as lines |
| other delimiters, quotes, lines before the header, no header | read as `landing` declares |
| columns aligned by blanks (`delimiter: ' '`) | read; a run of blanks and tabs is one delimiter |
| fewer lines than `skip_lines` | refused `file.header` |
| a column `_dummy` | never read; it says that the rows are made up |
| columns not in the contract | ignored, with a warning (`on_new_column`) |
| a column of the contract missing | refused `file.columns` (`on_missing_column`), near names said |
| a column missing that arrives with the labels | read without values, with a warning |
| a column of the contract twice | refused `file.columns` |
| 0 bytes, or only whitespace | refused `file.empty` |
| a header and no records | a valid empty batch, with a warning |
| a truncated or damaged gzip | refused `file.gzip`; none of it is used |
| a truncated or damaged Parquet file | refused `file.parquet` |
| a folder of Parquet files | one batch in the order of names, without `_SUCCESS` and hidden files |
| parts whose columns have other types | refused `file.columns` |
| a column of the contract missing in some parts | as in a file, but for their records alone |
| any of Parquet's column types | read if values have a text form (`arrow`), else they fail |
| UTF-16 that is not declared | refused `file.encoding` |
| control characters or non-text bytes in the header | refused `file.binary` |
| an unclosed quote in the header | refused `file.header` |
| U+2028, U+0085, U+001C etc. as line ends | refused `file.header`, never an empty batch |
| Excel's first line `sep=;` | refused `file.header`, unless it is skipped |
| no line break at the end | read, with a warning: it may be truncated |
| bytes that are invalid in the encoding, a NUL byte | the record is rejected, `parse.encoding` |
| too few or too many values | the record is rejected, `parse.columns` |
| a quote within quotes written as `\"` | the record is rejected, `parse.quote` |
| an unclosed quote | every line from there on is rejected, `parse.quote` |
| a value not of its type and spelling | its record is rejected, `parse.<type>` (`on_type_change`) |
| a time that the clock skips in the column's zone | the record is rejected, `parse.timestamp` |
| a time that the clock shows twice | read as the first, with a warning that counts them |
| JSON: a field that a record lacks, `null`, `NaN` | missing; if no record has it, `file.columns` |
| JSON: a nested object or list | its compact JSON, so it fails unless the column is text |
| JSON: a line that is not an object, or has a field twice | the record is rejected, `parse.json` |
| JSON: no line is an object | refused `file.json`; one array of all records: `file.format` |
| Excel: several sheets, none declared | the first visible one is read, with a warning |
| Excel: a sheet that is not there | refused `file.sheet` |
| Excel: numbers, dates, times, true and false | read with their types; formulas by stored value |
| Excel: `#N/A` and other errors | missing; so is a formula without stored value, with a warning |
| Excel: a damaged workbook, or one with a password | refused `file.excel` |

Refused: `raw` is empty and every record is a reject; a file that cannot be split into records
counts as one. Quoted or not, a text in `null_values` (the column's, otherwise the landing's) is a
missing value: blanks around it do not count, and in number columns `-200` is -200.0. A Parquet file
has missing values; in it only a column's own `null_values` are looked for.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ml_assets.stages.ingest import changes, columnar, delimited, jsonlines, workbook
from ml_assets.stages.ingest.columns import expected, named, unlabelled
from ml_assets.stages.ingest.dialect import dialect
from ml_assets.stages.ingest.fields import fields
from ml_assets.stages.ingest.records import rejects, typed
from ml_assets.stages.ingest.sniff import PARQUET, as_utf8, is_json_lines, is_workbook, unpacked
from ml_assets.stages.ingest.source import Source, Unreadable
from ml_assets.stages.ingest.spelling import spelling
from ml_assets.stages.parts import is_packed
from ml_assets.stages.result import Result
from ml_assets.stages.schema import DUMMY, Bad, bad_table, table_schema
from ml_assets.stages.shown import MASK, any_sensitive, row_texts, shortened

if TYPE_CHECKING:
    from ml_assets.spec.columns import Column
    from ml_assets.spec.dataset import IngestSpec, Landing
    from ml_assets.stages.result import Handle

PREFIX = 64
"""Most bytes shown of an unreadable file."""


def ingest(spec: IngestSpec, *, landed: Handle) -> Result:
    """Return `raw`, `rejects` and `summary` of a landed file; bad data never raises.

    `raw` has `_line` and the contract's columns; `rejects` is a table QUARANTINE; `summary`
    is JSON {"landed", "parsed", "rejected", "refused": reason or None, "warnings": [text]}, and
    "proposed" [text] where the data changed in a way that the spec wants to be asked about;
    "dummy" true where the file says that its rows are made up.
    """
    content = landed.bytes()
    try:
        source = read(content, spec.landing, spec.columns)
    except Unreadable as error:
        return _result(spec.columns, None, [_whole_file(content, error, spec.columns)], error, ())
    changed = None
    try:
        changed = changes.of_columns(source, spec)
        changes.of_parts(source, spec, changed)
        given = fields(source, spec.landing, spec.columns, changed.later)
        judged = functools.partial(changes.of_types, source, given, changed, spec)
        raw, failed, noticed = typed(source, given, spec.columns, judged, changed.apart)
    except Unreadable as error:
        error = changes.asked(error, changed, spec)
        bad = _every_record(source, error, spec.columns)
        bad = bad or [_whole_file(content, error, spec.columns)]
        return _result(spec.columns, None, bad, error, source.warnings, changed)
    warnings = [*source.warnings, *changed.warnings, *noticed]
    warnings += unlabelled(source.names, spec.columns, spec.later)
    changed.dummy = DUMMY in source.names
    bad = rejects(source, given, failed, spec.columns, changed.apart)
    if not raw.num_rows and not bad:
        warnings.append("the file has a header and no records")
    return _result(spec.columns, raw, bad, None, warnings, changed)


def read(content: bytes, landing: Landing, columns: Mapping[str, Column]) -> Source:
    """Split a landed file into records; Unreadable if that is impossible."""
    plain = unpacked(content)
    if plain.startswith(PARQUET):
        return columnar.read(plain)
    if is_packed(plain):
        return columnar.read_parts(plain)
    spellings = {
        named(name, column)[0]: spelling(column, landing) for name, column in columns.items()
    }
    if is_workbook(plain):
        names = None if landing.header else expected(columns)
        return workbook.read(plain, landing.sheet, landing.skip_lines, names, spellings)
    text, damaged = as_utf8(plain, landing.encoding)
    if is_json_lines(text):
        return jsonlines.read(text, spellings, damaged)
    return delimited.read(text, dialect(landing, columns), damaged)


def _result(
    columns: Mapping[str, Column],
    raw: pa.Table | None,
    bad: Sequence[Bad],
    refused: Unreadable | None,
    warnings: Sequence[str],
    changed: changes.Changed | None = None,
) -> Result:
    table = table_schema(columns).empty_table() if raw is None else raw
    summary: dict[str, Any] = {
        "landed": table.num_rows + len(bad),
        "parsed": table.num_rows,
        "rejected": len(bad),
        "refused": None if refused is None else refused.reason,
        "warnings": list(warnings),
    }
    if changed is not None and changed.proposed:
        summary["proposed"] = changed.proposed
    if changed is not None and changed.dummy:
        summary["dummy"] = True
    outputs = {"raw": table, "rejects": bad_table(bad), "summary": summary}
    return Result(outputs, metadata={"rows": table.num_rows, "rejected": len(bad)})


def _whole_file(content: bytes, error: Unreadable, columns: Mapping[str, Column]) -> Bad:
    shown = MASK if any_sensitive(columns) else repr(content[:PREFIX])[2:-1]
    return Bad(1, error.rule, None, error.reason, shown)


def _every_record(source: Source, error: Unreadable, columns: Mapping[str, Column]) -> list[Bad]:
    """Return every record of a refused file; no text is shown if a column is sensitive."""
    lines = source.lines.to_pylist()
    if any_sensitive(columns):
        texts = [MASK] * len(lines)
    elif source.text is not None:
        texts = [shortened(source.text(line)) for line in lines]
    else:
        names = [f"{name}" for name in source.names]
        texts = row_texts(pa.table(list(source.columns), names=names), columns)
    bad = [
        Bad(line, error.rule, None, error.reason, text)
        for line, text in zip(lines, texts, strict=True)
    ]
    hidden = any_sensitive(columns)
    return bad + [
        Bad(item.line, error.rule, None, error.reason, MASK if hidden else shortened(item.text))
        for item in source.broken
    ]
