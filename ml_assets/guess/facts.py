"""What is counted of a column, piece by piece, over all rows and in bounded memory.

Belongs here: counting. Does not belong here: reading files, deciding what a column is.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.guess.distinct import Distinct
from ml_assets.guess.numerals import CODED, PLAIN

LISTED = 2_000
"""Most values of a column that are counted one by one."""
SHAPES = 300
"""Most shapes of a column that are counted one by one."""
LONG = 60
"""Characters beyond which a value has no shape: it is prose."""
LOOKED_AT = 4_000
"""Distinct values of a piece whose shape is looked at; their rows stand for all of the piece."""
PROSE = "…"
"""The shape of what is too long to have one."""
BLANK = frozenset({"", "na", "n/a", "nan", "null", "?", "#n/a", "#null!", "<na>", "\\n"})
"""Spellings, in lower case, of a missing value in every column."""
WORDS = frozenset({"none", "nil", "-", "--", "---", ".", "..", "missing", "#value!", "#div/0!"})
"""Spellings of a missing value in a column of numbers or times; elsewhere they may be values."""
SENTINELS = (-99999.0, -9999.0, -999.0, -99.0, 999.0, 9999.0, 99999.0, 999999.0)
"""Numbers that people write for a missing one."""


@dataclass
class Facts:
    """Counts of one column; a value is a text without surrounding blanks."""

    name: str
    rows: int = 0
    empty: int = 0
    nulls: Counter[str] = field(default_factory=Counter)
    """Spellings of a missing value, as in the file, without those that are empty."""
    counts: Counter[str] | None = field(default_factory=Counter)
    """Rows by value; None where there are more than LISTED."""
    distinct: Distinct = field(default_factory=Distinct)
    plain: int = 0
    """Rows that are numbers without decoration."""
    whole: int = 0
    coded: int = 0
    sentinels: Counter[float] = field(default_factory=Counter)
    """Rows by number of SENTINELS; `min` and `max` are of the other numbers."""
    min: float = float("inf")
    max: float = float("-inf")
    others: Counter[str] = field(default_factory=Counter)
    """Rows by value that is no plain number; the first LISTED."""
    shapes: Counter[str] = field(default_factory=Counter)
    """Rows by shape of what is no plain number: `99/99/9999`, `a-99`."""
    examples: dict[str, str] = field(default_factory=dict)
    """By shape, the first value."""
    padded: int = 0
    """Rows whose value has blanks around it."""
    urls: int = 0
    emails: int = 0
    lists: int = 0
    shortest: int = 1 << 62
    longest: int = 0
    characters: int = 0
    words: int = 0

    @property
    def present(self) -> int:
        """Rows with a value."""
        return self.rows - self.empty - sum(self.nulls.values())

    def add(self, texts: pa.Array) -> None:
        """Count the values of one piece of the column (null: empty)."""
        self.rows += len(texts)
        found = pc.value_counts(texts)
        values = pc.utf8_trim_whitespace(found.field("values"))
        counts = found.field("counts").to_numpy()
        padded = pc.not_equal(values, found.field("values")).to_numpy(zero_copy_only=False)
        hollow = pc.equal(pc.fill_null(pc.utf8_length(values), 0), 0).to_numpy(zero_copy_only=False)
        self.empty += int(counts[hollow].sum())
        short = pc.less_equal(pc.utf8_length(values), 7).to_numpy(zero_copy_only=False)
        lower = pc.utf8_lower(values.filter(pa.array(short & ~hollow)))
        if len(lower):
            spelled = pc.is_in(values, value_set=_spellings(lower, values))
            null = spelled.to_numpy(zero_copy_only=False) & ~hollow
            for text, count in zip(
                values.filter(pa.array(null)).to_pylist(), counts[null], strict=True
            ):
                self.nulls[text] += int(count)
            hollow = hollow | null
        keep = ~hollow
        self.padded += int(counts[padded & keep].sum())
        if not keep.any():
            return
        values, counts = values.filter(pa.array(keep)), counts[keep].astype(np.int64)
        self._count(values, counts)
        self._numbers(values, counts)

    def _count(self, values: pa.Array, counts: npt.NDArray[np.int64]) -> None:
        if self.counts is not None:
            if len(values) <= LISTED * 5:
                for text, count in zip(values.to_pylist(), counts.tolist(), strict=True):
                    self.counts[text] += count
            if len(values) > LISTED * 5 or len(self.counts) > LISTED:
                self.counts = None
        sizes = pc.utf8_length(values).to_numpy(zero_copy_only=False)
        self.shortest = min(self.shortest, int(sizes.min()))
        self.longest = max(self.longest, int(sizes.max()))
        self.characters += int((sizes * counts).sum())

    def _numbers(self, values: pa.Array, counts: npt.NDArray[np.int64]) -> None:
        numeric = _numeric(values)
        texts = values if numeric is None else values.filter(numeric)
        weights = counts if numeric is None else counts[numeric.to_numpy(zero_copy_only=False)]
        if len(texts):
            numbers = pc.cast(texts, pa.float64()).to_numpy(zero_copy_only=False)
            whole = np.floor(numbers) == numbers
            self.plain += int(weights.sum())
            self.whole += int(weights[whole].sum())
            coded = pc.match_substring_regex(texts, CODED).to_numpy(zero_copy_only=False)
            self.coded += int(weights[coded].sum())
            self._extremes(numbers, weights)
        if numeric is None:
            self.distinct.add_numbers(numbers, weights)
            return
        self.distinct.add_texts(values, counts)
        rest = pc.invert(numeric)
        self._others(values.filter(rest), counts[rest.to_numpy(zero_copy_only=False)])

    def _extremes(self, numbers: npt.NDArray[np.float64], weights: npt.NDArray[np.int64]) -> None:
        odd = np.isin(numbers, SENTINELS)
        for number, count in zip(numbers[odd].tolist(), weights[odd].tolist(), strict=True):
            self.sentinels[number] += count
        usual = numbers[~odd]
        if len(usual):
            self.min = min(self.min, float(usual.min()))
            self.max = max(self.max, float(usual.max()))

    def _others(self, values: pa.Array, counts: npt.NDArray[np.int64]) -> None:
        if len(values) <= LISTED * 5 and len(self.others) <= LISTED:
            for text, count in zip(values.to_pylist(), counts.tolist(), strict=True):
                self.others[text] += count
        elif len(self.others) <= LISTED:
            self.others.update(dict.fromkeys(values.slice(0, LISTED).to_pylist(), 1))
        if len(values) > LOOKED_AT:
            rows, step = counts.sum(), len(values) // LOOKED_AT
            values, counts = values.take(pa.array(np.arange(0, len(values), step))), counts[::step]
            counts = np.maximum(1, np.round(counts * (rows / counts.sum()))).astype(np.int64)
        self._looks(values, counts)

    def _looks(self, values: pa.Array, counts: npt.NDArray[np.int64]) -> None:
        """Count what the texts look like."""
        self.urls += _rows(
            values, counts, r"(?i)^(https?://|www\.)|^[a-z0-9.-]+\.(com|org|net)(/|$)"
        )
        self.emails += _rows(values, counts, r"^[^@\s]+@[^@\s]+\.[A-Za-z]{2,}$")
        self.lists += _rows(values, counts, r"^[\[{(].*[\])}]$|^[^,;|]+([,;|] ?[^,;|]+){2,}$")
        blanks = pc.count_substring_regex(values, r"\s+").to_numpy(zero_copy_only=False)
        self.words += int(((blanks + 1) * counts).sum())
        shapes = _shapes(values)
        encoded = shapes.dictionary_encode()
        at = encoded.indices.to_numpy(zero_copy_only=False)
        totals = np.bincount(at, weights=counts, minlength=len(encoded.dictionary))
        _, first = np.unique(at, return_index=True)
        names = encoded.dictionary.to_pylist()
        for number, place in enumerate(first.tolist()):
            name = names[number]
            if name not in self.shapes and len(self.shapes) >= SHAPES:
                name = PROSE
            self.shapes[name] += int(totals[number])
            self.examples.setdefault(name, values[place].as_py())


def _spellings(lower: pa.Array, values: pa.Array) -> pa.Array:
    """Return the values that are, in lower case, a spelling of a missing value."""
    if not pc.any(pc.is_in(lower, value_set=pa.array(sorted(BLANK), pa.string()))).as_py():
        return pa.array([], pa.string())
    found = pc.is_in(pc.utf8_lower(values), value_set=pa.array(sorted(BLANK), pa.string()))
    return values.filter(found)


def _numeric(values: pa.Array) -> pa.Array | None:
    """Return which values are plain numbers, or None if all are."""
    try:
        numbers = pc.cast(values, pa.float64())
    except pa.ArrowInvalid:
        pass
    else:
        if pc.all(pc.is_finite(numbers)).as_py() and not _any(values, "x", "X"):
            return None
    return pc.match_substring_regex(values, PLAIN)


def _any(values: pa.Array, *letters: str) -> bool:
    return any(pc.any(pc.match_substring(values, letter)).as_py() for letter in letters)


def _rows(values: pa.Array, counts: npt.NDArray[np.int64], pattern: str) -> int:
    found = pc.match_substring_regex(values, pattern).to_numpy(zero_copy_only=False)
    return int(counts[found].sum())


def _shapes(values: pa.Array) -> pa.Array:
    """Return the shape of each value: digits as 9, words as a."""
    short = pc.less_equal(pc.utf8_length(values), LONG)
    cut = pc.if_else(short, values, pa.scalar("", pa.string()))
    digits = pc.replace_substring_regex(cut, "[0-9]", "9")
    found = pc.replace_substring_regex(digits, r"\pL+", "a")
    return pc.if_else(short, found, pa.scalar(PROSE, pa.string()))
