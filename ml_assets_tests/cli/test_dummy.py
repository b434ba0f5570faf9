"""statistics and dummy: from a home to a file, to made-up rows in another home, and no further."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from ml_assets_tests.cli.shell import Site


def test_statistics_make_dummy_rows_of_every_kind_and_no_champion(
    site: Site, tmp_path: Path
) -> None:
    champion = site.json("champion", "forecast")
    for name in ("sales", "prices"):
        site("statistics", name, "--least", 3, "--out", tmp_path / f"{name}.json")
    document = json.loads((tmp_path / "sales.json").read_text())
    assert set(document["columns"]) == {"sale", "day", "store", "promo", "units"}
    # It names the rows of prices.
    assert document["columns"]["store"]["distinct"] == 3
    assert "north" not in json.dumps(document)
    for name, rows in (("sales", 300), ("prices", 3)):
        words = ("dummy", name, "--rows", rows, "--batches", "2020-07,2020-08", "--out", tmp_path)
        more = ("--from", tmp_path / f"{name}.json", *(["--faults"] if name == "sales" else []))
        made = site.json(*words, *more)["files"]
        assert [(file["batch"], file["rows"]) for file in made] == [
            ("2020-07", rows),
            ("2020-08", rows),
        ]
        site("land", name, *(file["file"] for file in made))
        if name == "sales":
            planted = {fault["rule"] for fault in made[0]["faults"]}
    site("run")
    rules = {rule["rule"] for rule in site.json("quarantine", "sales")["rules"]}
    assert planted - {"returned", "batch_period"} <= rules
    assert site.json("champion", "forecast") == champion
    assert "trained on dummy data" in site("status", "forecast").out
    with site.store() as home:
        current = home.records.all_current(home.env)
        assert current["sales/cleaned", "2020-07"].facts["dummy"] is True
        assert "dummy" not in current["sales/cleaned", "2020-06"].facts
        report = current["sales/quality_report", "2020-07"].outputs["report"]
        assert b"These rows are made up." in home.objects.read(report.digest)
        candidate = current["forecast/candidate", ""]
        assert candidate.facts["dummy"] is True
        report = current["forecast/evaluation_report", ""].outputs["report"]
        assert b"figures say nothing about the world" in home.objects.read(report.digest)


def test_each_batch_and_seed_has_rows_of_its_own(site: Site, tmp_path: Path) -> None:
    """Also batches ten years apart, and the next seed of the month before."""
    units = {}
    for number, (batch, seed) in enumerate(
        [("2020-07", 0), ("2030-07", 0), ("2020-06", 1), ("2020-07", 0)]
    ):
        out = tmp_path / str(number)
        words = ("--rows", 20, "--batches", batch, "--seed", seed, "--out", out)
        (made,) = site.json("dummy", "sales", *words)["files"]
        units[number] = pd.read_csv(made["file"], dtype=str)["units"].fillna("").tolist()
    assert units[0] == units[3]
    assert units[0] != units[1]
    assert units[0] != units[2]


def test_wrong_requests(site: Site, tmp_path: Path) -> None:
    said = site("dummy", "sales", "--rows", 5, code=2).err
    assert "no batches of sales were given; add --batches, like 2024-01,2024-02" in said
    assert "no dataset named 'sale'" in site("dummy", "sale", "--rows", 5, code=2).err
    other = tmp_path / "x.json"
    words = ("dummy", "sales", "--rows", 5, "--batches", "2021-01", "--out", tmp_path)
    assert "x.json: No such file" in site(*words, "--from", other, code=2).err
    other.write_text("{")
    assert "x.json is not JSON" in site(*words, "--from", other, code=2).err
    other.write_text("{}")
    assert "is not a file of `ml-assets statistics`" in site(*words, "--from", other, code=2).err
    site("statistics", "sales", "--out", tmp_path / "s.json")
    document = json.loads((tmp_path / "s.json").read_text())
    document["columns"]["units"]["type"] = "text"
    document["columns"]["gone"] = document["columns"].pop("promo")
    other.write_text(json.dumps(document))
    said = site(*words, "--from", other, code=2).err
    assert "units: text in the statistics, number in the contract" in said
    assert "promo: not in the statistics" in said
    assert "gone: not in the contract" in said
    assert "s.json" in site("statistics", "sales", "--out", tmp_path / "s.json", code=2).err
    many = ("statistics", "sales", "--least", 1000)
    assert "fewer than 1000 cleaned rows" in site(*many, code=2).err
    (tmp_path / "sales-2021-01.csv").write_text("mine")
    assert "already exists" in site(*words, code=2).err
    assert (tmp_path / "sales-2021-01.csv").read_text() == "mine"
