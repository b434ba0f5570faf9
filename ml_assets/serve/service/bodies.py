"""The body of a request as rows: JSON, CSV, Arrow.

Belongs here: formats. Does not belong here: the contract (`stages/score`), other protocols'
documents (`mlflow`, `v2`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import pyarrow as pa

from ml_assets.serve.service.refused import Refused
from ml_assets.stages.ingest import delimited
from ml_assets.stages.ingest.dialect import dialect
from ml_assets.stages.ingest.sniff import as_utf8
from ml_assets.stages.ingest.source import Source
from ml_assets.stages.score.source import source_of_table

if TYPE_CHECKING:
    from ml_assets.spec.score import RowsSpec

JSON, CSV, ARROW = "application/json", "text/csv", "application/vnd.apache.arrow.stream"
FORMATS = (JSON, CSV, ARROW)
UNPACKED = 8
"""An Arrow stream may be compressed; its tables may have this many times the body's limit."""
Scalar = str | int | float | bool | None


def document(body: bytes) -> Any:
    """Return a JSON document; Refused for anything that RFC 8259 does not allow."""
    try:
        text = body.decode("utf-8-sig")
        found = json.loads(text, parse_constant=_constant)
        if "\\u" in text:
            # Half a surrogate pair is no character: it can neither be stored nor answered.
            json.dumps(found, ensure_ascii=False).encode()
        return found
    except UnicodeEncodeError:
        raise Refused(400, "the body is not JSON: a \\u escape is half a surrogate pair") from None
    except (ValueError, RecursionError) as error:
        said = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Refused(400, f"the body is not JSON: {said.splitlines()[0][:100]}") from None


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON; write null for a missing value")


def rows_in(found: Any) -> Sequence[Mapping[str, Scalar]]:
    """Return the rows of a JSON document: a list of objects from column to value."""
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise Refused(400, "rows are not there; wanted a list of objects from column to value")
    if not found:
        raise Refused(422, "no rows are there")
    nested = {
        name for row in found for name, value in row.items() if isinstance(value, dict | list)
    }
    if nested:
        raise Refused(422, f"not a single value: {', '.join(sorted(nested)[:20])}")
    return found


def csv(body: bytes, spec: RowsSpec) -> Source:
    """Return the rows of a CSV text, read as the landed files are."""
    columns = {**spec.contract.columns, **spec.optional}
    text, damaged = as_utf8(body, spec.landing.encoding)
    return delimited.read(text, dialect(spec.landing, columns), damaged)


def arrow(body: bytes, limit: int) -> Source:
    """Return the rows of an Arrow stream, whose tables may hold `limit` bytes."""
    parts, size = [], 0
    try:
        with pa.ipc.open_stream(body) as stream:
            for part in stream:
                part.validate(full=True)
                size += part.nbytes
                if size > limit:
                    raise Refused(413, f"the Arrow stream holds more than {limit:,} bytes")
                parts.append(part)
            table = pa.Table.from_batches(parts, stream.schema)
    except (pa.ArrowException, OSError, ValueError) as error:
        said = (str(error).splitlines() or ["damaged"])[0][:100]
        raise Refused(400, f"the body is not an Arrow stream: {said}") from None
    return source_of_table(table)
