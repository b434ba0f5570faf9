"""JSON Lines with pseudonyms: of each object, only the values that are to be hidden change."""

from __future__ import annotations

import json
from collections.abc import Sequence
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from ml_assets.engine.hiding.columns import Hiding
from ml_assets.stages.ingest import read
from ml_assets.stages.ingest.cells import Number
from ml_assets.stages.shown import MASK

BLANKS = " \t\n\r"
BROKEN = f'{{"{MASK}'
"""A line that is no JSON, and may still be the first line of a file of JSON Lines."""


def hidden_objects(text: bytes, hiding: Hiding, marks: Sequence[str]) -> bytes:
    """Return a text (UTF-8, without BOM) with pseudonyms; Unreadable if no line is an object."""
    landing = hiding.spec.landing.model_copy(update={"encoding": "utf-8"})
    source = read(text, landing, hiding.spec.columns)
    hiding.check(list(source.names))
    whole = set(source.lines.to_pylist())
    lines = text.splitlines()
    made: list[str] = []
    for number, line in enumerate(lines, 1):
        if number in whole:
            made.append(_object(line.decode(), hiding, marks))
        elif line.strip():
            made.append(MASK if any(made) else BROKEN)
        else:
            made.append("")
    return "\n".join(made).encode() + (b"\n" if text.endswith((b"\n", b"\r")) else b"")


def _object(line: str, hiding: Hiding, marks: Sequence[str]) -> str:
    pieces, at, copied = list[str](), line.index("{") + 1, 0
    while True:
        at = _after_blanks(line, at)
        if line[at] in "}":
            return "".join([*pieces, line[copied:]])
        if line[at] == ",":
            at += 1
            continue
        name, at = scanstring(line, at + 1)
        at = _after_blanks(line, _after_blanks(line, at) + 1)
        value, end = _DECODER.raw_decode(line, at)
        if name not in hiding.kept and value is not None:
            hidden = name in hiding.hidden
            new = hiding.value(name, _text(value), marks) if hidden else MASK
            pieces += [line[copied:at], json.dumps(new, ensure_ascii=False)]
            copied = end
        at = end


def _after_blanks(line: str, at: int) -> int:
    while line[at] in BLANKS:
        at += 1
    return at


_DECODER = json.JSONDecoder(
    parse_float=Number,
    parse_int=Number,
    parse_constant=lambda name: None if name == "NaN" else Number(name),
)


def _text(value: Any) -> str:
    """Return a value as the text that ingest takes it for."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        fields = (
            f"{json.dumps(name, ensure_ascii=False)}:{_inner(v)}" for name, v in value.items()
        )
        return f"{{{','.join(fields)}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_inner, value))}]"
    return json.dumps(value)


def _inner(value: Any) -> str:
    quoted = isinstance(value, str) and not isinstance(value, Number)
    return json.dumps(value, ensure_ascii=False) if quoted else _text(value)
