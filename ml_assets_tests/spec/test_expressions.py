"""What an expression may hold, and of which types: all else is refused before any row is seen."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

import pytest

from ml_assets.spec.columns import Column
from ml_assets.spec.expressions import constants, grammar
from ml_assets.spec.expressions.kinds import kind_of
from ml_assets.spec.expressions.methods import METHODS
from ml_assets_tests.processes import ROOT

COLUMNS = {
    "units": Column(type="integer"),
    "price": Column(type="number"),
    "store": Column(type="category"),
    "note": Column(type="text"),
    "promo": Column(type="boolean"),
    "at": Column(type="timestamp"),
    "late": Column(type="timestamp"),
    "day": Column(type="date"),
    "class": Column(type="number"),
    "CO(GT)": Column(type="number"),
    "hours-per-week": Column(type="number"),
    "default payment next month": Column(type="number"),
}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("units", "number"),
        ("-units ** 2 / 7 + 60 * 60", "number"),
        ("promo * 2 + 1", "number"),
        ("(units - 3).abs()", "number"),
        ("units > 1 & price < 2 | promo", "boolean"),
        ("not 0 < units <= 9", "boolean"),
        ("~promo", "boolean"),
        ("promo == 1", "boolean"),
        ("store in ['a', 'b']", "boolean"),
        ("units not in (1, -2.5)", "boolean"),
        ("store == ['a', 'b']", "boolean"),
        ("units.isin([1, 2])", "boolean"),
        ("units.between(1, price, inclusive='left')", "boolean"),
        ("store + note == 'ab'", "boolean"),
        (r"note.str.contains('^\d+$', case=False, na=False)", "boolean"),
        ("note.str.contains('(', regex=False)", "boolean"),
        ("note.str.strip().str.lower().str.len()", "number"),
        ("note.str.slice(0, 2) == 'a#b & c'", "boolean"),
        ("at < '2024-02-01'", "boolean"),
        ("'2024-02-01T00:00+01:00' <= at", "boolean"),
        ("at < day", "boolean"),
        ("day.between('2024-01-01', at)", "boolean"),
        ("day in ['2024-01-01', '2024-01-02']", "boolean"),
        ("at - late", "duration"),
        ("at + units * '1 min'", "time"),
        ("'1h' * -units", "duration"),
        ("at - late < '1h 30min'", "boolean"),
        ("at - '90min' > late + '-2 days'", "boolean"),
        ("at - '2024-01-01' > '2 days'", "boolean"),
        ("(at - late).abs().dt.total_seconds() / 60", "number"),
        ("at.dt.hour >= 22 | at.dt.is_month_end", "boolean"),
        ("at.dt.normalize() == day", "boolean"),
        ("class", "number"),
        ("CO(GT)", "number"),
        ("hours-per-week", "number"),
        ("default payment next month", "number"),
        ("`CO(GT)` > `class` * 2 & `hours-per-week` < 40", "boolean"),
        ("store == '`CO(GT)`'", "boolean"),
        ("units\n  > 2", "boolean"),
    ],
)
def test_what_may_be_written(text: str, kind: str) -> None:
    assert kind_of(text, COLUMNS) == kind


ESCAPES = [
    "units.to_frame().eval(\"@tokenize.sys.modules.get('os').system('id > x') < 0*units\")",
    "units.to_csv('x') == units",
    "units.to_pickle('x')",
    "__import__('os').system('id')",
    "@pd.io.common.os.system('id')",
    "units.__class__",
    "units.__class__.__mro__[1].__subclasses__()",
    "note.str._inferred_dtype == 'a'",
    "note.str.__class__ == 'a'",
    "units.dt.__init__.__globals__",
    "units.str.dt.str.__doc__",
    "note.str.replace('a', units.to_csv)",
    "note.str.len.__self__",
    "units.apply(print)",
    "units.map(id)",
    "units.pipe(exec, 'x')",
    "units.agg('to_csv')",
    "units.values.tofile('x')",
    "units.array",
    "units.abs.__call__()",
    "units.isin(__import__('os'))",
    "units.isin(open('x'))",
    "units.between(open('x'), 1)",
    "units.between(1, 2, **{'inclusive': 'both'})",
    "units.between(*[1, 2])",
    "units.abs(units)",
    "(lambda: units)()",
    "[x for x in units]",
    "(x for x in units)",
    "{1: units}",
    "units[0]",
    "units[open('x')]",
    "units if units else open('x')",
    "f'{open(\"x\")}' == store",
    "f'{units}' == store",
    "(units := 3)",
    "units; import os",
    "units = 3",
    "import os",
    "await units",
    "(yield units)",
    "units @ price",
    "units << 3",
    "units is None",
    "units == None",
    "units == ...",
    "units == 1j",
    "store == b'a'",
    "sin(units) > 0",
    "`units`.to_csv('x')",
    "`units.to_csv('x')` == 1",
    "`__import__`('os')",
    "units == 1 # comment",
    "units\0 > 1",
    "units > 1 `",
    "_0_ > `units`.to_csv('x')",
    "units.dt.tz_localize('x')",
    "at.dt.strftime('%s')",
    "at.dt.to_pydatetime()",
    "note.str.cat(store)",
    "note.str.repeat(1000000)",
    "note.str.encode('idna')",
    "note.str.len().to_csv('x')",
    "",
    " ",
    "()",
    "()()",
]


@pytest.mark.parametrize("text", ESCAPES)
def test_what_is_not_listed_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        kind_of(text, COLUMNS)


@pytest.mark.parametrize(
    "text",
    [
        "units > 10**10**10",
        "units > (10**18)**1024",
        "units > 2**-10**10",
        "units > 2.0**10**4",
        "units > 10**30",
        "units > 9223372036854775808",
        "units > 1e999",
        "units > 1/0",
        "units > (-8)**0.5",
        f"units > {'9' * 5000}",
        f"units > 0x{'f' * 15000}",
        "'a' * 10**10 == store",
        "note * 10**9 == store",
        "units > 1 << 10**10",
        "units > " + "(" * 5000 + "1" + ")" * 5000,
        "units > " + "-" * 19000 + "1",
        "units > " + "~" * 500 + "1",
        "units in [" + "-" * 19000 + "1]",
        "units" + " + units" * 2000,
        "units.abs()" + ".abs()" * 500,
        "units > 1" + " > 1" * 50_000,
        "note.str.contains('" + "(" * 500 + "')",
        "note.str.contains('((a{100}){100}){100}')",
        "note.str.contains('(?=a)')",
        r"note.str.contains(r'(a)\1')",
        "at + '99999999999 days' > late",
    ],
    ids=lambda text: text[:30],
)
def test_what_cannot_be_computed_in_reason_is_refused_at_once(text: str) -> None:
    started = time.perf_counter()
    with pytest.raises(ValueError, match=r"\w") as caught:
        kind_of(text, COLUMNS)
    assert time.perf_counter() - started < 2
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("units == 'a'", "units is a number, got 'a', wanted a number such as 3"),
        (r"store == '\ud800'", r"'\ud800' holds half a character"),
        ("store > 3", "store is a text, got 3, wanted a text in quotes such as 'a'"),
        ("at < 20240201", "got 20240201, wanted a time such as '2024-01-31'"),
        ("at < '2024-13-45'", "'2024-13-45' is not a time; write '2024-01-31'"),
        ("day == '01.02.2024'", "'01.02.2024' is not a time; write '2024-01-31'"),
        ("at < '0001-01-01T00:00+23:59'", "is not a time"),
        ("at - late > 3", "at - late is a duration, got 3, wanted a duration such as '15min'"),
        ("at - late > 'soon'", "'soon' is not a duration; write '90s'"),
        ("at + 3 > late", "at is a time, 3 is a number"),
        ("at + units * '1 mile' > late", "'1 mile' is not a duration; write '90s'"),
        ("at + store * '1 min' > late", "store is a text, '1 min' is a text"),
        ("at + late > day", "arithmetic: at is a time, late is a time"),
        ("(at - late) / 60 > 1", ".dt.total_seconds() makes a number of a duration"),
        ("at < units", "not comparable: at is a time, units is a number"),
        ("units & promo", "& and |: units is a number, wanted true or false"),
        ("~units > 3", "not and ~: units is a number, wanted true or false"),
        ("promo + promo", "arithmetic between two booleans; use & and |"),
        ("units.str.len() > 1", ".str.len is for a text, units is a number"),
        ("note.dt.hour > 1", ".dt.hour is for a time, note is a text"),
        ("at.dt.hour() > 1", ".dt.hour is written without brackets"),
        ("note.isna", ".isna is written with brackets"),
        ("units.isin([])", "a list is empty"),
        ("store in 'abc'", "after in, wanted a list of constants such as ['a', 'b']"),
        ("units.between(1)", ".between(left, right, inclusive): right is missing"),
        ("units.between(1, 2, inclusive='all')", "wanted both, left, right or neither"),
        ("note.str.contains(pat='a', na=0)", "got 0, wanted True or False"),
        ("unit > 1", "no column 'unit'; did you mean 'units'?"),
        ("hours-per-week > 40", "write `hours-per-week` in backticks"),
        ("class > 3", "write `class` in backticks"),
        ("CO(GT) > 3", "write `CO(GT)` in backticks"),
        ("1 == 1", "'1 == 1' reads no column"),
    ],
)
def test_what_does_not_fit_says_what_does(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        kind_of(text, COLUMNS)
    assert said in str(caught.value)


def test_constants() -> None:
    assert constants.instant("2024-01-31") == datetime(2024, 1, 31, tzinfo=UTC)
    assert constants.instant("2024-01-31T12:00+02:00") == datetime(2024, 1, 31, 10, tzinfo=UTC)
    assert constants.duration("1h 30min") == timedelta(minutes=90)
    assert constants.duration("-2 Days") == timedelta(days=-2)
    assert constants.duration("1.5s") == timedelta(seconds=1.5)


def test_names_are_those_of_columns() -> None:
    tree = grammar.parse("`CO(GT)` > units & store == 'price'", COLUMNS)
    assert grammar.names(tree) == {"CO(GT)", "units", "store"}


def test_the_page_lists_every_method() -> None:
    page = (ROOT / "docs" / "reference" / "expressions.md").read_text(encoding="utf-8")
    listed = re.findall(r"`\.([a-z_.]+)\b", page)
    assert set(listed) == set(METHODS)
