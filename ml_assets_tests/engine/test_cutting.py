"""Files that are cut into batches by a column."""

from __future__ import annotations

import gzip
import io
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.engine.cutting import read
from ml_assets.engine.cutting.folder import land_cut
from ml_assets.engine.cutting.outcome import Change, CutFile
from ml_assets.engine.cutting.parts import Parts
from ml_assets.engine.landing import Observed, observe
from ml_assets.errors import RequestError
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.project import Project
from ml_assets.store.home import Home

HEAD = "id,at,x\n"
JAN = "1,2024-01-05,a\n2,2024-01-31T23:59:59,b\n"
FEB = "3,2024-02-01,c\n"
MAR = "4,2024-03-09,d\n"


def _spec(key: bool = False, attributes: Mapping[str, Any] = {}, **landing: Any) -> DatasetSpec:
    return DatasetSpec.model_validate(
        {
            "description": "Rows over time.",
            "calendar": "month",
            "landing": {"pattern": r".*rows\.\w+", "batch": "month of at", **landing},
            "key": ["id"] if key else [],
            "columns": {
                "id": {"type": "integer"},
                "at": {"type": "timestamp"},
                "x": {"type": "text"},
            },
            "quarantine_budget": 0.5,
            **attributes,
        }
    )


class World:
    """A home, and files that are delivered to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.home = Home(folder / "home", "dev")

    def land(self, spec: DatasetSpec, content: str | bytes, name: str = "rows.csv") -> CutFile:
        file = self.folder / name
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return land_cut(self.home, Project({"rows": spec}, {}), "rows", file)

    def drop(self, spec: DatasetSpec, content: str, name: str = "rows.csv") -> Observed:
        folder = self.home.landing / "rows"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
        return self.look(spec)

    def look(self, spec: DatasetSpec) -> Observed:
        return observe(self.home, Project({"rows": spec}, {}), 0.0)

    def bytes(self) -> dict[str, bytes]:
        return {
            batch: self.home.objects.read(items[0].digest)
            for (_, batch), items in self.home.batches.landed().items()
        }

    def texts(self) -> dict[str, str]:
        return {batch: content.decode() for batch, content in self.bytes().items()}

    def times(self) -> dict[str, int]:
        """Return how often each batch landed."""
        return {batch: len(items) for (_, batch), items in self.home.batches.landed().items()}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_file_becomes_its_months(world: World) -> None:
    found = world.land(_spec(), HEAD + FEB + JAN)
    assert world.texts() == {"2024-01": HEAD + JAN, "2024-02": HEAD + FEB}
    assert found == CutFile("rows.csv", 3, [Change("2024-01", 0, 2, 2), Change("2024-02", 0, 1, 1)])
    assert (world.home.landing / "rows/rows.csv").read_text() == HEAD + FEB + JAN
    assert world.look(_spec()) == Observed()


def test_only_the_months_of_appended_rows_land(world: World) -> None:
    world.land(_spec(), HEAD + JAN + FEB)
    more = "5,2024-02-03,e\n"
    found = world.land(_spec(), HEAD + JAN + FEB + more + MAR)
    assert found.changes == [Change("2024-02", 1, 2, 1), Change("2024-03", 0, 1, 1)]
    assert found.same == 1
    assert world.texts()["2024-02"] == HEAD + FEB + more
    assert world.times() == {"2024-01": 1, "2024-02": 2, "2024-03": 1}


def test_a_file_with_only_new_rows_adds_them(world: World) -> None:
    world.land(_spec(), HEAD + JAN + FEB, "1-rows.csv")
    found = world.land(_spec(), HEAD + "5,2024-02-03,e\n", "2-rows.csv")
    assert found.changes == [Change("2024-02", 1, 2, 1)]
    assert world.texts()["2024-02"] == HEAD + FEB + "5,2024-02-03,e\n"
    for again in ("1-rows.csv", "2-rows.csv"):
        content = (world.home.landing / "rows" / again).read_bytes()
        assert world.land(_spec(), content, again).changes == []


def test_a_row_of_the_same_key_replaces_the_old(world: World) -> None:
    world.land(_spec(key=True), HEAD + JAN)
    found = world.land(_spec(key=True), HEAD + "2,2024-01-31,z\n")
    assert found.changes == [Change("2024-01", 2, 2, 0, replaced=1)]
    assert world.texts() == {"2024-01": HEAD + "1,2024-01-05,a\n2,2024-01-31,z\n"}


def test_rows_of_the_same_values_are_counted(world: World) -> None:
    row = "1,2024-01-05,a\n"
    world.land(_spec(), HEAD + row + row)
    assert world.land(_spec(), HEAD + row).changes == []
    assert world.land(_spec(), HEAD + 3 * row).changes == [Change("2024-01", 2, 3, 1)]
    assert world.texts() == {"2024-01": HEAD + 3 * row}


def test_a_whole_export_without_a_row(world: World) -> None:
    spec = _spec(whole=True, max_gone=0.4)
    world.land(spec, HEAD + JAN + FEB)
    found = world.land(spec, HEAD + "1,2024-01-05,a\n" + FEB)
    assert found.changes == [Change("2024-01", 2, 1, 0, gone=1)]
    assert world.texts()["2024-01"] == HEAD + "1,2024-01-05,a\n"


@pytest.mark.parametrize("key", [False, True])
def test_a_whole_export_that_lacks_too_much_changes_nothing(world: World, key: bool) -> None:
    spec = _spec(key, whole=True, max_gone=0.3)
    world.land(spec, HEAD + JAN + FEB)
    before = world.texts()
    with pytest.raises(
        RequestError, match=r"lacks 2 of 3 rows .*\(66.7%\), wanted at most 30.0% .*"
    ):
        world.land(spec, HEAD + FEB + MAR)
    assert world.texts() == before
    assert (world.home.landing / "rows/rows.csv").read_text() == HEAD + JAN + FEB
    (problem,) = world.drop(spec, HEAD + FEB + MAR).problems
    assert "2024-01 2 of 2; nothing landed; deliver the whole table, or raise" in problem
    assert world.look(_spec(key, whole=True, max_gone=0.7)).landed == [
        "rows@2024-01",
        "rows@2024-03",
    ]


def test_a_month_that_a_whole_export_lacks_is_empty_until_it_is_back(world: World) -> None:
    spec = _spec(whole=True, max_gone=0.4)
    world.land(spec, HEAD + JAN + FEB)
    assert world.land(spec, HEAD + JAN).changes == [Change("2024-02", 1, 0, 0, gone=1)]
    assert world.texts()["2024-02"] == HEAD
    assert world.land(spec, HEAD + JAN).changes == []
    assert world.land(spec, HEAD + JAN + FEB).changes == [Change("2024-02", 0, 1, 1)]


def test_a_row_that_moved_to_another_month_is_not_gone(world: World) -> None:
    spec = _spec(key=True, whole=True, max_gone=0)
    world.land(spec, HEAD + JAN + FEB)
    found = world.land(spec, HEAD + JAN + "3,2024-01-07,c\n")
    assert found.changes == [
        Change("2024-01", 2, 3, 1),
        Change("2024-02", 1, 0, 0, gone=1),
    ]


def test_rows_without_a_time_are_kept_apart(world: World) -> None:
    found = world.land(_spec(), HEAD + JAN + "7,,g\n8,soon,h\n9\n" + FEB)
    assert world.texts() == {
        "unassigned": HEAD + "7,,g\n8,soon,h\n9\n",
        "2024-01": HEAD + JAN,
        "2024-02": HEAD + FEB,
    }
    assert found.nameless == {"nothing": 1, "'soon'": 1}
    assert found.changes[0] == Change("unassigned", 0, 3, 3)


def test_a_file_without_readable_times_is_refused(world: World) -> None:
    said = r"at gives no batch for 2 of 3 rows \(66.7%\), wanted at most 50.0% .*'soon' \(2\)"
    with pytest.raises(RequestError, match=said):
        world.land(_spec(), HEAD + FEB + "7,soon,g\n8,soon,h\n")
    assert world.bytes() == {}
    assert list((world.home.root / "tmp").iterdir()) == []


def test_rows_leave_unassigned_once_their_column_is_read(world: World) -> None:
    text = _spec(
        batch="x",
        attributes={"columns": {"id": {"type": "integer"}, "x": {"type": "integer"}}},
    )
    world.drop(text, "id,x\n1,5\n2,five\n")
    assert set(world.texts()) == {"5", "unassigned"}
    read_now = _spec(
        batch="x",
        attributes={"columns": {"id": {"type": "integer"}, "x": {"type": "category"}}},
    )
    assert world.look(read_now).landed == ["rows@unassigned", "rows@five"]
    assert world.texts() == {"5": "id,x\n1,5\n", "five": "id,x\n2,five\n", "unassigned": "id,x\n"}


def test_values_as_names(world: World) -> None:
    spec = _spec(batch="x")
    rows = [
        "../../x",
        "CON",
        " b 1 ",
        "",
        "a/b",
        "n\N{COMBINING TILDE}",
        "\N{LATIN SMALL LETTER N WITH TILDE}",
    ]
    world.land(spec, HEAD + "".join(f"{n},2024-01-01,{row}\n" for n, row in enumerate(rows)))
    assert set(world.texts()) == {"unassigned", "CON", "b 1", "\N{LATIN SMALL LETTER N WITH TILDE}"}
    assert world.texts()["unassigned"].count("\n") == 4
    inside = {path.name for path in world.folder.iterdir()}
    assert inside == {"home", "rows.csv"}


def test_names_of_one_place_are_refused(world: World) -> None:
    with pytest.raises(RequestError, match="batch '1' is the same place as '01' on calendar month"):
        world.land(_spec(batch="x"), HEAD + "1,2024-01-01,01\n2,2024-01-01,1\n")
    assert world.bytes() == {}


def test_quoted_line_breaks_bom_and_crlf_are_kept(world: World) -> None:
    rows = '1,2024-01-05,"a\r\n""b""\n"\r\n', "2,2024-02-05,c\r\n", '\r\n3,2024-01-06,"d,"'
    world.land(_spec(), ("\ufeffid,at,x\r\n" + "".join(rows)).encode())
    head = "\ufeffid,at,x\r\n"
    assert world.texts() == {
        "2024-01": head + rows[0] + rows[2][2:],
        "2024-02": head + rows[1] + "\r\n",
    }


def test_a_compressed_file(world: World) -> None:
    world.land(_spec(), gzip.compress((HEAD + JAN + FEB).encode()), "rows.gz")
    assert world.texts() == {"2024-01": HEAD + JAN, "2024-02": HEAD + FEB}
    with pytest.raises(RequestError, match="the gzip file is damaged or truncated"):
        world.land(_spec(), gzip.compress((HEAD + MAR).encode())[:-9], "rows.gz")


def test_utf_16(world: World) -> None:
    spec = _spec(encoding="utf-16")
    world.land(spec, (HEAD + JAN + FEB).encode("utf-16"))
    world.land(spec, (HEAD + "5,2024-02-03,ä\n").encode("utf-16"))
    assert {batch: content.decode("utf-16") for batch, content in world.bytes().items()} == {
        "2024-01": HEAD + JAN,
        "2024-02": HEAD + FEB + "5,2024-02-03,ä\n",
    }


def test_an_open_quote_is_refused(world: World) -> None:
    with pytest.raises(RequestError, match="a quote opened on line 3 is never closed"):
        world.land(_spec(), HEAD + '1,2024-01-01,a\n2,2024-01-01,"b\n' + FEB)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "the file is empty"),
        ("id,x\n1,a\n", "no column at"),
        ("PK\x03\x04", "a zip archive"),
    ],
)
def test_what_cannot_be_cut(world: World, content: str, said: str) -> None:
    with pytest.raises(RequestError, match=f"rows.csv: .*{said}.*nothing landed"):
        world.land(_spec(), content)


def test_a_header_alone(world: World) -> None:
    assert world.land(_spec(), HEAD).changes == []
    spec = _spec(whole=True)
    world.land(spec, HEAD + JAN)
    with pytest.raises(RequestError, match="lacks 2 of 2 rows"):
        world.land(spec, HEAD)


def test_other_columns_cannot_be_added(world: World) -> None:
    world.land(_spec(), HEAD + JAN)
    with pytest.raises(
        RequestError, match="landed with columns id, at, x, but this file has at, id, x"
    ):
        world.land(_spec(), "at,id,x\n2024-01-09,9,i\n")


@pytest.mark.parametrize(
    ("calendar", "wanted"),
    [
        ({"period": "month"}, {"2024-01": "1234", "2024-02": "5"}),
        ({"period": "month", "zone": "Europe/Berlin"}, {"2024-01": "123", "2024-02": "45"}),
        ({"period": "month", "zone": "America/New_York"}, {"2023-12": "1", "2024-01": "2345"}),
        ({"period": "month", "order": "%b %Y"}, {"Jan 2024": "1234", "Feb 2024": "5"}),
    ],
)
def test_the_calendar_says_by_whose_clock_a_month_begins(
    world: World, calendar: dict[str, str], wanted: dict[str, str]
) -> None:
    times = ("2024-01-01T04:59", "2024-01-01T05:00", "2024-01-31T22:59", "2024-01-31T23:00")
    lines = [f"{n},{at},x\n" for n, at in enumerate((*times, "2024-02-01T00:00"), 1)]
    world.land(_spec(attributes={"calendar": calendar}), HEAD + "".join(lines))
    expected = {b: HEAD + "".join(lines[int(n) - 1] for n in rows) for b, rows in wanted.items()}
    assert world.texts() == expected


def test_a_time_of_two_columns_by_the_clock_of_its_zone(world: World) -> None:
    at = {
        "type": "timestamp",
        "source": ["date", "clock"],
        "format": "%d.%m.%Y %I:%M %p",
        "zone": "America/New_York",
    }
    spec = _spec(attributes={"columns": {"at": at, "x": {"type": "number"}}}, decimal=",")
    rows = '31.01.2016,11:51 PM,"1,5"\n', '01.02.2016,12:51 AM,"2,5"\n'
    world.land(spec, "date,clock,x\n" + "".join(rows))
    assert world.texts() == {
        "2016-01": "date,clock,x\n" + rows[0],
        "2016-02": "date,clock,x\n" + rows[1],
    }
    bare = _spec(attributes={"columns": {"at": {**at, "zone": "UTC"}, "x": {"type": "text"}}})
    assert world.land(bare, "date,clock,x\n" + "".join(rows)).changes == []


def test_without_a_header(world: World) -> None:
    spec = _spec(header=False, skip_lines=1, whole=True, max_gone=0.5)
    world.land(spec, "made by hand\n" + JAN + FEB)
    assert world.texts() == {"2024-01": "made by hand\n" + JAN, "2024-02": "made by hand\n" + FEB}
    plain = _spec(header=False, whole=True, max_gone=0.5)
    other = World(world.folder / "other")
    other.land(plain, JAN + FEB)
    assert other.land(plain, JAN).changes == [Change("2024-02", 1, 0, 0, gone=1)]
    assert pq.read_table(io.BytesIO(other.bytes()["2024-02"])).num_rows == 0
    assert other.land(plain, JAN + FEB).changes == [Change("2024-02", 0, 1, 1)]


def test_json_lines(world: World) -> None:
    first, second, third = (
        '{"id": 1, "at": "2024-01-05", "x": "a"}\n',
        '{"id": 2, "at": "2024-02-05"}\n',
        '{"at": "2024-02-06", "id": 3}\n',
    )
    world.land(_spec(), first + second)
    assert world.land(_spec(), third).changes == [Change("2024-02", 1, 2, 1)]
    assert world.texts() == {"2024-01": first, "2024-02": second + third}


def test_a_workbook(world: World) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in (["id", "at", "x"], [1, "2024-01-05", "NA"], [2, datetime(2024, 2, 5), "b"]):
        book.active.append(row)
    sink = io.BytesIO()
    book.save(sink)
    world.land(_spec(), sink.getvalue(), "rows.xlsx")
    tables = {batch: pq.read_table(io.BytesIO(c)) for batch, c in world.bytes().items()}
    assert {batch: table["x"].to_pylist() for batch, table in tables.items()} == {
        "2024-01": [None],
        "2024-02": ["b"],
    }
    book.active.append([3, datetime(2024, 2, 6), "c"])
    sink = io.BytesIO()
    book.save(sink)
    assert world.land(_spec(), sink.getvalue(), "rows.xlsx").changes == [Change("2024-02", 1, 2, 1)]


def _table(*rows: tuple[int, str, str]) -> bytes:
    table = pa.table(
        {
            "id": [row[0] for row in rows],
            "at": pa.array([row[1] for row in rows]).cast(pa.timestamp("ms")),
            "x": pa.array([row[2] for row in rows]).dictionary_encode(),
        },
        metadata={"pandas": f"{len(rows)} rows"},
    )
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def test_parquet(world: World) -> None:
    first, second, third = (1, "2024-01-05", "a"), (2, "2024-02-01", "b"), (3, "2024-02-02", "c")
    world.land(_spec(), _table(first, second), "rows.parquet")
    assert world.land(_spec(), _table(first, second), "rows.parquet").changes == []
    found = world.land(_spec(), _table(first, second, third), "rows.parquet")
    assert found.changes == [Change("2024-02", 1, 2, 1)]
    found = world.land(_spec(), _table((4, "2024-02-03", "d")), "rows.parquet")
    assert found.changes == [Change("2024-02", 2, 3, 1)]
    tables = {batch: pq.read_table(io.BytesIO(c)) for batch, c in world.bytes().items()}
    assert tables["2024-01"]["x"].to_pylist() == ["a"]
    assert tables["2024-02"]["id"].to_pylist() == [2, 3, 4]
    assert tables["2024-02"].schema.field("at").type == pa.timestamp("ms")


def _parts(folder: Path, *parts: tuple[str, bytes]) -> Path:
    """Write a folder of Parquet files, as Spark does."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in parts:
        (folder / name).write_bytes(content)
    (folder / "_SUCCESS").touch()
    return folder


