"""Values, keys and comments as YAML text: whatever writes a spec writes it with these.

Belongs here: one value, one comment. Does not belong here: what a spec says (`guess/draft`,
`scaffold`), reading (`yaml`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.%/()-]*( [A-Za-z0-9_.%/()-]+)*")
SHORT = ("y", "n")
"""Booleans of YAML 1.1 that other readers know."""
WIDTH = 100
_RESOLVER = yaml.resolver.Resolver()


def scalar(value: Any) -> str:
    r"""Return one value as YAML reads it back.

    >>> scalar("churn"), scalar("no"), scalar("it's"), scalar(1.5), scalar("a\tb")
    ('churn', "'no'", '"it\'s"', '1.5', '"a\\U00000009b"')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value)
    text = str(value)
    if PLAIN.fullmatch(text) and text.lower() not in SHORT and _is_text(text):
        return text
    # Surrogates cannot be written at all, and other readers break lines at U+2028.
    if text.isprintable() and "\ufeff" not in text:
        quote = '"' if "'" in text and not {'"', "\\"} & set(text) else "'"
        return quote + text.replace("'", "''" if quote == "'" else "'") + quote
    return '"' + "".join(_escaped(c) for c in text) + '"'


def flow(value: Any) -> str:
    """Return a value as YAML on one line."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{scalar(k)}: {flow(v)}' for k, v in value.items())}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(flow, value))}]"
    return scalar(value)


def one_line(text: str) -> str:
    """Return a comment on one line: it may quote a file."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def comment(text: str, indent: int = 0, width: int = WIDTH) -> list[str]:
    """Return a text as comment lines.

    >>> comment("rows of  flights", 2)
    ['  # rows of flights']
    """
    room = width - indent - 2
    lines = [""]
    for word in one_line(text).split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > room:
            lines.append(word)
        else:
            lines[-1] += f" {word}" if lines[-1] else word
    return [f"{' ' * indent}# {line}" for line in lines]


def _is_text(plain: str) -> bool:
    """Tell whether YAML reads a plain word as a text: not as a number, a date, true or nothing."""
    tag: str = _RESOLVER.resolve(yaml.ScalarNode, plain, (True, False))  # type: ignore[no-untyped-call]
    return tag == "tag:yaml.org,2002:str"


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08X}"


def _number(value: float) -> str:
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    shown = f"{value!r}"
    # YAML 1.1 reads 1e+20 as a text: it wants a point.
    return shown if "e" not in shown or "." in shown else shown.replace("e", ".0e")
