"""Numbers and dates as half the world writes them, and columns that are named or made otherwise."""

from __future__ import annotations

import datetime as dt
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
import tzdata
from hypothesis import example
from hypothesis import given as drawn
from hypothesis import strategies as st

from ml_assets.spec.formats import lacking
from ml_assets.stages.ingest.dates import times
from ml_assets.stages.ingest.parse import timestamp
from ml_assets.stages.ingest.spelling import Spelling, read
from ml_assets.stages.ingest.zones import to_utc
from ml_assets_tests.stages.batches import ingested

UTC = dt.UTC
EPOCH = dt.datetime(1970, 1, 1)
TIMES = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999))


def one(text: str, kind: str, **by: Any) -> Any:
    """Return the value of a text; None if it is none of its type."""
    found = read(pa.array([text, None]), Spelling(kind, ("", "NA"), **by))
    value, missing = found.values.to_pylist()
    assert missing is None
    assert found.bad.to_pylist() == [value is None, False]
    return value


@pytest.mark.parametrize(
    ("text", "by", "wanted"),
    [
        ("21,5", {"decimal": ","}, 21.5),
        ("21", {"decimal": ","}, 21.0),
        ("21.5", {"decimal": ","}, None),
        ("-,5e2", {"decimal": ","}, -50.0),
        (",", {"decimal": ","}, None),
        ("1.234.567,5", {"decimal": ",", "thousands": "."}, 1234567.5),
        ("1234,5", {"decimal": ",", "thousands": "."}, 1234.5),
        ("0.001", {"decimal": ",", "thousands": "."}, None),
        ("1,234", {"thousands": ","}, 1234.0),
        ("1,2345", {"thousands": ","}, None),
        ("12,34,567", {"thousands": ","}, None),
        ("1234,567", {"thousands": ","}, None),
        ("1,234e5", {"thousands": ","}, None),
        ("1,234.5.6", {"thousands": ","}, None),
        (" 1 234 ", {"thousands": " "}, 1234.0),
        ("1\xa0234\u202f567", {"thousands": " "}, 1234567.0),
        ("1'234\u2019567", {"thousands": "'"}, 1234567.0),
        ("1_000", {"thousands": "_"}, 1000.0),
        ("12.5 USD", {"around": ("USD",)}, 12.5),
        ("USD12.5", {"around": ("USD",)}, 12.5),
        ("-$ 12.5", {"around": ("$",)}, -12.5),
        ("$-12.5", {"around": ("$",)}, -12.5),
        ("-$-12.5", {"around": ("$",)}, None),
        ("US$5", {"around": ("US", "US$")}, 5.0),
        ("40 %", {"around": ("%",)}, 40.0),
        ("40 usd", {"around": ("USD",)}, None),
        ("USD", {"around": ("USD",)}, None),
        ("12 m2", {"around": ("m2",)}, 12.0),
        ("(1,234)", {"thousands": ","}, None),
        ("5-", {"decimal": ","}, None),
        ("- 5", {"decimal": ","}, None),
        ("1e101", {"decimal": ","}, None),
        ("\N{ARABIC-INDIC DIGIT ONE}", {"decimal": ","}, None),
        ("nan", {"decimal": ","}, None),
    ],
)
def test_a_number(text: str, by: dict[str, Any], wanted: float | None) -> None:
    assert one(text, "number", **by) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("9.223.372.036.854.775.807", 2**63 - 1),
        ("9.223.372.036.854.775.808", None),
        ("1.234,00", 1234),
        ("1.234,5", None),
        ("+7", 7),
    ],
)
def test_an_integer(text: str, wanted: int | None) -> None:
    assert one(text, "integer", decimal=",", thousands=".") == wanted