ONE, TWO, THREE = (1, "2024-01-05", "a"), (2, "2024-02-01", "b"), (3, "2024-02-02", "c")


def test_a_folder_of_parquet_files_is_cut_like_one_file(world: World) -> None:
    folder = _parts(
        world.folder / "rows.parquet",
        ("part-0.parquet", _table(TWO, ONE)),
        ("part-1.parquet", _table(THREE)),
    )
    project = Project({"rows": _spec()}, {})
    found = land_cut(world.home, project, "rows", folder)
    assert (found.file, found.rows) == ("rows.parquet", 3)
    assert found.changes == [Change("2024-01", 0, 1, 1), Change("2024-02", 0, 2, 2)]
    kept = world.home.landing / "rows/rows.parquet"
    assert sorted(path.name for path in kept.iterdir()) == ["part-0.parquet", "part-1.parquet"]
    assert world.look(_spec()) == Observed()
    tables = {batch: pq.read_table(io.BytesIO(c)) for batch, c in world.bytes().items()}
    assert tables["2024-02"]["id"].to_pylist() == [2, 3]
    # The same rows in one file, and a later delivery under the same name.
    assert world.land(_spec(), _table(TWO, ONE, THREE), "all-rows.parquet").changes == []
    _parts(folder, ("part-0.parquet", _table((4, "2024-03-01", "d"))))
    found = land_cut(world.home, project, "rows", folder)
    assert found.changes == [Change("2024-03", 0, 1, 1)]
    assert world.look(_spec()) == Observed()


