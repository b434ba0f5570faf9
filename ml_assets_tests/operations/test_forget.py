"""Legal deletion: the rows are nowhere, a tombstone is, and the next run goes on."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml_assets.engine.landing import observe
from ml_assets.errors import DamagedObject, NotMaterialized, RequestError, UnknownName
from ml_assets.history.origin import origin
from ml_assets.history.recorded import Step
from ml_assets.operations.forget.forget import _kept, finish, forget, request
from ml_assets.operations.forget.rewrite import without
from ml_assets.operations.forget.workbook import InWorkbook
from ml_assets.operations.recreate.prepare import prepare
from ml_assets.spec.dataset import DatasetSpec, Landing
from ml_assets.store import forgetting
from ml_assets.store.objects import Ref
from ml_assets.store.records import ActionRecord
from ml_assets_tests.projects import Toy, copied, sales
from ml_assets_tests.stages.test_ingest_excel import book

SPEC = DatasetSpec.model_validate(
    {
        "description": "d",
        "landing": {"pattern": "x.csv"},
        "columns": {"id": {"type": "integer"}, "name": {"type": "text"}},
    }
)


@pytest.fixture
def made(original: Toy, tmp_path: Path) -> Iterator[Toy]:
    with copied(original, tmp_path / "project") as toy:
        yield toy


def _holding(root: Path, text: bytes) -> list[str]:
    """Return the files that hold a text as a word, tables by their values."""
    found = []
    for path in root.rglob("*"):
        if not path.is_file():
            continue
        content = path.read_bytes()
        if content.startswith(b"PAR1"):
            content = str(pq.read_table(pa.BufferReader(content)).to_pylist()).encode()
        if re.search(rb"\b" + text + rb"\b", content):
            found.append(str(path.relative_to(root)))
    return found


def test_a_row_is_gone_everywhere_and_the_next_run_goes_on(made: Toy) -> None:
    planner = made.planner()
    home, data = planner.home, made.root / "data"
    assert len(_holding(data, b"3004")) > 4
    raw = home.records.versions("sales/raw", "2020-03")[0]
    asked = request(home, planner.project, "sales", None, {"sale": "3004"}, "request 17")
    assert asked.deletion.rows == {"2020-03": 1}
    assert asked.versions == ["forecast v0 (champion in dev)", "forecast release v0"]
    assert not {asset for asset in asked.deletion.assets if asset.startswith("prices/")}
    forget(home, asked)
    shown: list[set[str]] = []
    finish(home, [lambda digests, assets: shown.append(assets)])
    assert "sales/raw" in shown[0]
    assert forgetting.pending(home.state) == []
    assert _holding(data, b"3004") == []
    with pytest.raises(DamagedObject, match=r"was forgotten at .*: request 17"):
        home.objects.read(raw.outputs["raw"].digest)
    (stone,) = home.removals.forgettings()
    assert (stone.dataset, stone.batch, stone.rows) == ("sales", "2020-03", 1)
    lost = prepare(home, "forecast", "v0").missing
    assert any("(features 2020-03): d1:" in what and "request 17" in what for what in lost), lost
    with pytest.raises(
        NotMaterialized, match=r"inputs of forecast v0 are missing: .* was forgotten .*request 17"
    ):
        origin(home, "forecast", home.records.versions("forecast/candidate")[0])
    ran = made.make()
    assert ran.faults == []
    assert "ml-assets promote forecast v1 --reason" in ran.details["forecast/release"]
    assert home.records.versions("sales/cleaned", "2020-03")[-1].rows == 26
    assert prepare(home, "forecast", "v1").missing == []


def test_a_batch_is_gone_and_its_file_does_not_land_again(made: Toy) -> None:
    planner = made.planner()
    home = planner.home
    file = home.landing / "sales" / "sales-2020-01.csv"
    content = file.read_bytes()
    asked = request(home, planner.project, "sales", "2020-01", {}, "contract ended")
    assert asked.files == {file: None}
    forget(home, asked)
    finish(home)
    assert not file.exists()
    assert ("sales", "2020-01") not in home.batches.landed()
    file.write_bytes(content)
    (problem,) = observe(home, planner.project, settle=0.0).problems
    assert "deleted by `ml-assets forget` and cannot land again" in problem
    with pytest.raises(RequestError, match="deliver it without those rows"):
        made.land("sales", "2020-01", content)
    file.unlink()
    ran = made.make()
    assert ran.faults == []
    assert "sales/raw@2020-01" not in ran.states


def test_rows_that_cleaning_leaves_as_they_are_go_too(toy: Toy) -> None:
    rows = b"store,price\nzqnorth,1\nwest,2\n"
    toy.land("prices", "2020-01", rows)
    toy.land("prices", "2020-02", rows + b"east,3\n")
    assert not toy.make("group:prices").faults
    home = toy.planner().home
    held = home.records.held("dev", "prices/raw")["2020-01"].outputs["raw"]
    assert held.digest == home.records.held("dev", "prices/cleaned")["2020-01"].digest
    found = request(home, toy.planner().project, "prices", None, {"store": "zqnorth"}, "a test")
    assert held.digest in found.deletion.objects
    forget(home, found)
    finish(home)
    data = toy.root / "data"
    assert _holding(data, b"zqnorth") == []
    assert home.records.held("dev", "prices/cleaned") == {}


def test_what_is_not_there_is_said(made: Toy) -> None:
    planner = made.planner()
    home, project = planner.home, planner.project
    with pytest.raises(UnknownName, match="did you mean 'sales'"):
        request(home, project, "sale", None, {"sale": "1"}, "r")
    with pytest.raises(UnknownName, match="no column of sales named 'sal'"):
        request(home, project, "sales", None, {"sal": "1"}, "r")
    with pytest.raises(UnknownName, match="no batch of sales named '2021-01'"):
        request(home, project, "sales", "2021-01", {}, "r")
    with pytest.raises(RequestError, match="no file of sales holds such a row"):
        request(home, project, "sales", None, {"sale": "999999"}, "r")


def test_a_deletion_that_was_cut_is_finished(made: Toy) -> None:
    planner = made.planner()
    home = planner.home
    forget(home, request(home, planner.project, "sales", None, {"sale": "4003"}, "r"))
    (noted,) = forgetting.pending(home.state)
    left = [d for d in noted["digests"] if home.objects.path(d).exists()]
    assert left
    finish(home)
    assert not [d for d in left if home.objects.path(d).exists()]


@pytest.mark.parametrize(
    ("content", "left"),
    [
        (b"id,name\n1,a\n17,b\n2,c\n", b"id,name\n1,a\n2,c\n"),
        (b'id,name\r\n017,"b\r\nb"\r\n2,c\r\n', b"id,name\r\n2,c\r\n"),
        (b"id,name\n17,b,too,many\n2,c\n", b"id,name\n2,c\n"),
        (b'id,name\n17,"b\nb",too,many\n2,c\n', b"id,name\n2,c\n"),
        (b"\xef\xbb\xbfname,id\na,17.0\nb,170\n", b"\xef\xbb\xbfname,id\nb,170\n"),
        (b"id,name\n1,17\n2,c\n", None),
    ],
)
def test_a_file_without_a_row_is_the_same_but_for_it(content: bytes, left: bytes | None) -> None:
    found = without(content, SPEC, {"id": "17"})
    assert found == (content if left is None else left, int(left is not None))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "cp037"])
def test_lines_end_as_their_encoding_says(encoding: str) -> None:
    spec = SPEC.model_copy(update={"landing": Landing(pattern="x", encoding=encoding)})
    found, _ = without("id,name\n1,a\n17,b\n2,c\n".encode(encoding), spec, {"id": "17"})
    assert found.decode(encoding) == "id,name\n1,a\n2,c\n"


def test_gzip_and_parquet_are_rewritten_too() -> None:
    packed, count = without(gzip.compress(b"id,name\n17,b\n2,c\n"), SPEC, {"id": "17"})
    assert (gzip.decompress(packed), count) == (b"id,name\n2,c\n", 1)
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": [1, 17, 17], "name": ["a", "b", "c"]}), sink)
    content, count = without(sink.getvalue().to_pybytes(), SPEC, {"id": "17", "name": "c"})
    assert count == 1
    assert pq.read_table(pa.BufferReader(content)).to_pydict() == {
        "id": [1, 17],
        "name": ["a", "b"],
    }


def test_parquet_is_searched_as_it_is_read() -> None:
    """Ids that pandas holds as floats, beside a column of a type that Arrow does not take from."""
    sink = pa.BufferOutputStream()
    ids, name = pa.array([49170001111.0, None, 2.0]), pa.array(["a", "b", "c"], pa.string_view())
    pq.write_table(pa.table({"id": ids, "name": name}), sink)
    columns = {"id": SPEC.columns["name"], "name": SPEC.columns["name"]}
    spec = SPEC.model_copy(update={"columns": columns})
    content, count = without(sink.getvalue().to_pybytes(), spec, {"id": "49170001111"})
    assert count == 1
    assert pq.read_table(pa.BufferReader(content))["name"].to_pylist() == ["b", "c"]


def test_rows_of_a_workbook_are_found_on_every_sheet(tmp_path: Path) -> None:
    content = book([["id", "name"], [17, "Ann"], [4, "Bob"]], [["of"], [17, "x"], ["Bob"]])
    for wanted, rows in (
        ({"id": "017"}, {"A": [2]}),
        ({"name": "Bob"}, {"A": [3], "B": [3]}),
        ({"id": "17", "name": "Ann"}, {"A": [2]}),
    ):
        with pytest.raises(InWorkbook) as found:
            without(content, SPEC, wanted)
        assert found.value.rows == rows
    assert without(content, SPEC, {"name": "Cy"}) == (content, 0)


def test_rows_of_a_workbook_are_not_left_behind_in_silence(toy: Toy) -> None:
    toy.land("prices", "2020-01", b"store,price\nzqnorth,1\n")
    toy.land("prices", "2020-02", book([["store", "price"], ["zqnorth", 1], ["west", 2]]))
    home, folder = toy.planner().home, toy.planner().home.landing / "prices"
    extra = folder / "notes.xlsx"
    extra.write_bytes(book([["store", "price"], ["east", 1]], [["zqnorth"]]))
    with pytest.raises(RequestError) as error:
        request(home, toy.planner().project, "prices", None, {"store": "zqnorth"}, "a test")
    said = str(error.value)
    assert said.startswith("nothing was deleted, since rows cannot be cut out of a workbook: ")
    assert "prices@2020-02 holds 1 row on sheet 'A' (2): remove them from a copy in Excel" in said
    assert "ml-assets forget prices --batch 2020-02 --reason" in said
    assert f"{extra} holds 1 row on sheet 'B' (1): remove them in Excel" in said
    # As told: the batch as a whole, a workbook without the row, the other file away.
    extra.unlink()
    forget(home, request(home, toy.planner().project, "prices", "2020-02", {}, "a test"))
    toy.land("prices", "2020-02", book([["store", "price"], ["west", 2]]))
    asked = request(home, toy.planner().project, "prices", None, {"store": "zqnorth"}, "a test")
    assert asked.deletion.rows == {"2020-01": 1}


@pytest.mark.parametrize(
    ("stage", "outputs", "stays"),
    [
        ("split.time:split", ("train", "test"), True),
        ("split.hash:split", ("train", "test", "assignment"), False),
        ("train.fit:fit", ("model",), True),
        ("features:features", ("features",), False),
    ],
)
def test_what_holds_keys_of_rows_goes(stage: str, outputs: tuple[str, ...], stays: bool) -> None:
    refs = {name: Ref(f"d1:{name}", "table") for name in outputs}
    ingredients = {"stage": f"ml_assets.stages.{stage}"}
    record = ActionRecord(
        key="k", recipe="r", name="m/splits#split", ingredients=ingredients, outputs=refs
    )
    assert _kept(Step.of(record)) == stays


def test_sales_is_what_the_test_thinks() -> None:
    assert b"3004," in sales("2020-03")
