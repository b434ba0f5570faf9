"""A part of a file held against what landed before as the same batch.

A row is known by the dataset's key, else by the values of its columns and how often they occurred
before. Belongs here: which rows are new, replaced or gone, and joining two parts. Does not belong
here: limits, landing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.engine.cutting.parts import no_rows
from ml_assets.engine.cutting.text import encoded, lines_of, plain_text, record_starts
from ml_assets.engine.parquet import written
from ml_assets.errors import RequestError
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.stages import parquet
from ml_assets.stages.ingest import read
from ml_assets.stages.ingest.columns import expected
from ml_assets.stages.ingest.convert import convert
from ml_assets.stages.ingest.sniff import unpacked

Hashes = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]
STEP = np.uint64(0x9E3779B97F4A7C15)
"""Odd, so that the n-th occurrence of a row has another hash than the first."""


@dataclass(frozen=True)
class Compared:
    """The rows of an old and a new part."""

    gone: Hashes
    """Of the rows of the old part that the new one lacks."""
    added: Hashes
    """Of the rows of the new part that the old one lacks."""
    replaced: int
    """Rows of one key with other values."""


class BatchRecords:
    """The records of one batch as landed, those that do not come apart after the others."""

    def __init__(self, content: bytes, spec: DatasetSpec) -> None:
        """Read a landed file; Unreadable where that cannot be."""
        self.content, self.spec = plain_text(unpacked(content), spec)
        self.source = read(self.content, self.spec.landing, spec.columns)
        self.lines = lines_of(self.source)

    @cached_property
    def values(self) -> Hashes:
        """A hash of each record's values, (n,); the n-th record of the same values has its own."""
        return self._known(expected(self.spec.columns))

    @cached_property
    def keys(self) -> Hashes:
        """A hash of each record's key, (n,); of its values where it has none."""
        names = expected({name: self.spec.columns[name] for name in self.spec.key})
        names = [name for name in names if name in self.source.names]
        if not names:
            return self.values
        hashes, lacks = self._known(names), np.zeros(len(self.lines), np.bool_)
        whole = len(self.source.lines)
        for name in names:
            lacks[:whole] |= pc.is_null(self._texts(name)).to_numpy(zero_copy_only=False)
        return np.where(lacks, self.values, hashes)

    @property
    def header(self) -> bytes:
        """What comes before the records of a text."""
        _, starts = record_starts(self.content, self.source)
        return self.content[: starts[0] if len(starts) else None].strip()

    def _known(self, names: Sequence[str]) -> Hashes:
        hashes = np.zeros(len(self.source.lines), np.uint64)
        for number, name in enumerate(names):
            if name in self.source.names:
                texts = self._texts(name).dictionary_encode()
                hashed = np.append(_hashed(texts.dictionary.to_pylist()), np.uint64(0))
                at = pc.fill_null(texts.indices, len(hashed) - 1).to_numpy()
                hashes = (hashes ^ hashed[at]) * STEP + np.uint64(number)
        broken = _hashed([item.text for item in self.source.broken])
        return _numbered(np.concatenate([hashes, broken]))

    def _texts(self, name: str) -> pa.Array:
        return convert(self.source.columns[self.source.names.index(name)], "text")[0]


def _hashed(texts: Sequence[str]) -> Hashes:
    hashes = pd.util.hash_array(np.array(texts, dtype=object), categorize=False)
    return hashes.astype(np.uint64)


def compared(old: BatchRecords, new: BatchRecords) -> Compared:
    """Return which rows of two parts differ."""
    gone, added = ~np.isin(old.keys, new.keys), ~np.isin(new.keys, old.keys)
    same = int((~added).sum())
    equal = int((np.isin(new.keys, old.keys) & np.isin(new.values, old.values)).sum())
    return Compared(old.keys[gone], new.keys[added], same - equal)


def joined(old: BatchRecords, new: BatchRecords, spec: DatasetSpec, batch: str) -> bytes:
    """Return the old records that the new part lacks, and after them all of the new part.

    Raises RequestError where the two have other columns.
    """
    again = "; deliver all rows of the batch in one file"
    named = new.source.text is None or new.header
    if named and list(old.source.names) != list(new.source.names):
        before, now = (", ".join(part.source.names) for part in (old, new))
        raise RequestError(
            f"batch {batch} landed with columns {before}, but this file has {now}{again}"
        )
    kept = ~np.isin(old.keys, new.keys)
    if (old.source.text is None) != (new.source.text is None):
        raise RequestError(f"batch {batch} landed in another format (Parquet or text){again}")
    if new.source.text is None:
        tables = [parquet.read(old.content).filter(pa.array(kept)), parquet.read(new.content)]
        try:
            return written(pa.concat_tables(tables, promote_options="permissive"))
        except pa.ArrowException as error:
            raise RequestError(f"batch {batch} landed with other types ({error}){again}") from None
    _, starts = record_starts(new.content, new.source)
    content = _lines(old, kept) + (new.content[starts[0] :] if len(starts) else b"")
    return encoded(content, spec)


def only(part: BatchRecords, spec: DatasetSpec, kept: Mask) -> bytes:
    """Return the landed file of some of the records of a part."""
    if part.source.text is None:
        return written(parquet.read(part.content).filter(pa.array(kept)))
    if not kept.any() and not part.header:
        return no_rows(spec)
    return encoded(_lines(part, kept), spec)


def _lines(part: BatchRecords, kept: Mask) -> bytes:
    """Return the header and the records that are kept, each to the end of its line."""
    lines, starts = record_starts(part.content, part.source)
    ends = [*starts[1:].tolist(), len(part.content)]
    good = np.isin(lines, part.lines[kept])
    pieces = [part.content[: starts[0] if len(starts) else None]]
    pieces += [
        part.content[begin:end]
        for begin, end, wanted in zip(starts.tolist(), ends, good, strict=True)
        if wanted
    ]
    text = b"".join(pieces)
    return text if text.endswith((b"\n", b"\r")) else text + b"\n"


def _numbered(hashes: Hashes) -> Hashes:
    """Return hashes in which the n-th of equal ones differs from the first."""
    occurrence = pd.Series(hashes).groupby(hashes).cumcount().to_numpy().astype(np.uint64)
    return hashes + occurrence * STEP
