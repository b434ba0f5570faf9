"""A bundle that scores raw rows outside of its project."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from ml_assets.cli.release import bundle_of
from ml_assets.engine.recipes.raw_release import modules
from ml_assets.errors import NotMaterialized
from ml_assets.operations.forget.forget import request
from ml_assets.release.read import Bundle, code_of, unpacked
from ml_assets.release.verify import verify
from ml_assets.release.write import write
from ml_assets.serve import pieces
from ml_assets.serve.bundle import main
from ml_assets.serve.model import load
from ml_assets_tests.projects import FORECAST, Toy, copied, prices, sales
from ml_assets_tests.toys import predicting

__all__ = ["predicting"]

MONTHS = ("2020-05", "2020-06")


@pytest.fixture
def toy(predicting: Toy, tmp_path: Path) -> Iterator[Toy]:
    """Give a copy of a project with a champion whose bundle scores raw rows."""
    with copied(predicting, tmp_path / "project") as found:
        found.edit(FORECAST, "  split: {", "  release: {rows: true}\n  split: {")
        yield found


def bundle(toy: Toy) -> Bundle:
    return unpacked(bundle_of(toy.planner(), "forecast", None), "forecast")


def score(folder: Path, *arguments: str, code: int = 0) -> list[dict[str, str]] | str:
    """Run the program as a user does: without the project on the path."""
    done = subprocess.run(
        [sys.executable, "-I", "score.py", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stderr if code else list(csv.DictReader(io.StringIO(done.stdout)))


@pytest.mark.slow
def test_raw_rows_have_the_predictions_of_the_loaded_model(toy: Toy, tmp_path: Path) -> None:
    made = bundle(toy)
    folder, _ = write(tmp_path / "out", made.folder, made.files)
    planner = toy.planner()
    lines = sales("2020-06").decode().splitlines()
    rows = [dict(zip(lines[0].split(","), line.split(","), strict=True)) for line in lines[1:]]
    model = load(planner.home, planner.project, "forecast")
    wanted = model.predict(rows, batch="2020-06")["prediction"].to_pylist()

    raw = tmp_path / "raw.csv"
    raw.write_bytes(sales("2020-06"))
    joins = []
    for month in MONTHS:
        (tmp_path / f"prices-{month}.csv").write_bytes(prices(month))
        joins += ["--join", f"prices={tmp_path / f'prices-{month}.csv'}"]
    found = score(folder, str(raw), *joins, "--batch", "2020-06")
    assert [float(row["prediction"]) for row in found if isinstance(row, dict)] == wanted

    raw.write_text("\n".join([*lines[:2], lines[2].replace(lines[2].split(",")[1], "soon")]))
    good, bad = score(folder, str(raw), *joins, "--batch", "2020-06")
    assert isinstance(good, dict)
    assert isinstance(bad, dict)
    assert (float(good["prediction"]), good["problem"]) == (wanted[0], "")
    assert (bad["line"], bad["prediction"]) == ("3", "")
    assert bad["problem"].startswith("parse.date: ")

    for given, said in {
        (str(raw),): "the model is joined with prices: give --join prices=FILE",
        (str(raw), *joins): "name the batch of the rows",
        (str(raw), "--join", "price=x"): "--join price: the model joins prices",
        (str(raw), "--join", f"prices={raw}"): "raw.csv does not say its batch; write --join pric",
        (str(tmp_path / "none.csv"), *joins): "No such file or directory",
    }.items():
        assert said in score(folder, *given, code=2)

    golden = (folder / "golden_predictions.csv").read_text()
    assert [*score(folder, "golden.csv")] == list(csv.DictReader(io.StringIO(golden)))
    assert score(folder, "--features", "golden.csv") == score(folder, "golden.csv")


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_file_larger_than_memory_is_answered_piece_by_piece(
    toy: Toy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
    kind: str,
) -> None:
    made = bundle(toy)
    folder, _ = write(tmp_path / "out", made.folder, made.files)
    table = pyarrow.csv.read_csv(pa.py_buffer(sales("2020-06")))
    raw = tmp_path / f"raw.{kind}"
    if kind == "parquet":
        pq.write_table(table, raw)
    elif kind == "csv":
        raw.write_bytes(sales("2020-06"))
    else:
        raw.write_text("".join(json.dumps(row, default=str) + "\n" for row in table.to_pylist()))
    given = [str(raw), "--batch=2020-06"]
    for month in MONTHS:
        (tmp_path / f"prices-{month}.csv").write_bytes(prices(month))
        given += [f"--join=prices={tmp_path / f'prices-{month}.csv'}"]

    answers = []
    for size in (1 << 20, 7):
        monkeypatch.setattr(pieces, "PIECE", size)
        monkeypatch.setattr(pieces, "ROWS", size)
        main(folder, given)
        answers.append(capfdbinary.readouterr().out)
    assert answers[0].count(b"\n") == len(table) + 1
    assert answers[1] == answers[0]


def test_all_code_that_leaves_is_listed_and_nothing_else_of_the_project(toy: Toy) -> None:
    made = bundle(toy)
    document = json.loads(made.files["rows.json"])
    assert code_of(made.files) == [
        "toy/__init__.py",
        "toy/defs/__init__.py",
        "toy/defs/forecast/__init__.py",
        "toy/defs/forecast/features.py",
        "toy/defs/forecast/helpers.py",
    ]
    assert not [name for name in document["modules"] if "/store/" in name or "/engine/" in name]
    assert document["function"] == "toy.defs.forecast.features:build"


def test_a_release_is_made_once_with_its_code_in_the_metadata_and_is_named_by_forget(
    toy: Toy,
) -> None:
    assert toy.make("forecast/release").states == {"forecast/release": "executed"}
    held = toy.planner().home.records.current("dev", "forecast/release")
    assert held is not None
    assert "toy/defs/forecast/helpers.py" in held.facts["code"]
    # What it was made of is read from it, without a walk over all that was ever done.
    assert toy.make("forecast/release").states == {"forecast/release": "reused"}
    planner = toy.planner()
    found = request(planner.home, planner.project, "prices", None, {"store": "north"}, "asked to")
    assert found.versions == [
        "forecast v0 (champion in dev)",
        "forecast release v0",
        "forecast release v1 (its bundle holds rows of prices)",
    ]


def test_golden_raw_rows_are_scored_where_the_bundle_is_trusted(toy: Toy) -> None:
    made = bundle(toy)
    verdict = verify(made, here=True, own=True)
    assert verdict.problems == []
    raw = verdict.scored[-1]
    assert (raw.program, raw.rows, raw.largest) == ("score.py (raw rows)", 24, 0.0)
    unknown = verify(made, here=True)
    assert [item.program for item in unknown.scored] == ["score.py", "score_edge.py"]
    assert unknown.unscored is not None
    assert unknown.unscored.startswith("rows.zip is code of the project, so it was not used")


def test_rows_of_sensitive_datasets_are_not_shown(toy: Toy) -> None:
    toy.edit(
        "toy/defs/sales/defs.yaml",
        "promo: {type: boolean, known_at: opening}",
        "promo: {type: boolean, known_at: opening, sensitive: true}",
    )
    files = bundle(toy).files
    assert json.loads(files["rows.json"])["golden"] == {"none": "sales.promo may not be shown"}
    assert not [name for name in files if name.startswith("golden_rows")]


def test_a_function_that_needs_more_than_the_lock_does_not_leave(toy: Toy) -> None:
    session, family = toy.planner().session(), "ml_assets.stages.train.median"
    texts = {"toy.defs.forecast.features": "import json, numpy\nfrom sklearn import svm\n"}
    with pytest.raises(NotMaterialized, match="imports sklearn, which a bundle's requirements-ro"):
        modules(session, texts, family)