@drawn(
    value=st.floats(-1e15, 1e15),
    marks=st.sampled_from([(",", "."), (".", ","), (",", " "), (".", "'"), (",", ""), (".", "_")]),
    around=st.sampled_from(["{}", "{} EUR", "EUR {}", "  {} EUR "]),
)
def test_a_number_that_is_written_reads_back(
    value: float, marks: tuple[str, str], around: str
) -> None:
    decimal, thousands = marks
    digits = f"{value:,.4f}"
    written = digits.translate(str.maketrans({",": thousands, ".": decimal}))
    found = one(
        around.format(written), "number", decimal=decimal, thousands=thousands, around=("EUR",)
    )
    assert found == float(digits.replace(",", ""))


@drawn(value=st.integers(-(2**63), 2**63 - 1), thousands=st.sampled_from([".", " ", "'", "_", ""]))
def test_an_integer_that_is_written_reads_back(value: int, thousands: str) -> None:
    written = f"{value:,}".replace(",", thousands)
    assert one(written, "integer", decimal=",", thousands=thousands) == value


@pytest.mark.parametrize(
    ("text", "form", "wanted"),
    [
        ("31/12/2024", "%d/%m/%Y", dt.datetime(2024, 12, 31)),
        ("31/12/2024", "%m/%d/%Y", None),
        ("1.2.2024", "%d.%m.%Y", dt.datetime(2024, 2, 1)),
        ("29.02.2023", "%d.%m.%Y", None),
        ("29.02.2024", "%d.%m.%Y", dt.datetime(2024, 2, 29)),
        ("00.02.2024", "%d.%m.%Y", None),
        ("20240131", "%Y%m%d", dt.datetime(2024, 1, 31)),
        ("2024-02-01x", "%Y-%m-%d", None),
        ("2016-01-01 12:51 AM", "%Y-%m-%d %I:%M %p", dt.datetime(2016, 1, 1, 0, 51)),
        ("2016-01-01  12:51 p.m.", "%Y-%m-%d %I:%M %p", dt.datetime(2016, 1, 1, 12, 51)),
        ("2016-01-01 13:51 PM", "%Y-%m-%d %I:%M %p", None),
        ("1/1/68", "%d/%m/%y", dt.datetime(2068, 1, 1)),
        ("1/1/69", "%d/%m/%y", dt.datetime(1969, 1, 1)),
        ("sept 5, 2024", "%b %d, %Y", None),
        ("SEP 5, 2024", "%B %d, %Y", dt.datetime(2024, 9, 5)),
        ("5 september 2024", "%d %b %Y", dt.datetime(2024, 9, 5)),
        ("Friday 1 May 2024", "%a %d %b %Y", dt.datetime(2024, 5, 1)),
        ("2024-366", "%Y-%j", dt.datetime(2024, 12, 31)),
        ("2023-366", "%Y-%j", None),
        ("0000-01-01", "%Y-%m-%d", None),
        ("2024-01-01 23:59:60", "%Y-%m-%d %H:%M:%S", None),
        ("2024-01-01T10:00:0.5", "%Y-%m-%dT%H:%M:%S.%f", dt.datetime(2024, 1, 1, 10, 0, 0, 500000)),
        ("2024-01-01 10:00 +0230", "%Y-%m-%d %H:%M %z", dt.datetime(2024, 1, 1, 7, 30)),
        ("2024-01-01 10:00 Z", "%Y-%m-%d %H:%M %z", dt.datetime(2024, 1, 1, 10)),
        ("0001-01-01 00:00 +0100", "%Y-%m-%d %H:%M %z", None),
        ("100% 2024-01-01", "100%% %Y-%m-%d", dt.datetime(2024, 1, 1)),
        ("(2024) 1.2.", "(%Y) %d.%m.", dt.datetime(2024, 2, 1)),
    ],
)  # fmt: skip
def test_a_time(text: str, form: str, wanted: dt.datetime | None) -> None:
    wanted = None if wanted is None else wanted.replace(tzinfo=UTC)
    assert one(text, "timestamp", formats=(form,)) == wanted


