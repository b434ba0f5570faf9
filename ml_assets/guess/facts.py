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
HELD = 2.0**53
"""Whole numbers below it are exact as floats."""
LONG = 60
"""Characters beyond which a value has no shape: it is prose."""
LOOKED_AT = 4_000
"""Distinct values of a piece whose shape is looked at; their rows stand for all of the piece."""
PROSE = "…"
"""The shape of what is too long to have one."""
BLANK = frozenset({"", "na", "n/a", "nan", "null", "?", "#n/a", "#null!", "<na>", "\\n"})
"""Spellings, in lower case, of a missing value in every column."""
SPELLINGS = pa.array(
    sorted({form for text in BLANK for form in (text, text.upper(), text.capitalize())} | {"NaN"}),
    pa.string(),
)
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
    """Rows by value that is not a plain number; the first LISTED."""
    shapes: Counter[str] = field(default_factory=Counter)
    """Rows by shape of what is not a plain number: `99/99/9999`, `a-99`."""
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
    def different(self) -> int:
        """Distinct values, an estimate where `distinct` is one."""
        return self.distinct.count() if self.counts is None else len(self.counts)

    @property
    def present(self) -> int:
        """Rows with a value."""
        return self.rows - self.empty - sum(self.nulls.values())

    def add(self, texts: pa.Array) -> None:
        """Count the values of one piece of the column (null: empty)."""
        self.rows += len(texts)
        tally = pc.value_counts(texts)
        values = pc.utf8_trim_whitespace(tally.field("values"))
        counts = tally.field("counts").to_numpy()
        padded = pc.not_equal(values, tally.field("values")).to_numpy(zero_copy_only=False)
        hollow = pc.equal(pc.fill_null(pc.utf8_length(values), 0), 0).to_numpy(zero_copy_only=False)
        self.empty += int(counts[hollow].sum())
        null = pc.is_in(values, value_set=SPELLINGS).to_numpy(zero_copy_only=False) & ~hollow
        if null.any():
            spelled = values.filter(pa.array(null)).to_pylist()
            for text, count in zip(spelled, counts[null], strict=True):
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
            before = dict(self.counts)
            if len(values) <= LISTED * 5:
                for text, count in zip(values.to_pylist(), counts.tolist(), strict=True):
                    self.counts[text] += count
            if len(values) > LISTED * 5 or len(self.counts) > LISTED:
                self.counts = None
                self._spill(before)
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
            self.coded += _rows(texts.filter(pa.array(whole)), weights[whole], CODED)
            self._extremes(numbers, weights)
            self._follow(texts, numbers, weights)
        if numeric is None:
            return
        rest = pc.invert(numeric)
        texts, weights = values.filter(rest), counts[rest.to_numpy(zero_copy_only=False)]
        self._follow(texts, None, weights)
        self._others(texts, weights)

    def _spill(self, counts: dict[str, int]) -> None:
        """Follow the values counted one by one so far as those to come are followed."""
        values = pa.array(list(counts), pa.string())
        weights = np.array(list(counts.values()), dtype=np.int64)
        numeric = pc.match_substring_regex(values, PLAIN)
        plain = numeric.to_numpy(zero_copy_only=False)
        texts = values.filter(numeric)
        numbers = pc.cast(texts, pa.float64()).to_numpy(zero_copy_only=False)
        self._follow(texts, numbers, weights[plain])
        self._follow(values.filter(pc.invert(numeric)), None, weights[~plain])

    def _follow(
        self,
        texts: pa.Array,
        numbers: npt.NDArray[np.float64] | None,
        weights: npt.NDArray[np.int64],
    ) -> None:
        """Count distinct values, once they are no longer counted one by one.

        A number is the same however it is written; one that a float cannot hold is a text.
        """
        if self.counts is not None or not len(texts):
            return
        if numbers is None:
            self.distinct.add_texts(texts, weights)
            return
        large = np.abs(numbers) >= HELD
        self.distinct.add_numbers(numbers[~large], weights[~large])
        if large.any():
            self.distinct.add_texts(texts.filter(pa.array(large)), weights[large])

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


def _numeric(values: pa.Array) -> pa.Array | None:
    """Return which values are plain numbers, or None if all are."""
    try:
        numbers = pc.cast(values, pa.float64())
    except pa.ArrowInvalid:
        pass
    else:
        if pc.all(pc.is_finite(numbers)).as_py() and not _hexadecimal(values):
            return None
    return pc.match_substring_regex(values, PLAIN)


def _hexadecimal(values: pa.Array) -> bool:
    return bool(pc.any(pc.match_substring(values, "x", ignore_case=True)).as_py())


def _rows(values: pa.Array, counts: npt.NDArray[np.int64], pattern: str) -> int:
    matches = pc.match_substring_regex(values, pattern).to_numpy(zero_copy_only=False)
    return int(counts[matches].sum())


def _shapes(values: pa.Array) -> pa.Array:
    """Return the shape of each value: digits as 9, words as a."""
    short = pc.less_equal(pc.utf8_length(values), LONG)
    cut = pc.if_else(short, values, pa.scalar("", pa.string()))
    digits = pc.replace_substring_regex(cut, "[0-9]", "9")
    shapes = pc.replace_substring_regex(digits, r"\pL+", "a")
    return pc.if_else(short, shapes, pa.scalar(PROSE, pa.string()))
