"""Numbers as half the world writes them, to the one form that `convert` reads.

Belongs here: decimal marks, groups of thousands, texts around a number.
Does not belong here: types.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.spec.formats import BLANK

MARKS = {" ": "[ \xa0\u2009\u202f]", "'": "['\u2019]"}
"""A mark of thousands -> the characters that are written for it, if there are several."""


def canonical(texts: pa.Array, decimal: str, thousands: str, around: Sequence[str]) -> pa.Array:
    """Return numbers with a decimal point and nothing else than digits, sign and exponent.

    A text that is not a number becomes null.
    """
    groups = pc.extract_regex(texts, _expression(decimal, thousands, around))
    sign, inner, whole, fraction, exponent = (
        pc.struct_field(groups, name) for name in ("sign", "inner", "whole", "fraction", "exponent")
    )
    if thousands:
        mark = MARKS.get(thousands, re.escape(thousands))
        bare = pc.replace_substring_regex(whole, mark, "")
        grouped = pc.not_equal(pc.binary_length(bare), pc.binary_length(whole))
    else:
        bare, grouped = whole, pc.equal(sign, "no sign")
    joined = pc.binary_join_element_wise(
        sign,
        inner,
        bare,
        pc.if_else(_empty(fraction), "", pc.binary_join_element_wise(".", fraction, "")),
        exponent,
        "",
    )
    wrong = pc.or_(
        pc.invert(pc.or_(_empty(sign), _empty(inner))),
        pc.or_(
            pc.and_(_empty(whole), _empty(fraction)),
            pc.and_(grouped, pc.invert(_empty(exponent))),
        ),
    )
    return pc.if_else(wrong, pa.scalar(None, pa.string()), joined)


def _empty(texts: pa.Array) -> pa.Array:
    return pc.equal(pc.binary_length(texts), 0)


def _expression(decimal: str, thousands: str, around: Sequence[str]) -> str:
    # The longest first: of `US$` and `US`, both may stand there.
    texts = "|".join(re.escape(text) for text in sorted(around, key=len, reverse=True))
    beside = f"(?:(?:{texts}){BLANK}*)*" if around else ""
    mark = MARKS.get(thousands, re.escape(thousands))
    groups = f"[1-9][0-9]{{0,2}}(?:{mark}[0-9]{{3}})+|" if thousands else ""
    return (
        f"^{BLANK}*(?P<sign>[+-]?){beside}(?P<inner>[+-]?)(?P<whole>{groups}[0-9]*)"
        f"(?:{re.escape(decimal)}(?P<fraction>[0-9]*))?(?P<exponent>(?:[eE][+-]?[0-9]+)?)"
        f"{BLANK}*{beside}$"
    )