def test_a_part_that_is_changed_in_the_landing_folder_is_cut(world: World) -> None:
    folder = _parts(world.home.landing / "rows/rows.parquet", ("a.parquet", _table(ONE)))
    assert world.look(_spec()).landed == ["rows@2024-01"]
    _parts(folder, ("b.parquet", _table(TWO)))
    assert world.look(_spec()).landed == ["rows@2024-02"]
    assert world.look(_spec()) == Observed()


def test_parts_of_other_types_are_read_alike_or_refused(world: World) -> None:
    numbers = pa.table({"id": pa.array([7], pa.int32()), "at": ["2024-01-01"], "x": ["a"]})
    wider = pa.table({"x": ["b"], "at": ["2024-01-02"], "id": pa.array([8], pa.int64())})
    folder = _parts(
        world.folder / "rows.parquet",
        ("a.parquet", _written(numbers)),
        ("b.parquet", _written(wider)),
    )
    project = Project({"rows": _spec()}, {})
    assert land_cut(world.home, project, "rows", folder).changes == [Change("2024-01", 0, 2, 2)]
    (content,) = world.bytes().values()
    assert pq.read_table(io.BytesIO(content))["id"].to_pylist() == [7, 8]
    for odd, said in (
        (wider.drop_columns("x"), r"a.parquet and b.parquet have other columns \(x\)"),
        (wider.set_column(2, "id", [["8"]]), "the parts have columns of other types"),
    ):
        _parts(folder, ("b.parquet", _written(odd)))
        with pytest.raises(RequestError, match=said):
            land_cut(world.home, project, "rows", folder)
    (folder / "b.parquet").write_bytes(b"PAR1")
    with pytest.raises(RequestError, match=r"b.parquet is damaged or truncated"):
        land_cut(world.home, project, "rows", folder)
    assert world.times() == {"2024-01": 1}


