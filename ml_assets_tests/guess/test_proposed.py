"""A spec from a file: what is written, that it is one, and that it holds for its own file."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from ml_assets.errors import RequestError
from ml_assets.guess.propose import Proposal, proposed
from ml_assets.spec.dataset import DatasetSpec

SHOP = """id,at,price,size,zip,mail,note
{rows}
"""


def shop(rows: int = 60) -> str:
    lines = [
        f"{1000 + n * 7},2024-{n % 12 + 1:02}-{n % 28 + 1:02},{n * 1.5 + 0.25},"
        f"{'SML'[n % 3]},0{1000 + n % 9},u{n}@example.org,{'' if n % 5 else 'NA'}"
        for n in range(rows)
    ]
    return SHOP.format(rows="\n".join(lines))


def write(tmp_path: Path, content: str | bytes, name: str = "shop.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def spec(found: Proposal) -> DatasetSpec:
    return DatasetSpec.model_validate(yaml.safe_load(found.text)["attributes"])


def one(tmp_path: Path, header: str, values: list[str]) -> Proposal:
    """Propose for a table of the column and a counter beside it."""
    rows = "\n".join(f"{value};{n % 7}.5" for n, value in enumerate(values))
    return proposed("shop", [write(tmp_path, f"{header};x\n{rows}\n")])


def test_the_spec_of_a_table_says_types_key_time_and_what_is_personal(tmp_path: Path) -> None:
    found = proposed("shop", [write(tmp_path, shop())])
    read = spec(found)
    types = {name: column.type for name, column in read.columns.items()}
    assert types == {
        "id": "text",
        "at": "date",
        "price": "number",
        "size": "category",
        "zip": "text",
        "mail": "text",
        "note": "text",
    }
    assert read.key == ("id",)
    assert read.time == "at"
    assert read.columns["size"].allowed == ("L", "M", "S")
    assert read.columns["size"].action == "warn"
    assert (read.quarantine_budget, read.quarantine_rows) == (0.05, 5)
    assert found.text.startswith("# Read from shop.csv\n")
    assert read.columns["price"].range == (0.0, 180.0)
    assert [name for name, column in read.columns.items() if column.sensitive] == ["zip", "mail"]
    assert not read.columns["at"].nullable
    assert "# id: unique in 60 of 60 rows; its name is that of an id" in found.text
    assert found.trial is not None
    assert (found.trial.landed, found.trial.cleaned, found.trial.lost) == (60, 60, 0)


def test_formats_are_read_alike(tmp_path: Path) -> None:
    text = shop()
    rows = [line.split(",") for line in text.splitlines()]
    columns = dict(zip(rows[0], zip(*rows[1:], strict=True), strict=True))
    table = pa.table({name: list(values) for name, values in columns.items()})
    pq.write_table(table, tmp_path / "shop.parquet")
    lines = (json.dumps(dict(zip(rows[0], row, strict=True))) for row in rows[1:])
    paths = [
        write(tmp_path, text),
        write(tmp_path, gzip.compress(text.encode()), "shop.csv.gz"),
        tmp_path / "shop.parquet",
        write(tmp_path, "\n".join(lines) + "\n", "shop.jsonl"),
    ]
    kinds = [
        [
            (column.name, column.kind, column.distinct)
            for column in proposed("shop", [p]).profile.columns
        ]
        for p in paths
    ]
    assert kinds[1:] == [kinds[0]] * 3


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (["21,5", "30", "1.234,75"] * 20, {"decimal": ",", "thousands": "."}),
        (["12.5 USD", "1,200 USD", "7 USD"] * 20, {"thousands": ",", "strip": ("USD",)}),
        (["30%", "4.5%", "100%"] * 20, {"strip": ("%",), "range": (0.0, 100.0)}),
    ],
)
def test_numbers_with_marks_and_units(
    tmp_path: Path, values: list[str], wanted: dict[str, object]
) -> None:
    column = spec(one(tmp_path, "price", values)).columns["price"]
    assert column.type == "number"
    assert {name: getattr(column, name) for name in wanted} == wanted


def test_a_word_between_numbers_is_a_missing_value_and_said(tmp_path: Path) -> None:
    found = one(tmp_path, "wind", [str(n) if n % 6 else "Calm" for n in range(60)])
    column = spec(found).columns["wind"]
    assert column.type == "integer"
    assert "Calm" in (column.null_values or ())
    assert "'Calm' in 10 rows: a missing value" in found.text


def test_namibia_is_a_country(tmp_path: Path) -> None:
    found = one(tmp_path, "country", ["NA", "DE", "FR", "IT"] * 15)
    column = spec(found).columns["country"]
    assert column.allowed == ("DE", "FR", "IT", "NA")
    assert column.null_values == ("",)


def test_a_unique_measurement_is_no_key(tmp_path: Path) -> None:
    found = one(tmp_path, "weight", [f"{n}.{n * 7 % 10}" for n in range(60)])
    assert spec(found).key == ()
    assert spec(found).columns["weight"].type == "number"


def test_postcodes_that_differ_by_chance_are_no_key(tmp_path: Path) -> None:
    found = one(tmp_path, "PLZ", [f"0{1000 + n}" for n in range(60)])
    assert spec(found).key == ()
    assert spec(found).columns["PLZ"].type == "text"
    assert spec(found).columns["PLZ"].sensitive


def test_dates_that_can_be_read_in_two_ways_are_asked(tmp_path: Path) -> None:
    values = [f"0{n % 9 + 1}/0{n % 7 + 1}/2019" for n in range(60)]
    with pytest.raises(RequestError, match=r"--dates dmy .* or --dates mdy") as caught:
        one(tmp_path, "day", values)
    assert "'02/02/2019'" not in str(caught.value)
    assert "'08/01/2019' is 8 January 2019" in str(caught.value)
    path = tmp_path / "shop.csv"
    assert spec(proposed("shop", [path], "dmy")).columns["day"].format == ("%d/%m/%Y",)
    assert spec(proposed("shop", [path], "mdy")).columns["day"].format == ("%m/%d/%Y",)
    path.write_text(path.read_text() + "31/12/2019;1.5\n")
    assert spec(proposed("shop", [path])).columns["day"].format == ("%d/%m/%Y",)


@pytest.mark.parametrize(("offset", "asked"), [("Z", False), ("+01:00", False), ("", True)])
def test_a_zone_is_asked_for_only_if_times_lack_their_offset(
    tmp_path: Path, offset: str, asked: bool
) -> None:
    values = [f"2019-0{n % 9 + 1}-11T0{n % 7}:30:00{offset}" for n in range(60)]
    assert ("TODO zone" in one(tmp_path, "at", values).text) is asked


def test_names_that_a_spec_cannot_use_are_changed_and_differ(tmp_path: Path) -> None:
    header = "_size,__size,a`b"
    rows = [f"{n}.5,{n % 7}.25,{'pqr'[n % 3]}" for n in range(60)]
    read = spec(proposed("shop", [write(tmp_path, "\n".join([header, *rows]) + "\n")]))
    assert {name: column.source for name, column in read.columns.items()} == {
        "size": ("_size",),
        "size_2": ("__size",),
        "a_b": ("a`b",),
    }


def test_a_date_and_a_clock_are_one_time(tmp_path: Path) -> None:
    rows = [f"2016-{n % 6 + 1:02}-03,{n % 12 + 1}:51 {'AP'[n % 2]}M,{n}.5" for n in range(150)]
    path = write(tmp_path, "date,clock,x\n" + "\n".join(rows) + "\n")
    read = spec(proposed("shop", [path]))
    assert read.time == "at"
    assert read.columns["at"].source == ("date", "clock")
    assert read.columns["at"].format == ("%Y-%m-%d %I:%M %p",)
    assert read.landing.batch == "month of at"
    assert "clock" not in read.columns


def test_files_whose_names_differ_by_a_month_are_batches(tmp_path: Path) -> None:
    paths = [write(tmp_path, shop(), f"shop-2024-{month:02}.csv") for month in (1, 2, 3)]
    read = spec(proposed("shop", paths))
    assert read.calendar is not None
    assert read.calendar.name == "month"
    assert read.landing.pattern == r"shop-(?P<batch>[0-9]{4}-[0-9]{2})\.csv"
    with pytest.raises(RequestError, match="do not differ by a date or a number"):
        proposed("shop", [write(tmp_path, shop(), "a.csv"), write(tmp_path, shop(), "b.csv")])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b" \n\n", "the file is empty"),
        (b"a,b\n", "a header \\('a', 'b'\\) and no rows"),
        (b"a,b,c", "a header \\('a', 'b', 'c'\\) and no rows"),
        (b"a", "a header \\('a'\\) and no rows"),
        (b"a,a\n1,2\n3,4\n", "columns 1 and 2 are both called 'a'"),
        (b"a, a\n1,2\n3,4\n", "columns 1 and 2 are both called 'a'"),
        (b"x" * 5000 + b",b\n1,2\n3,4\n", "the name of column 1 has 5,000 characters, at most 200"),
        (b"a\a,b\n1,2\n3,4\n", "the file is not text"),
        (b"\x7fELF\x02\x01" + bytes(200), "an executable"),
        (bytes(range(256)) * 20, "not text|neither text"),
        (b"\x1f\x8b\x08" + b"x" * 30, "gzip file is damaged"),
        (b"PAR1" + b"x" * 30, "Parquet file is damaged"),
        (b'{"a": 1}\n{"a": \n', "shop.csv:2: not JSON"),
    ],
)
def test_what_is_no_table_has_its_message(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        proposed("shop", [write(tmp_path, content)])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,b\n1,x\n", "one row"),
        ("a,b\n1,x\n1,x\n1,x\n", "all 3 rows are the same"),
        ("a\nx\ny\nx\n", "one column"),
    ],
)
def test_a_table_that_teaches_nothing_is_said(tmp_path: Path, content: str, said: str) -> None:
    found = proposed("shop", [write(tmp_path, content)])
    assert any(said in note for note in found.notes)
    spec(found)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encodings_and_delimiters(tmp_path: Path, encoding: str, delimiter: str) -> None:
    rows = [
        ["Größe", "Straße", "n"],
        *([f"{n}.5", "Köln" if n % 2 else "Bonn", f"{n}"] for n in range(40)),
    ]
    text = "\r\n".join(delimiter.join(row) for row in rows) + "\r\n"
    found = proposed("shop", [write(tmp_path, text.encode(encoding))])
    assert [column.name for column in found.profile.columns] == ["Größe", "Straße", "n"]
    assert spec(found).columns["Straße"].allowed == ("Bonn", "Köln")
    wanted = {"utf-8-sig": "utf-8"}.get(encoding, encoding)
    assert spec(found).landing.encoding == wanted
    assert found.trial is not None
    assert found.trial.lost == 0


def test_lines_before_the_header_and_no_header(tmp_path: Path) -> None:
    body = "\n".join(f"{n},{n * 1.5}" for n in range(40))
    read = spec(proposed("shop", [write(tmp_path, f"Sales of 2024\n\nshop,sales\n{body}\n")]))
    assert read.landing.skip_lines == 1
    assert list(read.columns) == ["shop", "sales"]
    bare = spec(proposed("shop", [write(tmp_path, f"{body}\n")]))
    assert not bare.landing.header
    assert list(bare.columns) == ["column_1", "column_2"]


def test_a_folder_of_parquet_files_is_one_table(tmp_path: Path) -> None:
    folder = tmp_path / "sales.parquet"
    folder.mkdir()
    for part in range(2):
        rows = {"id": [f"k{part}{n:02}" for n in range(30)], "x": [n / 7 for n in range(30)]}
        pq.write_table(pa.table(rows), folder / f"part-{part}.parquet")
    (folder / "_SUCCESS").touch()
    found = proposed("sales", [folder])
    assert found.profile.rows == 60
    assert yaml.safe_load(found.text)["attributes"]["landing"]["pattern"] == r"sales\.parquet"


def test_a_measure_of_area_is_no_accent(tmp_path: Path) -> None:
    text = "Größe m²;Preis\n" + "".join(f"{n},5;{n * 11},25\n" for n in range(40))
    found = spec(proposed("shop", [write(tmp_path, text.encode("latin-1"))]))
    assert (found.landing.encoding, list(found.columns)) == ("cp1252", ["Größe m²", "Preis"])
    flats = ["byt v centru, blízko školy", "pokoj s koupelnou a kuchyní", "příliš žluťoučký kůň"]
    text = "město;popis\n" + "".join(f"Plzeň {n};{flats[n % 3]}\n" for n in range(40))
    assert spec(proposed("shop", [write(tmp_path, text.encode("cp1250"))])).landing.encoding == (
        "cp1250"
    )


ODD_NAMES = [
    "../../x",
    "/etc/passwd",
    "nul",
    "con.csv",
    "{{ env.HOME }}",
    "{% raw %}",
    "!!python/object:os.system",
    "*a",
    "&b",
    "- x",
    "? y",
    "=1+1",
    "@SUM(A1)",
    "a: b",
    "#c",
    "it's",
    '"',
    "%d",
    "日本",
]


def test_names_that_mean_something_elsewhere_are_names(tmp_path: Path) -> None:
    rows = [ODD_NAMES, *([f"{n}.5"] * len(ODD_NAMES) for n in range(30))]
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    before = sorted(tmp_path.rglob("*"))
    path = write(tmp_path, file.getvalue())
    found = proposed("shop", [path])
    assert list(spec(found).columns) == ODD_NAMES
    assert found.trial is not None
    assert (found.trial.landed, found.trial.lost) == (30, 0)
    assert sorted(tmp_path.rglob("*")) == [*before, path]


def test_columns_without_a_name_are_left_out(tmp_path: Path) -> None:
    rows = "".join(f"{n}.5,{n}.25,{n}.75\n" for n in range(30))
    found = proposed("shop", [write(tmp_path, f"a,,c\n{rows}")])
    assert list(spec(found).columns) == ["a", "c"]
    assert "column 2" in found.text
    bare = spec(proposed("shop", [write(tmp_path, f",,\n{rows}")]))
    assert (bare.landing.header, bare.landing.skip_lines) == (False, 1)


def test_a_spec_of_thousands_of_columns_is_not_tried(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(2100)]
    rows = [names, *([f"{n}.5"] * len(names) for n in range(2))]
    found = proposed("shop", [write(tmp_path, "".join(f"{','.join(row)}\n" for row in rows))])
    assert len(spec(found).columns) == 2100
    assert any("2,100 columns and was not tried" in note for note in found.notes)
