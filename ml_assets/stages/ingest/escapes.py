r"""Quotes within quotes written as `\"` instead of CSV's `""`.

Belongs here: finding records that break CSV's grammar so. Does not belong here: reading them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_assets.stages.ingest.dialect import Dialect
from ml_assets.stages.ingest.lines import Ints

REASON = "a quote within a quoted value is written \\{0}, wanted {0}{0}"


def escaped(rows: pa.Table, at: Ints, text: Callable[[int], str], how: Dialect) -> list[int]:
    r"""Return the numbers of rows in which a closing quote is followed by more of the value.

    `at` is the line of each row (n,). Only rows with a `\` are examined: `"C:\"` is one value.
    """
    suspect = np.zeros(rows.num_rows, dtype=np.bool_)
    for column in rows.columns:
        suspect |= pc.fill_null(pc.match_substring(column, "\\"), False).to_numpy()
    other, mark = re.escape(how.delimiter), re.escape(how.quote)
    between = r"[ \t]+" if how.aligned else other
    value = rf"(?:{mark}(?:[^{mark}]|{mark}{mark})*{mark}|(?!{mark})[^{other}]*)"
    record = re.compile(rf"{value}(?:{between}{value})*")
    return [int(row) for row in np.flatnonzero(suspect) if not record.fullmatch(text(int(at[row])))]
