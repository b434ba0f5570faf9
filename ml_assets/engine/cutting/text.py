"""Where the records of a text begin, in bytes.

Belongs here: lines and bytes. Does not belong here: values, files.
"""

from __future__ import annotations

import numpy as np

from ml_assets.spec.dataset import DatasetSpec
from ml_assets.stages.ingest.opened import Ints, line_starts, wide
from ml_assets.stages.ingest.sniff import PARQUET, as_utf8
from ml_assets.stages.ingest.source import Source


def plain_text(content: bytes, spec: DatasetSpec) -> tuple[bytes, DatasetSpec]:
    """Return a text in which line ends are those of ASCII, and the spec by which to read it."""
    if content.startswith(PARQUET) or not wide(spec.landing.encoding):
        return content, spec
    landing = spec.landing.model_copy(update={"encoding": "utf-8"})
    text, _ = as_utf8(content, spec.landing.encoding)
    return text, spec.model_copy(update={"landing": landing})


def encoded(text: bytes, spec: DatasetSpec) -> bytes:
    """Return what `plain_text` gave in the encoding of the files."""
    known = spec.landing.encoding
    return text.decode().encode(known) if wide(known) else text


def lines_of(source: Source) -> Ints:
    """Return the line of each record, whole ones first, then those that do not come apart.

    What an open quote swallowed is not a record.
    """
    end = source.unclosed
    broken = [item.line for item in source.broken if end is None or item.line < end]
    return np.concatenate([source.lines.to_numpy(), np.array(broken, np.int64)])


def record_starts(text: bytes, source: Source) -> tuple[Ints, Ints]:
    """Return the lines on which records start, in the order of the file, and their bytes."""
    lines = np.sort(lines_of(source))
    return lines, line_starts(text)[lines - 1]
