"""The layout of delimited text: delimiter, quotes, lines before the header, header.

Belongs here: judging a sample of text. Does not belong here: bytes, files.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ml_assets.guess.numerals import PLAIN
from ml_assets.guess.times import ISO, clocks_of, formats_of

DELIMITERS = ",;\t| "
LINES = 300
NUMBER = re.compile(r"[+-]?[0-9][0-9.,]*([eE][+-]?[0-9]+)?%?")
_PLAIN = re.compile(PLAIN)
LARGEST_FIELD = 1 << 27
"""Characters of the longest value."""

Rows = list[list[str]]


@dataclass(frozen=True)
class Layout:
    """How a text is divided into records and values."""

    delimiter: str = ","
    quote: str = '"'
    header: bool = True
    skip_lines: int = 0


def layout(text: str, whole: bool) -> Layout:
    """Return the layout of the beginning of a text; `whole` says that it is all of it."""
    skipped = _directive(text)
    lines = text.splitlines(keepends=True)
    if not whole and len(lines) > 1:
        lines = lines[:-1]
    lines = lines[skipped : skipped + LINES]
    best, score = Layout(), 0.0
    for delimiter in DELIMITERS:
        for quote in ('"', "'"):
            rows = records(lines, delimiter, quote)
            rating = _score(rows, delimiter)
            # Apostrophes are quotes only if that divides the text better.
            if rating > score * (1.02 if quote == "'" else 1.0):
                best, score = Layout(delimiter, quote), rating
    rows = records(lines, best.delimiter, best.quote)
    if best.quote == '"' and _wrapped(rows):
        best = Layout(best.delimiter, "'")
        rows = records(lines, best.delimiter, best.quote)
    before = _before(rows)
    return Layout(
        best.delimiter, best.quote, has_header(rows[before:]), skipped + _lines(lines, before)
    )


@contextmanager
def long_fields() -> Iterator[None]:
    """Let csv read long fields; the limit is of the whole process, so it is put back."""
    before = csv.field_size_limit(LARGEST_FIELD)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def records(lines: list[str], delimiter: str, quote: str) -> Rows:
    """Return the records of some lines, blank lines left out."""
    reader = csv.reader(
        io.StringIO("".join(lines), newline=""), delimiter=delimiter, quotechar=quote
    )
    rows = Rows()
    try:
        with long_fields():
            rows.extend(row for row in reader if row)
    except csv.Error:
        return rows
    return rows


def has_header(rows: Rows) -> bool:
    """Return whether the first record names the columns.

    >>> has_header([["id", "x"], ["1", "2"]]), has_header([["7", "a"], ["8", "a"], ["9", "b"]])
    (True, False)
    """
    if not rows:
        return True
    head, body = rows[0], rows[1:]
    votes = 0
    for place, name in enumerate(head):
        values = [row[place].strip() for row in body if place < len(row) and row[place].strip()]
        if not values:
            continue
        typed = sum(map(_typed, values)) >= 0.8 * len(values)
        if typed:
            votes += -1 if _typed(name.strip()) else 1 if name.strip() else 0
        elif len(values) > 2 and name.strip() and values.count(name.strip()) > 0:
            votes -= 1
    names = [name.strip() for name in head]
    if votes == 0:
        return not all(_typed(name) for name in names)
    return votes > 0


def _typed(text: str) -> bool:
    return bool(
        NUMBER.fullmatch(text) or ISO.fullmatch(text) or formats_of(text) or clocks_of(text)
    )


def _score(rows: Rows, delimiter: str) -> float:
    """Return how well a delimiter divides: equal widths, clean values, many columns."""
    if not rows:
        return 0.0
    widths = Counter(len(row) for row in rows)
    width, often = max(widths.items(), key=lambda item: (item[1] * (item[0] > 1), item[0]))
    if width < 2:
        return 0.0
    values = [value.strip() for row in rows if len(row) == width for value in row]
    others = set(DELIMITERS) - {delimiter, " "}
    clean = sum(_clean(value, others) for value in values) / len(values)
    return often / len(rows) * clean**2 * (1 - 1 / width) * (0.7 if delimiter == " " else 1.0)


def _clean(value: str, others: set[str]) -> bool:
    return not value or NUMBER.fullmatch(value) is not None or not set(value) & others


def _wrapped(rows: Rows) -> bool:
    """Return whether the texts of some column stand in apostrophes."""
    body = rows[1:]
    for place in range(len(body[0]) if body else 0):
        values = [row[place].strip() for row in body if place < len(row)]
        texts = [value for value in values if value and not _PLAIN.match(value)]
        held = sum(len(v) > 1 and v[0] == v[-1] == "'" for v in texts)
        if len(texts) > 2 and held >= 0.9 * len(texts):
            return True
    return False


def _before(rows: Rows) -> int:
    """Return how many records stand before the header: titles and remarks."""
    widths = Counter(len(row) for row in rows)
    width = max(widths, key=lambda size: (widths[size], size)) if widths else 1
    if width < 2 or widths[width] < len(rows) / 2:
        return 0
    for number, row in enumerate(rows[:50]):
        if len(row) >= width and sum(bool(v.strip()) for v in row) > width / 2:
            return number
    return 0


def _lines(lines: list[str], before: int) -> int:
    """Return how many lines the first records take, blank lines among them."""
    left, count = before, 0
    for line in lines:
        if left == 0:
            break
        count += 1
        left -= bool(line.strip())
    return count


def _directive(text: str) -> int:
    """Return 1 where the first line sets Excel's delimiter."""
    return int(re.match(r"sep=.\r?\n", text) is not None)
