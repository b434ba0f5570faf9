"""The rows of a workbook that are to be deleted, on every sheet; nothing is changed.

Rows cannot be cut out of a workbook: other cells refer to theirs, and a value may lie in parts that
are not rows (comments, charts, caches). Belongs here: where the values are. Does not belong here:
files of other formats (`rewrite`).
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence

from python_calamine import CalamineWorkbook

from ml_assets.stages.counted import counted
from ml_assets.stages.ingest.cells import written
from ml_assets.stages.ingest.workbook import chosen

SHOWN = 5
Values = Mapping[str, str]


class InWorkbook(Exception):
    """A workbook holds rows that are to be deleted."""

    def __init__(self, rows: Mapping[str, Sequence[int]]) -> None:
        said = [
            f"{counted(len(lines), 'row')} on sheet {sheet!r} ({', '.join(map(str, lines[:SHOWN]))}"
            f"{', …' if lines[SHOWN:] else ''})"
            for sheet, lines in rows.items()
        ]
        super().__init__(" and ".join(said))
        self.rows = rows


def holding(content: bytes, read: str | None, rows: Sequence[int], wanted: Values) -> None:
    """Raise InWorkbook if a sheet holds the rows.

    `rows` are those of the sheet that is read, as its columns' types read their values. On others a
    row holds them if each value is the text of one of its cells.
    """
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    by_sheet = {chosen(book, read)[0]: list(rows)} if rows else {}
    texts = {value.strip() for value in wanted.values()}
    for name in book.sheet_names:
        for number, cells in _rows(book, name):
            if number not in by_sheet.get(name, ()) and texts <= cells:
                by_sheet.setdefault(name, []).append(number)
    if by_sheet:
        raise InWorkbook(by_sheet)


def _rows(book: CalamineWorkbook, name: str) -> Iterator[tuple[int, set[str]]]:
    sheet = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    for number, row in enumerate(sheet, 1):
        yield number, {written(cell).strip() for cell in row}
