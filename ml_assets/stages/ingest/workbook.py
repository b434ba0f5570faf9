"""A sheet of an Excel workbook to records; the line of a record is its row.

Formulas are read as the values that Excel stored. Belongs here: sheets, rows, the header's row.
Does not belong here: types, the contract.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from ml_assets.faults import suggest
from ml_assets.stages.ingest.cells import column, written
from ml_assets.stages.ingest.source import Source, Unreadable

if TYPE_CHECKING:
    from ml_assets.stages.ingest.spelling import Spelling

NO_VALUE = re.compile(
    rb"</(?:\w+:)?f>\s*(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
"""A formula of which no value is stored."""

DAMAGED = (
    CalamineError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    RuntimeError,
    UnicodeDecodeError,
)
"""What the two readers of the archive raise; zipfile's RuntimeError: a method it does not know."""


def read(
    content: bytes,
    sheet: str | None,
    skip: int,
    names: Sequence[str] | None,
    spellings: Mapping[str, Spelling],
) -> Source:
    """Read a sheet; Unreadable if the workbook is damaged or has no such sheet.

    `names` are its columns if it has no header.
    """
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        name, warnings = chosen(book, sheet)
        rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        warnings += _without_values(content)
    except DAMAGED as error:
        raise Unreadable(
            "excel", f"the workbook is damaged or truncated ({error}); deliver it again"
        ) from None
    filled = [
        number for number in range(skip, len(rows)) if any(cell != "" for cell in rows[number])
    ]
    if not filled:
        after = f" after landing.skip_lines ({skip})" if skip else ""
        raise Unreadable("empty", f"the sheet {name!r} is empty{after}; wanted at least a header")
    if names is None:
        head, *filled = filled
        header = [written(cell).strip() for cell in rows[head]]
    else:
        header = [*names]
    cells = [list(part) for part in zip(*(rows[number] for number in filled), strict=True)]
    columns = [[None if cell == "" else cell for cell in part] for part in cells]
    columns = columns or [[] for _ in header]
    columns += [[None] * len(filled) for _ in header[len(columns) :]]
    header += [""] * (len(columns) - len(header))
    kept = [n for n, name in enumerate(header) if name or any(c is not None for c in columns[n])]
    if names is not None and len(kept) > len(names):
        said = f"the sheet has {len(kept)} columns, the contract {len(names)}"
        raise Unreadable("columns", f"{said}; declare them all, or add a header")
    return Source(
        names=[header[number] for number in kept],
        columns=[column(columns[number], spellings.get(header[number])) for number in kept],
        lines=pa.array([number + 1 for number in filled], pa.int64()),
        broken=(),
        text=None,
        warnings=warnings,
    )


def chosen(book: CalamineWorkbook, sheet: str | None) -> tuple[str, list[str]]:
    """Return the sheet to read, and a warning of those that are not."""
    if sheet is not None:
        if sheet not in book.sheet_names:
            raise Unreadable("sheet", f"no sheet {sheet!r}{suggest(sheet, book.sheet_names)}")
        return sheet, []
    shown = [
        entry.name
        for entry in book.sheets_metadata
        if entry.typ == SheetTypeEnum.WorkSheet and entry.visible == SheetVisibleEnum.Visible
    ]
    names = shown or book.sheet_names
    if not names:
        raise Unreadable("excel", "the workbook is damaged (it lists no sheet); deliver it again")
    first, *others = names
    said = f"only the first sheet, {first}, was read, not {', '.join(others)}"
    return first, [f"{said}; landing.sheet names another"] if others else []


def _without_values(content: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        sheets = [name for name in parts.namelist() if name.startswith("xl/worksheets/")]
        if not any(NO_VALUE.search(parts.read(name)) for name in sheets):
            return []
    return [
        "formulas without a stored value were read as missing; open the workbook in Excel, save it "
        "and deliver it again"
    ]
