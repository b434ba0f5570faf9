"""Damaged bodies are refused, whatever bytes they have: nothing else comes out of a parser."""

from __future__ import annotations

import io
import json
import time
import tracemalloc
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.serve.service import bodies, counting, mlflow, native, v2
from ml_assets.serve.service.arrow import arrow
from ml_assets.serve.service.predicting import Options
from ml_assets.serve.service.refused import Refused
from ml_assets.serve.service.requests import Limits
from ml_assets.spec.columns import Column
from ml_assets.spec.dataset import Contract, Landing
from ml_assets.spec.score import RowsSpec
from ml_assets.stages.ingest.source import Unreadable

ROW = {"sale": 7, "day": "2020-06-03", "store": "north", "promo": None}
LIMITS = Limits(bytes=1 << 20, rows=50)


def stream(compression: str | None) -> bytes:
    table = pa.table({name: [value] * 3 for name, value in ROW.items()})
    table = table.append_column("kind", pa.array(["a", "b", "a"]).dictionary_encode())
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue()


TEXTS = [
    json.dumps(document).encode()
    for document in (
        {"rows": [ROW], "batch": "2020-06"},
        {"dataframe_split": {"columns": list(ROW), "data": [list(ROW.values())]}, "params": {}},
        {"inputs": [{"name": "sale", "shape": [1], "datatype": "INT64", "data": [7]}]},
    )
]
STREAMS = [stream(compression) for compression in (None, "zstd", "lz4")]


@st.composite
def damaged(draw: st.DrawFn, whole: list[bytes]) -> bytes:
    """Draw a body of which some bytes are others, and the end may be cut."""
    body = bytearray(draw(st.sampled_from(whole)))
    places = st.lists(st.integers(0, len(body) - 1), max_size=4)
    for place in draw(places):
        body[place] = draw(st.integers(0, 255))
    return bytes(body[: draw(st.integers(len(body) - 9, len(body)))])


@given(damaged(STREAMS))
def test_an_arrow_stream(body: bytes) -> None:
    with suppress(Refused, Unreadable):
        arrow(body, LIMITS.bytes, LIMITS.rows)


@given(damaged(TEXTS) | st.binary(max_size=200))
def test_a_json_body(body: bytes) -> None:
    for read in (_native, _mlflow, _v2):
        with suppress(Refused):
            read(body)


def _native(body: bytes) -> Any:
    return native._reading(bodies.JSON, body, Options(), LIMITS)


def _mlflow(body: bytes) -> Any:
    return mlflow._reading(bodies.JSON, body, LIMITS.rows)


def _v2(body: bytes) -> Any:
    asked = bodies.document(body, LIMITS.rows)
    return v2._rows(asked.get("inputs") if isinstance(asked, dict) else None, LIMITS.rows)


def test_a_name_that_is_not_utf_8() -> None:
    with pytest.raises(Refused, match="is not an Arrow stream: 'utf-8' codec can't decode"):
        arrow(STREAMS[0].replace(b"store", b"st\x91re"), LIMITS.bytes, LIMITS.rows)


def test_too_many_columns() -> None:
    names = [f"c{number}" for number in range(bodies.COLUMNS + 1)]
    row = dict.fromkeys(names, 1)
    few = [{name: 1} for name in names]
    for rows in ([row], few):
        with pytest.raises(Refused, match="wanted at most 10,000 columns"):
            bodies.rows_in(rows, len(names))
    sink = io.BytesIO()
    table = pa.table({name: [1] for name in names})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(Refused, match="wanted at most 10,000 columns"):
        arrow(sink.getvalue(), LIMITS.bytes, LIMITS.rows)


ROWS = RowsSpec(
    landing=Landing(pattern="x"), contract=Contract(columns={"sale": Column(type="number")})
)


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_lines_without_a_row_are_counted_too(end: bytes) -> None:
    text = b"sale" + end + b"7" + end
    assert len(bodies.csv(text + end * 20 * 50, ROWS, 50).lines) == 1
    with pytest.raises(Refused, match="wanted at most 50 rows in one request"):
        bodies.csv(text + end * 20 * 52, ROWS, 50)


@pytest.mark.parametrize("header", [b"s" * (2 << 20), b'"' + b'""\n' * (1 << 20) + b'"'])
def test_a_header_that_goes_on_and_on(header: bytes) -> None:
    begin = time.process_time()
    with pytest.raises((Refused, Unreadable), match="header"):
        bodies.csv(header + b"\n7\n", ROWS, 50)
    assert time.process_time() - begin < 5


@pytest.mark.parametrize("text", [b"a" * 2, b"\\n", b"[{"])
def test_brackets_in_texts_are_no_rows_and_cost_no_memory(text: bytes) -> None:
    body = b'{"rows": [{"store": "' + text * 500_000 + b"[{" * 2000 + b'"}]}'
    tracemalloc.start()
    try:
        counting.few_brackets(body, 50)
        assert tracemalloc.get_traced_memory()[1] < 5 * len(body)
    finally:
        tracemalloc.stop()
    with pytest.raises(Refused, match="wanted at most 50 rows"):
        counting.few_brackets(body + b"{" * 200, 50)
