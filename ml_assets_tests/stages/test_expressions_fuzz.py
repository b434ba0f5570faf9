"""Whatever is written is refused before any row is seen, or gives what it was said to give."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.spec.columns import Column
from ml_assets.spec.expressions.kinds import kind_of
from ml_assets.stages.expressions import value

COLUMNS = {
    "i": Column(type="integer"),
    "n": Column(type="integer"),
    "x": Column(type="number"),
    "t": Column(type="text"),
    "c": Column(type="category"),
    "b": Column(type="boolean"),
    "f": Column(type="boolean"),
    "at": Column(type="timestamp"),
    "d": Column(type="date"),
    "a b": Column(type="number"),
}
FRAME = pd.DataFrame(
    {
        "i": [0, 2, -3],
        "n": pd.array([1, None, 0], dtype="Int64"),
        "x": [1.5, np.nan, 0.0],
        "t": pd.array(["x", None, "yé"], dtype="string[pyarrow]"),
        "c": pd.Series(["x", None, "y"], dtype="category"),
        "b": [True, False, True],
        "f": pd.array([True, None, False], dtype="boolean"),
        "at": pd.Series(["2013-01-01", None, "2013-02-01"], dtype="datetime64[us, UTC]"),
        "d": np.array(["2013-01-01", "NaT", "2013-01-05"], dtype="M8[s]"),
        "a b": [1.0, 2.0, 3.0],
    }
)
FRAMES = (FRAME, FRAME.iloc[:0], FRAME.dropna().reset_index(drop=True))
PIECES = [
    *"inxtcbfd`'\"()[]{}.,:&|~<>=!+-*/%#@\\\0\n09_é",
    *("at", "str.", "dt.", "isna()", "not ", " in ", "lambda ", "1e9", "**", "__class__", "f'"),
]


def _joined(*parts: st.SearchStrategy[str] | str) -> st.SearchStrategy[str]:
    return st.tuples(*(st.just(p) if isinstance(p, str) else p for p in parts)).map("".join)


def _any(*texts: str) -> st.SearchStrategy[str]:
    return st.sampled_from(texts)


numbers = st.deferred(
    lambda: st.one_of(
        _any("i", "n", "x", "`a b`", "0", "-2", "2.5", "10**18", "9223372036854775807"),
        _joined(
            "(", numbers, _any(" + ", " - ", " * ", " / ", " // ", " % ", " ** "), numbers, ")"
        ),
        _joined("(", numbers, " * ", truths, ")"),
        _joined("(-", numbers, ").abs()"),
        _joined(texts, ".str.len()"),
        _joined(times, _any(".dt.year", ".dt.dayofweek", ".dt.microsecond", ".dt.days_in_month")),
        _joined(spans, _any(".dt.days", ".dt.total_seconds()")),
    )
)
texts = st.deferred(
    lambda: st.one_of(
        _any("t", "c"),
        _joined(texts, _any(".str.upper()", ".str.strip('x')", ".str.slice(1, -1)")),
        _joined("(", texts, " + ", _any("t", "c", "'a'"), ")"),
        _joined(times, _any(".dt.day_name()", ".dt.month_name()")),
    )
)
times = st.deferred(
    lambda: st.one_of(
        _any("at", "d"),
        _joined("(", times, _any(" + ", " - "), spans, ")"),
        _joined("(", times, _any(" + '1h')", " - '2 days 1s')")),
        _joined(times, ".dt.normalize()"),
    )
)
spans = st.deferred(
    lambda: st.one_of(
        _joined("(", times, " - ", times, ")"),
        _joined("(", times, " - '2013-01-03')"),
        _joined("(", spans, _any(" + ", " - "), spans, ")"),
        _joined(spans, ".abs()"),
    )
)
orders = _any(" == ", " != ", " < ", " <= ", " > ", " >= ")
truths = st.deferred(
    lambda: st.one_of(
        _any("b", "f", "True"),
        _joined("(", numbers, orders, numbers, ")"),
        _joined("(", numbers, orders, numbers, orders, numbers, ")"),
        _joined("(", texts, orders, _any("'x'", "t", "c"), ")"),
        _joined("(", times, orders, _any("'2013-01-01'", "at", "d"), ")"),
        _joined("('2013-01-01T00:00+01:00'", orders, times, ")"),
        _joined("(", spans, orders, _any("'1h'", "(at - d)"), ")"),
        _joined("(", truths, _any(" & ", " | ", " and ", " or ", " == "), truths, ")"),
        _joined(_any("(not ", "(~"), truths, ")"),
        _joined(st.one_of(numbers, texts, times, spans), _any(".isna()", ".notna()")),
        _joined("(", texts, _any(" in ", " not in ", " == "), "['x', 'y'])"),
        _joined("(", numbers, _any(" in ", " != "), "[1, 2.5, True])"),
        _joined(times, ".isin(['2013-01-01'])"),
        _joined(numbers, ".between(", numbers, ", ", numbers, ", inclusive='neither')"),
        _joined(texts, ".str.", _any("contains", "match", "fullmatch"), "('x|y', na=True)"),
        _joined(texts, _any(".str.startswith('x')", ".str.isdigit()", ".str.istitle()")),
    )
)
GOT = {"i": "number", "u": "number", "f": "number", "b": "boolean", "M": "time", "m": "duration"}


def _kind(found: pd.Series) -> str:
    dtype = found.dtype
    texts = isinstance(dtype, pd.CategoricalDtype) or pd.api.types.is_string_dtype(dtype)
    return "text" if texts else GOT[dtype.kind]


@settings(max_examples=100, deadline=None)
@given(
    st.one_of(numbers, texts, times, spans, truths, st.lists(st.sampled_from(PIECES)).map("".join))
)
def test_refused_or_of_the_kind_that_was_said(text: str) -> None:
    try:
        said = kind_of(text, COLUMNS)
    except ValueError:
        return
    for frame in FRAMES:
        found = value(text, frame, "rule r")
        assert isinstance(found, pd.Series)
        assert found.index.equals(frame.index)
        assert _kind(found) == said
