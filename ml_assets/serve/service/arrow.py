"""The body of a request as an Arrow stream.

A few kilobytes may be unpacked to gigabytes, so what a message says that it holds is read before
pyarrow unpacks it. Belongs here: Arrow. Does not belong here: other formats (`bodies`).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pyarrow as pa

from ml_assets.serve.service.bodies import few_columns
from ml_assets.serve.service.refused import Refused, many_rows
from ml_assets.stages.ingest.source import Source
from ml_assets.stages.score.source import source_of_table

DICTIONARY, BATCH = 2, 3
"""Kinds of messages that have buffers."""


def arrow(body: bytes, most_bytes: int, most_rows: int) -> Source:
    """Return the rows of an Arrow stream, whose tables may hold so many bytes and rows."""
    parts, size, rows = [], 0, 0
    try:
        for held in _sizes(body):
            size += held
            if size > most_bytes:
                raise Refused(413, f"the Arrow stream holds more than {most_bytes:,} bytes")
        size = 0
        with pa.ipc.open_stream(body) as stream:
            few_columns(len(stream.schema))
            for part in stream:
                rows, size = rows + part.num_rows, size + part.nbytes
                if rows > most_rows:
                    raise many_rows(most_rows)
                if size > most_bytes:
                    raise Refused(413, f"the Arrow stream holds more than {most_bytes:,} bytes")
                part.validate(full=True)
                parts.append(part)
            table = pa.Table.from_batches(parts, stream.schema)
        # Only now: names that are not UTF-8 raise when they are asked for.
        return source_of_table(table)
    except (pa.ArrowException, OSError, ValueError, struct.error) as error:
        said = (str(error).splitlines() or ["damaged"])[0][:100]
        raise Refused(400, f"the body is not an Arrow stream: {said}") from None


def _sizes(body: bytes) -> Iterator[int]:
    """Yield the bytes that each compressed message holds when it is unpacked."""
    reader = pa.ipc.MessageReader.open_stream(body)
    while True:
        try:
            message = reader.read_next_message()
        except StopIteration:
            return
        yield _unpacked(message.metadata.to_pybytes(), message.body)


def _unpacked(metadata: bytes, body: pa.Buffer | None) -> int:
    """Return the unpacked size of a message's compressed buffers.

    `metadata` is a flatbuffer as in Arrow's Message.fbs; each such buffer begins with its size.
    """
    root = _Table(metadata, struct.unpack_from("<I", metadata)[0])
    kind = root.byte(1)
    if body is None or kind not in (DICTIONARY, BATCH):
        return 0
    batch = root.table(2)
    if kind == DICTIONARY and batch is not None:
        batch = batch.table(1)
    if batch is None or batch.at(3) is None:
        return 0
    data, total = memoryview(body), 0
    for start, length in batch.pairs(2):
        if length >= 8:
            (size,) = struct.unpack_from("<q", data, start)
            # -1 marks a buffer that is not compressed.
            total += length if size < 0 else size
    return total


class _Table:
    """A table of a flatbuffer."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._start = data, at
        self._fields = at - struct.unpack_from("<i", data, at)[0]
        self._size = struct.unpack_from("<H", data, self._fields)[0]

    def at(self, field: int) -> int | None:
        """Return where a field is, None if it is not there."""
        place = 4 + 2 * field
        if place >= self._size:
            return None
        offset: int = struct.unpack_from("<H", self._data, self._fields + place)[0]
        return self._start + offset if offset else None

    def byte(self, field: int) -> int:
        """Return a field of one byte, 0 if it is not there."""
        place = self.at(field)
        return 0 if place is None else self._data[place]

    def table(self, field: int) -> _Table | None:
        """Return a field that is a table."""
        place = self.at(field)
        if place is None:
            return None
        return _Table(self._data, place + struct.unpack_from("<I", self._data, place)[0])

    def pairs(self, field: int) -> Iterator[tuple[int, int]]:
        """Yield a field that is a vector of two numbers each."""
        place = self.at(field)
        if place is not None:
            begin = place + struct.unpack_from("<I", self._data, place)[0]
            count = struct.unpack_from("<I", self._data, begin)[0]
            for number in range(count):
                yield struct.unpack_from("<qq", self._data, begin + 4 + 16 * number)