def test_formats_are_tried_in_order() -> None:
    given = pa.array(["03/04/2024", "31/12/2024", "2024-01-02", "NA?", None])
    found = read(given, Spelling("date", (), formats=("%d/%m/%Y", "%m/%d/%Y", "%Y-%m-%d")))
    wanted = [dt.date(2024, 4, 3), dt.date(2024, 12, 31), dt.date(2024, 1, 2), None, None]
    assert found.values.to_pylist() == wanted
    assert found.bad.to_pylist() == [False, False, False, True, False]


def test_a_date_with_a_clock_is_of_midnight() -> None:
    form = ("%d.%m.%Y %H:%M",)
    assert one("1.2.2024 00:00", "date", formats=form) == dt.date(2024, 2, 1)
    assert one("1.2.2024 00:01", "date", formats=form) is None


FORMATS = [
    "%Y-%m-%d %H:%M:%S.%f",
    "%d.%m.%Y %I:%M:%S.%f %p",
    "%B %d, %Y %H%M%S%f",
    "%A %d %b %Y - %I:%M:%S,%f%p",
    "%Y%j %H:%M:%S.%f",
    "%Y/%m/%d %H:%M:%S.%f%z",
]


@drawn(moment=TIMES, form=st.sampled_from(FORMATS))
def test_a_time_that_is_written_reads_back(moment: dt.datetime, form: str) -> None:
    assert lacking(form) is None
    moment = moment.replace(tzinfo=UTC)
    written = moment.strftime(form.replace("%Y", f"{moment.year:04d}"))
    assert one(written, "timestamp", formats=(form,)) == moment


@drawn(
    text=st.text(st.sampled_from(list("0123456789-:/ ,.AMPamp")), max_size=20)
    | st.datetimes().map(lambda moment: moment.strftime("%m/%d/%y %I:%M %p")),
)
def test_what_is_read_is_what_strptime_reads(text: str) -> None:
    for form in ("%m/%d/%y %I:%M %p", "%Y-%m-%d", "%d.%m.%Y"):
        found = one(text, "timestamp", formats=(form,)) if text.strip() not in ("", "NA") else None
        if found is not None:
            written = " ".join(text.split()).replace("a.m.", "AM").replace("p.m.", "PM")
            assert found == dt.datetime.strptime(written, form).replace(tzinfo=UTC)


@drawn(
    moment=TIMES,
    offset=st.sampled_from(["", "Z", " UTC", "+02:00", "-0530", "+01"]),
    spec=st.sampled_from(["auto", "minutes", "seconds", "milliseconds"]),
)
@example(moment=dt.datetime(1, 1, 1), offset="+02:00", spec="auto")
def test_iso_times_are_read_alike_with_and_without_a_zone(
    moment: dt.datetime, offset: str, spec: str
) -> None:
    text = moment.isoformat(timespec=spec) + offset
    wanted = timestamp(text)
    found = one(text, "timestamp", zone="UTC")
    assert (None if found is None else (found.replace(tzinfo=None) - EPOCH)) == (
        None if wanted is None else dt.timedelta(microseconds=wanted)
    )


@drawn(text=st.text(st.sampled_from(list("0123456789-:.TZ +UC\t\n\xa0")), max_size=30))
@example(text="2024-01-01 24:00")
@example(text="2024-01-01T10:00:00.1234560")
@example(text="2024-01-01T10:00 ")
def test_a_column_of_iso_times_has_the_grammar_of_one(text: str) -> None:
    for tried in (text, f"2024-02-29{text}", f"2024-02-30T10:00{text}", f"2024-12-31 23:59{text}"):
        found = read(pa.array([tried]), Spelling("timestamp", ())).values.cast(pa.int64())
        assert found.to_pylist() == [timestamp(tried)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2016-01-01 12:00", "2016-01-01 17:00"),
        ("2016-07-01 12:00", "2016-07-01 16:00"),
        ("2016-03-13 02:30", None),
        ("2016-03-13 03:00", "2016-03-13 07:00"),
        ("2016-11-06 01:30", "2016-11-06 05:30"),
        ("2016-11-06 01:30-05:00", "2016-11-06 06:30"),
        ("2050-07-01 12:00", "2050-07-01 16:00"),
        ("1800-01-01 00:00", "1800-01-01 04:56:02"),
    ],
)
def test_a_time_on_the_clock_of_new_york(text: str, wanted: str | None) -> None:
    found = one(text, "timestamp", zone="America/New_York")
    assert found == (wanted and dt.datetime.fromisoformat(f"{wanted}+00:00"))


