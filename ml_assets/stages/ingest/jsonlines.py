"""JSON Lines to records: an object a line; a field that is not there is missing.

Every value becomes the text that stands there, so that no digit of a number is lost; an object or
list within becomes its JSON. Belongs here: lines, objects.
Does not belong here: types, the contract.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ml_assets.stages.ingest.cells import Number, column
from ml_assets.stages.ingest.lines import Lines, Records
from ml_assets.stages.ingest.source import Broken, Source, Unreadable

if TYPE_CHECKING:
    from ml_assets.stages.ingest.spelling import Spelling

SURROGATE = re.compile(r"[\ud800-\udfff]")


class _Wrong(ValueError):
    """A line that is not an object of single values."""


def read(text: bytes, spellings: Mapping[str, Spelling], damaged: bool) -> Source:
    """Split JSON Lines into records; Unreadable if no line is an object."""
    lines = Lines(text)
    at, objects, broken = [], list[dict[str, Any]](), list[Broken]()
    for number, line in lines.after(1):
        if not line.strip():
            continue
        try:
            objects.append(_object(line))
            at.append(number)
        except (ValueError, RecursionError) as error:
            broken.append(Broken(number, "parse.json", _reason(error), line))
    if not objects:
        raise Unreadable(
            "json", f"no line of the file is a JSON object ({broken[0].reason}); one object a line"
        )
    names = list(dict.fromkeys(name for item in objects for name in item))
    return Source(
        names=names,
        columns=[
            column([_text(item.get(name)) for item in objects], spellings.get(name))
            for name in names
        ],
        lines=pa.array(at, pa.int64()),
        broken=broken,
        text=Records(lines, None).text,
        damaged=damaged,
        nul=b"\0" in text or b"\\u0000" in text,
    )


def _object(line: str) -> dict[str, Any]:
    parsed = _DECODER.decode(line)
    if not isinstance(parsed, dict):
        raise _Wrong("the line is not an object")
    if "\\ud" in line.lower() and SURROGATE.search(json.dumps(parsed, ensure_ascii=False)):
        raise _Wrong("half of a pair of surrogates, which is not a character")
    return parsed


def _single(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Wrong(f"the field {twice!r} stands there twice")
    return members


_DECODER = json.JSONDecoder(
    object_pairs_hook=_single,
    parse_float=Number,
    parse_int=Number,
    # NaN is a missing value, as in a Parquet file.
    parse_constant=lambda name: None if name == "NaN" else Number(name),
)


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    said = str(error).partition(":")[0] if isinstance(error, json.JSONDecodeError) else str(error)
    where = f" at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else ""
    return f"not JSON: {said}{where}" if where else said


def _text(value: Any) -> Any:
    if isinstance(value, dict | list):
        return _json(value)
    return ("false", "true")[value] if isinstance(value, bool) else value


def _json(value: Any) -> str:
    """Return a nested value as compact JSON, numbers with all of their digits."""
    if isinstance(value, dict):
        fields = (f"{_json(name)}:{_json(inner)}" for name, inner in value.items())
        return f"{{{','.join(fields)}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_json, value))}]"
    return value if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)
