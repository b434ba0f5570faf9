"""How numbers and times are spelled in files: marks, texts around a number, zones.

Belongs here: what a spec may say of it. Does not belong here: reading (`stages/ingest`).
"""

from __future__ import annotations

import difflib
import functools
import importlib.resources
import re
from typing import Literal

from ml_assets.spec.formats import lacking

Decimal = Literal[".", ","]
Thousands = Literal["", ",", ".", " ", "'", "_"]
_OF_A_NUMBER = re.compile(r"[0-9.,'_+\s-]*")


def known_zone(name: str) -> str:
    """Return the name of a time zone of the IANA; otherwise raise ValueError."""
    if name not in _zones():
        near = difflib.get_close_matches(name, _zones(), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        said = f"no time zone {name!r}{hint}"
        raise ValueError(f"{said} (wanted an IANA name such as Europe/Berlin or UTC)")
    return name


def date_format(value: str) -> str:
    """Return a date format that gives a time; otherwise raise ValueError."""
    wrong = lacking(value)
    if wrong is not None:
        raise ValueError(f"{value!r} {wrong} (wanted a format such as %d.%m.%Y %H:%M)")
    return value


def around_a_number(value: str) -> str:
    """Return a text that may stand around a number; otherwise raise ValueError."""
    if _OF_A_NUMBER.fullmatch(value):
        raise ValueError(f"got {value!r}, which may be part of a number; wanted a text such as USD")
    return value.strip()


@functools.cache
def _zones() -> frozenset[str]:
    names = importlib.resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8")
    return frozenset(names.split())
