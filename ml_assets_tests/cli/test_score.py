"""`ml-assets score`: as many rows out as in, in their order, whatever the file."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from ml_assets.serve import pieces
from ml_assets_tests.cli.shell import Shell
from ml_assets_tests.projects import Toy, copied, sales
from ml_assets_tests.toys import predicting

MONTH = "2020-06"


__all__ = ["predicting"]


@pytest.fixture(scope="module")
def site(predicting: Toy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """Give commands on a project with a champion; nothing that they do changes it."""
    with copied(predicting, tmp_path_factory.mktemp("score") / "project") as toy:
        yield Shell(toy.root)


def scored(site: Shell, file: Path, *words: object, code: int = 0) -> pa.Table:
    """Return the answers to a file, read back from Parquet."""
    out = file.with_name("out.parquet")
    site("score", "forecast", file, "--out", out, "--batch", MONTH, *words, code=code)
    return pq.read_table(out)


def test_every_format_has_the_same_predictions(site: Shell, tmp_path: Path) -> None:
    text = sales(MONTH)
    table = pyarrow.csv.read_csv(pa.py_buffer(text))
    plain, packed = tmp_path / "a.csv", tmp_path / "a.csv.gz"
    plain.write_bytes(text)
    packed.write_bytes(gzip.compress(text))
    pq.write_table(table, tmp_path / "a.parquet")
    lines = tmp_path / "a.jsonl"
    lines.write_text("".join(json.dumps(row, default=str) + "\n" for row in table.to_pylist()))
    wanted = scored(site, plain)
    assert wanted["sale"].to_pylist() == list(range(6000, 6030))
    assert wanted["line"].to_pylist() == list(range(2, 32))
    assert wanted["problem"].null_count == 30
    assert scored(site, packed) == wanted
    for file in (tmp_path / "a.parquet", lines):
        assert scored(site, file).drop_columns("line") == wanted.drop_columns("line")


def test_rows_that_break_the_contract_come_out_with_the_reason(site: Shell, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(
        "store,sale,day,promo\n"
        "north,1,2020-06-01,true\n"
        "south,two,2020-06-01,true\n"
        ",3,2020-06-01,no\n"
        "west,4\n"
        "east,5,2020-06-01,\n"
    )
    found = scored(site, file)
    assert found["line"].to_pylist() == [2, 3, 4, 5, 6]
    assert found["sale"].to_pylist() == [1, None, 3, None, 5]
    assert [value is None for value in found["prediction"].to_pylist()] == [
        False,
        True,
        True,
        True,
        False,
    ]
    assert found["problem"].to_pylist() == [
        None,
        "parse.integer: sale: got 'two', wanted a whole number (like 517)",
        "store.not_null: store: is missing, wanted a value",
        "parse.columns: the record has 2 values, the header 4",
        None,
    ]
    assert found["unseen"].to_pylist() == [None, None, None, None, "store"]


def test_pieces_of_a_file_have_the_answers_of_the_whole(
    site: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines within quotes, blank lines and bad lines stand wherever a piece may end."""
    header, *lines = sales(MONTH).decode().splitlines()
    text = [f"{header},note"]
    for number, line in enumerate(lines):
        text += [f'{line},"a\n""b"",\n"', ""] if number % 3 else [f"{line},c", "odd,line"]
    file = tmp_path / "a.csv"
    file.write_text("\n".join(text) + "\n")
    wanted = scored(site, file)
    assert wanted["problem"].null_count == 30
    assert len(wanted) == 40
    for size in (1, 7, 64, 333):
        monkeypatch.setattr(pieces, "PIECE", size)
        assert scored(site, file) == wanted


def test_features_are_taken_too(site: Shell, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    rows = [
        {"_key": "1", "promo": True, "store": "north", "price": 6.0, "rise": 1},
        {"_key": "2", "promo": None, "store": "south", "price": "dear", "rise": 1.5},
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = scored(site, file, "--features", "--explain")
    assert found["_key"].to_pylist() == ["1", "2"]
    assert found["problem"].to_pylist() == [
        None,
        "parse.number: price: got 'dear', wanted a number up to 1e100 in magnitude (like 1.5)",
    ]
    first = {
        name: column[0].as_py()
        for name, column in zip(found.column_names, found.columns, strict=True)
    }
    parts = [value for name, value in first.items() if name.startswith("contribution_")]
    assert len(parts) == 4
    assert first["base"] + sum(parts) == pytest.approx(first["prediction"], abs=1e-9)


def test_what_cannot_be_scored_is_refused(site: Shell, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("sale,day,shop,promo\n1,2020-06-01,north,true\n")
    said = site("score", "forecast", file, "--batch", MONTH, code=2).err
    assert "no column store" in said
    assert "columns that are not in the contract: shop" in said.replace("\n", " ")
    file.write_bytes(sales(MONTH))
    assert "name the batch" in site("score", "forecast", file, code=2).err.replace("\n", " ")
    assert "no such file" in site("score", "forecast", tmp_path / "b.csv", code=2).err
    assert "forecast" in site("score", "forecasts", file, code=2).err
    assert ".parquet" in site("score", "forecast", file, "--out", "x.txt", code=2).err


def test_counts_are_one_document(site: Shell, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("sale,day,store,promo\n1,2020-06-01,north,true\nx,2020-06-01,north,true\n")
    out = tmp_path / "out.jsonl"
    found = site.json("score", "forecast", file, "--out", out, "--batch", MONTH)
    assert found == {
        "model": "forecast",
        "version": "v0",
        "rows": 2,
        "predicted": 1,
        "problems": {"parse.integer": 1},
        "intervals": None,
        "out": str(out),
    }
    assert [json.loads(line)["sale"] for line in out.read_text().splitlines()] == [1, None]
    file.write_text("sale,day,store,promo\nx,2020-06-01,north,true\n")
    site("score", "forecast", file, "--out", out, "--batch", MONTH, code=1)
