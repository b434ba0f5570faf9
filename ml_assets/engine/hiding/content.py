"""A delivered content to one of the same format without clear values.

A file that cannot be split into records as the contract says has no known columns, and so cannot be
stored at all; a record that does not come apart is masked whole.
"""

from __future__ import annotations

import gzip

from ml_assets.engine.hiding.columns import NUL, UNDECODABLE, Hiding
from ml_assets.engine.hiding.delimited import hidden_lines
from ml_assets.engine.hiding.jsonlines import hidden_objects
from ml_assets.engine.parquet import written
from ml_assets.stages import parquet
from ml_assets.stages.ingest import columnar
from ml_assets.stages.ingest.opened import wide
from ml_assets.stages.ingest.sniff import (
    GZIP,
    PARQUET,
    as_utf8,
    is_json_lines,
    is_workbook,
    unpacked,
)
from ml_assets.stages.ingest.source import Unreadable
from ml_assets.stages.parts import is_packed, packed, parts_of

WORKBOOK = "a workbook may hold clear values on every sheet; save the sheet as CSV"


def hidden_content(content: bytes, hiding: Hiding) -> bytes:
    """Return a content with pseudonyms; Unreadable if it is not known where its values are."""
    plain = unpacked(content)
    if is_packed(plain):
        columnar.read_parts(plain)  # Says what is damaged.
        return packed({name: _table(part, hiding) for name, part in parts_of(plain).items()})
    made = _table(plain, hiding) if plain.startswith(PARQUET) else _text(plain, hiding)
    return gzip.compress(made, mtime=0) if content.startswith(GZIP) else made


def _table(content: bytes, hiding: Hiding) -> bytes:
    source = columnar.read(content)
    hiding.check(list(source.names))
    table = parquet.read(content)
    for number, name in enumerate(source.names):
        if name not in hiding.kept:
            # As ingest reads the column: some types of Parquet are texts to it.
            table = table.set_column(number, name, hiding.column(name, source.columns[number]))
    return written(table)


def _text(plain: bytes, hiding: Hiding) -> bytes:
    if is_workbook(plain):
        raise Unreadable("format", WORKBOOK)
    encoding = hiding.spec.landing.encoding
    text, damaged = as_utf8(plain, encoding)
    hide = hidden_objects if is_json_lines(text) else hidden_lines
    marks = (NUL, UNDECODABLE) if damaged else (NUL,)
    return _encoded(hide(text, hiding, marks), encoding, damaged)


def _encoded(text: bytes, encoding: str, damaged: bool) -> bytes:
    """Return a text in its encoding, with bytes that are not in it where such bytes were."""
    if not damaged:
        return text.decode().encode(encoding)
    if wide(encoding):
        raise Unreadable("encoding", f"some bytes are not text in {encoding}; deliver it again")
    wrong = next((bytes([n]) for n in range(128, 256) if not _decodes(n, encoding)), None)
    if wrong is None:
        raise Unreadable("encoding", f"some bytes are not text in {encoding}; deliver it again")
    return wrong.join(piece.encode(encoding) for piece in text.decode().split(UNDECODABLE))


def _decodes(number: int, encoding: str) -> bool:
    try:
        bytes([number]).decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