ZONES = ["America/New_York", "America/Sao_Paulo", "Asia/Gaza", "Australia/Lord_Howe",
         "Europe/Dublin", "Africa/Casablanca", "Pacific/Apia", "America/Havana"]  # fmt: skip


@drawn(
    zone=st.sampled_from(ZONES),
    moments=st.lists(st.datetimes(dt.datetime(1900, 1, 2), dt.datetime(2100, 1, 1)), max_size=20),
)
@example(zone="America/Sao_Paulo", moments=[dt.datetime(2018, 11, 4)])
@example(zone="America/Havana", moments=[dt.datetime(2024, 11, 3), dt.datetime(2024, 11, 2, 23)])
@example(zone="Pacific/Apia", moments=[dt.datetime(2011, 12, 30, 12)])
def test_a_whole_column_is_moved_as_each_time_alone(zone: str, moments: list[dt.datetime]) -> None:
    local = np.array([(m - EPOCH) // dt.timedelta(microseconds=1) for m in moments], np.int64)
    found, skipped, twice = to_utc(local, zone)
    # The machine's own rules may be older.
    with files(tzdata).joinpath("zoneinfo", *zone.split("/")).open("rb") as file:
        place = ZoneInfo.from_file(file)
    for number, moment in enumerate(moments):
        there = moment.replace(tzinfo=place)
        back = there.astimezone(UTC).astimezone(place).replace(tzinfo=None)
        assert skipped[number] == (back != moment)
        later = there.replace(fold=1)
        assert twice[number] == (not skipped[number] and later.utcoffset() != there.utcoffset())
        if not skipped[number]:
            wanted = there.astimezone(UTC).replace(tzinfo=None)
            assert EPOCH + dt.timedelta(microseconds=int(found[number])) == wanted


def test_times_that_occur_twice_are_counted() -> None:
    columns = {"at": {"type": "timestamp", "zone": "Europe/Berlin"}}
    raw, rejects, summary = ingested(
        b"at\n2024-10-27 02:30\n2024-03-31 02:30\n2024-06-01 00:00\n", columns
    )
    assert [row["at"].isoformat() for row in raw] == [
        "2024-10-27T00:30:00+00:00",
        "2024-05-31T22:00:00+00:00",
    ]
    assert [(row["_line"], row["rule"]) for row in rejects] == [(3, "parse.timestamp")]
    assert "one that there is in Europe/Berlin" in rejects[0]["reason"]
    assert summary["warnings"] == [
        "at: 1 times occur twice in Europe/Berlin, where the clock is set back; the first was taken"
    ]


def test_a_times_column_of_another_type_has_a_zone_too() -> None:
    by = Spelling("timestamp", (), zone="Europe/Berlin", formats=("%Y%m%d",))
    noon = [dt.datetime(2024, 6, 1, 12)]
    found = read(pa.array(noon, pa.timestamp("s")), by)
    assert found.values.to_pylist() == [dt.datetime(2024, 6, 1, 10, tzinfo=UTC)]
    found = read(pa.array(noon, pa.timestamp("s", "UTC")), by)
    assert found.values.to_pylist() == [dt.datetime(2024, 6, 1, 12, tzinfo=UTC)]
    found = read(pa.array([20240601, None, 7]), by)
    assert found.values.to_pylist() == [dt.datetime(2024, 5, 31, 22, tzinfo=UTC), None, None]
    assert found.bad.to_pylist() == [False, False, True]


def test_no_texts_at_all() -> None:
    assert len(times(pa.array([], pa.string()), ("%Y-%m-%d",)).valid) == 0
    assert [len(part) for part in to_utc(np.array([], np.int64), "UTC")] == [0, 0, 0]


def test_a_column_of_another_name_and_one_of_two() -> None:
    columns = {
        "at": {"type": "timestamp", "source": ["day", "Clock EST"], "format": "%d/%m/%y %I:%M %p"},
        "class": {"type": "category", "source": "hours-per-week"},
        "CO(GT)": {"type": "number"},
    }
    raw, rejects, summary = ingested(
        b"day,Clock EST,hours-per-week,CO(GT)\n 1/2/16 , 12:51 AM ,x,-200\n1/2/16,,y,1\n"
        b"1/2/16,13:00 AM,z,2\n",
        columns,
        null_values=["", "-200.0"],
    )
    at = dt.datetime(2016, 2, 1, 0, 51, tzinfo=UTC)
    assert raw == [
        {"_line": 2, "at": at, "class": "x", "CO(GT)": None},
        {"_line": 3, "at": None, "class": "y", "CO(GT)": 1.0},
    ]
    assert summary["warnings"] == []
    assert rejects[0]["reason"] == (
        "at: got '1/2/16 13:00 AM', wanted a time, written %d/%m/%y %I:%M %p"
    )
    assert rejects[0]["text"] == "1/2/16,13:00 AM,z,2"


def test_a_file_without_the_source_is_refused() -> None:
    columns = {"at": {"type": "timestamp", "source": ["day", "clock"]}}
    _, _, summary = ingested(b"day,clok\n1,2\n", columns)
    assert "no column clock; did you mean clok for clock?" in summary["refused"]


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("own", [False, True])
def test_missing_values_are_compared_without_blanks_and_as_numbers(quote: str, own: bool) -> None:
    columns: dict[str, Any] = {
        "number": {"type": "number"},
        "count": {"type": "integer"},
        "name": {"type": "text"},
    }
    if own:
        columns["name"]["null_values"] = ["", "?", "-200"]
    lines = ["-200.0;-200;-200.0", " ; ? ; ?", "1;-2e2;-200 ", "-199; 5;\t"]
    text = "\n".join(
        ";".join(f"{quote}{value}{quote}" for value in line.split(";")) for line in lines
    )
    raw, rejects, _ = ingested(
        f"number;count;name\n{text}\n".encode(), columns, delimiter=";",
        null_values=["", " ? ", "-200"],
    )  # fmt: skip
    assert [(row["number"], row["count"], row["name"]) for row in raw] == [
        (None, None, "-200.0"),
        (None, None, None),
        (-199.0, 5, None),
    ]
    assert [(row["_line"], row["rule"]) for row in rejects] == [(4, "parse.integer")]


def test_a_missing_value_is_a_number_as_the_column_spells_it() -> None:
    columns = {"x": {"type": "number", "decimal": ",", "strip": ["EUR"]}}
    raw, _, _ = ingested(b"x\n-9,50 EUR\n9\n", columns, delimiter=";", null_values=["-9,5"])
    assert [row["x"] for row in raw] == [None, 9.0]


def test_marks_of_the_file_and_of_a_column() -> None:
    columns: dict[str, Any] = {
        "a": {"type": "number"},
        "b": {"type": "number", "decimal": ".", "thousands": ""},
        "c": {"type": "text"},
    }
    raw, rejects, _ = ingested(
        b"a;b;c\n1.234,5;1.5;1.234,5\n1.5;1;x\n", columns, delimiter=";", decimal=",", thousands="."
    )
    assert raw == [{"_line": 2, "a": 1234.5, "b": 1.5, "c": "1.234,5"}]
    assert rejects[0]["reason"] == (
        "a: got '1.5', wanted a number up to 1e100 in magnitude (like 1.234,5)"
    )