def _written(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def test_a_dropped_file_is_cut_on_the_next_look(world: World) -> None:
    found = world.drop(_spec(), HEAD + JAN + FEB)
    assert found.landed == ["rows@2024-01", "rows@2024-02"]
    assert world.look(_spec()) == Observed()
    assert world.drop(_spec(), HEAD + JAN + FEB + MAR).landed == ["rows@2024-03"]
    assert world.texts()["2024-03"] == HEAD + MAR


def test_a_file_that_is_being_written_waits(world: World) -> None:
    world.drop(_spec(), HEAD)
    file = world.home.landing / "rows/rows.csv"
    file.write_text(HEAD + JAN)
    found = observe(world.home, Project({"rows": _spec()}, {}), 3.0)
    assert found == Observed(settling=[str(file)])


def test_files_of_a_folder_are_taken_oldest_first(world: World) -> None:
    folder = world.home.landing / "rows"
    folder.mkdir(parents=True)
    for name, value, time in (("a-rows.csv", "new", 2), ("b-rows.csv", "old", 1)):
        (folder / name).write_text(f"{HEAD}1,2024-01-05,{value}\n")
        os.utime(folder / name, (time, time))
    world.look(_spec(key=True))
    assert world.texts() == {"2024-01": f"{HEAD}1,2024-01-05,new\n"}


def test_a_withdrawn_month_stays_out_until_it_has_other_rows(world: World) -> None:
    world.land(_spec(), HEAD + JAN)
    world.home.batches.withdraw("dev", "rows", "2024-01", "wrong")
    assert world.land(_spec(), HEAD + JAN + FEB).changes == [Change("2024-02", 0, 1, 1)]
    assert world.land(_spec(), HEAD + "9,2024-01-09,i\n").changes == [Change("2024-01", 0, 1, 1)]
    assert world.texts()["2024-01"] == HEAD + "9,2024-01-09,i\n"


def test_deliveries_at_once_lose_nothing(world: World) -> None:
    def one(number: int) -> None:
        world.land(_spec(), f"{HEAD}{number},2024-01-05,a\n", f"{number}rows.csv")

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(one, range(12)))
    rows = world.texts()["2024-01"].splitlines()[1:]
    assert sorted(int(row.split(",")[0]) for row in rows) == list(range(12))


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from ml_assets.engine.cutting import deliver, folder
    from ml_assets.spec.project import Project
    from ml_assets.store.batches import Batches
    from ml_assets_tests.engine.test_cutting import World, _spec

    where, place = Path(sys.argv[1]), sys.argv[2]
    die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    if place == "before":
        Batches.land_parts = die
    else:
        folder._move = die
    folder.land_cut(World(where).home, Project({"rows": _spec()}, {}), "rows", where / "rows.csv")
