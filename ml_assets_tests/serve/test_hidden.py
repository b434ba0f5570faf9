"""A model that learned from pseudonyms is asked with clear values, and knows them."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from ml_assets.errors import RequestError
from ml_assets.serve.model import load
from ml_assets.store.pseudonyms import FILE, hashed
from ml_assets.store.segments import folder_of, records, segments
from ml_assets_tests import searching
from ml_assets_tests.asked import keep
from ml_assets_tests.cli.shell import Shell
from ml_assets_tests.operations.test_hiding import CLEAR, SECRET, hide, land_all, planted
from ml_assets_tests.projects import MONTHS, Toy, prices, sales, toy_project
from ml_assets_tests.serve.serving import PREDICT, serving

ROW = {"sale": 7, "day": "2020-06-03", "store": CLEAR["north"], "promo": True}


def test_clear_rows_are_hidden_before_they_are_predicted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with toy_project(tmp_path / "project") as toy:
        _asked(toy, tmp_path, monkeypatch)


def _asked(toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hide(toy)
    keep(toy, "{sensitive: hmac}")
    (tmp_path / "key").write_bytes(SECRET)
    monkeypatch.setenv(FILE, str(tmp_path / "key"))
    folder = tmp_path / "deliveries"
    folder.mkdir()
    for month in MONTHS:
        (folder / f"sales-{month}.csv").write_bytes(planted(sales(month)))
        (folder / f"prices-{month}.csv").write_bytes(planted(prices(month)))
    shell = Shell(toy.root)
    shell.more = {FILE: str(tmp_path / "key")}
    land_all(shell, tmp_path)
    assert shell.json("run")["success"]
    rows = [ROW, {**ROW, "store": CLEAR["west"]}]
    with serving(toy) as client:
        asked = f"{PREDICT}?batch=2020-06"
        one, two = client.ask(asked, rows).json["predictions"]
        (alone,) = client.ask(asked, rows[1:]).json["predictions"]
        text = "\n".join(",".join(map(str, row.values())) for row in rows).replace("True", "true")
        csv = client.ask(asked, f"sale,day,store,promo\n{text}\n".encode(), "text/csv")
    assert alone == two
    assert csv.json["predictions"] == [one, two]
    assert (one["unseen"], two["unseen"]) == (None, None)
    assert two["prediction"] - one["prediction"] == pytest.approx(8, abs=1)
    file = tmp_path / "rows.csv"
    file.write_text(f"sale,day,store,promo\n{text}\n")
    shell("score", "forecast", file, "--batch", "2020-06", "--out", tmp_path / "scored.jsonl")
    scored = [json.loads(line) for line in (tmp_path / "scored.jsonl").read_text().splitlines()]
    assert [row["prediction"] for row in scored] == [one["prediction"], two["prediction"]]
    planner = toy.planner()
    model = load(planner.home, planner.project, "forecast")
    given = pa.Table.from_pylist(rows)
    assert model.predict(given, batch="2020-06")["prediction"].to_pylist() == [
        one["prediction"],
        two["prediction"],
    ]
    kept = [
        json.loads(record)["rows"][0]["store"]
        for segment in segments(folder_of(planner.home.folder, "forecast"))
        for record in records(segment.path.read_bytes())
        if record is not None
    ]
    north, west = (hashed(SECRET, CLEAR[name]) for name in ("north", "west"))
    assert kept == [north, west, north]
    for clear in CLEAR.values():
        assert searching.holding(shell.home, clear) == set()
    monkeypatch.delenv(FILE)
    with pytest.raises(
        RequestError, match="which needs a secret: set ML_ASSETS_SENSITIVE_KEY_FILE"
    ):
        load(planner.home, planner.project, "forecast")