"""


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_killed_delivery_is_all_there_or_not_at_all(world: World, place: str) -> None:
    (world.folder / "rows.csv").write_text(HEAD + JAN + FEB)
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(world.folder), place]
    ended = subprocess.run(command, check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    batches = {"2024-01", "2024-02"}
    assert set(world.bytes()) == (batches if place == "after" else set())
    again = World(world.folder)
    again.land(_spec(), HEAD + JAN + FEB)
    assert again.texts() == {"2024-01": HEAD + JAN, "2024-02": HEAD + FEB}
    assert again.times() == dict.fromkeys(batches, 1)
    assert list((again.home.root / "tmp").iterdir()) == []


VALUES = st.text(st.sampled_from('ab"\n\r, é'), max_size=6)


@settings(deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(1, 12), VALUES), min_size=1, max_size=12),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
    piece=st.integers(1, 40),
)
def test_pieces_of_any_size_give_the_same_parts(
    rows: list[tuple[int, str]], ending: str, piece: int
) -> None:
    lines = [
        f'{number},2024-{month:02}-01,"{value.replace(chr(34), 2 * chr(34))}"{ending}'
        for number, (month, value) in enumerate(rows)
    ]
    head = f"id,at,x{ending}"
    wanted: dict[str, bytes] = {}
    for (month, _), line in zip(rows, lines, strict=True):
        batch = f"2024-{month:02}"
        wanted[batch] = wanted.get(batch, head.encode()) + line.encode()
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(read, "PIECE", piece)
        file = Path(folder) / "rows.csv"
        file.write_bytes((head + "".join(lines)).encode())
        (Path(folder) / "parts").mkdir()
        parts = Parts(Path(folder) / "parts", _spec())
        read.cut(file, _spec(), parts)
        assert {batch: parts.content(batch) for batch in parts.rows} == wanted
    assert parts.rows.total() == len(rows)
