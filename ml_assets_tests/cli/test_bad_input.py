"""Bad input: what is said names file, line or column; nothing else is harmed."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest

from ml_assets_tests.cli.shell import Site
from ml_assets_tests.graph import events
from ml_assets_tests.projects import prices, sales

GOOD = sales("2020-07")
CUT = GOOD[: GOOD.rindex(b",")]
"""The last record ends in the middle."""
MONTHS = ("2020-01", "2020-02", "2020-03", "2020-04")


def contract(site: Site, batch: str) -> str:
    """Return what the red contract check of a batch says."""
    found = events.check(site, "sales/cleaned", "contract", batch)
    assert not found.passed
    return found.description or ""


def renamed(old: bytes, new: bytes) -> bytes:
    return GOOD.replace(old, new, 1)


REFUSED = {
    "2020-11": (renamed(b"units", b"pieces"), "units"),
    "2020-12": (b"\n".join(line.rpartition(b",")[0] for line in GOOD.splitlines()), "units"),
    "2021-01": (GOOD.replace(b"2020-07-", b"July "), "parse.date"),
    "2021-02": (b"\x7fELF\x02\x01\x01\x00" + bytes(range(256)), "an executable"),
    "2021-03": (b"", "empty"),
    "2021-04": (gzip.compress(GOOD)[:-20], "gzip"),
    "2021-05": (GOOD.replace(b"north", b"").replace(b"south", b"").replace(b"west", b""), "budget"),
}


def test_batches_that_cannot_be_used_are_refused_with_the_reason(site: Site) -> None:
    before = site.digests()
    for batch, (content, _) in REFUSED.items():
        site.toy.land("sales", batch, content)
    answer = site.json("run", "group:sales")
    assert answer["success"]
    assert answer["failed"] == []
    told = {item["batch"]: item for item in answer["refused"]}
    assert set(told) == {f"sales@{batch}" for batch in REFUSED}
    for batch, (_, said) in REFUSED.items():
        assert said.lower() in contract(site, batch).lower(), batch
        assert told[f"sales@{batch}"]["file"].startswith(f"sales-{batch}.csv")
        assert said.lower() in told[f"sales@{batch}"]["reason"].lower()
    statuses = events.checks(site, "sales/cleaned", "contract")
    assert {b for b, status in statuses.items() if status is events.RED} == set(REFUSED)
    # Nothing is lost: every record is in quarantine.
    rules = site.json("quarantine", "sales", "--partition", "2021-01")
    assert rules["records"] == 30
    after = site.digests()
    assert {cell: after[cell] for cell in before} == before
    assert events.check(site, "sales/cleaned", "row_accounting").passed


def test_a_record_cut_in_the_middle_goes_to_quarantine_with_its_line(site: Site) -> None:
    site.toy.land("sales", "2021-06", CUT)
    assert site.json("run", "group:sales")["success"]
    found = site.json("quarantine", "sales", "--partition", "2021-06")
    example = found["rules"][0]["examples"][0]
    assert (found["records"], example["file"], example["line"]) == (1, "sales-2021-06.csv", 31)
    assert example["text"].startswith("7029,")
    assert events.checks(site, "sales/cleaned", "contract")["2021-06"] is events.GREEN


def test_two_files_for_one_batch(site: Site) -> None:
    folder = site.home / "landing" / "sales"
    second = folder / "sales-2020-01.csv.gz"
    second.write_bytes(gzip.compress(sales("2020-01", extra=1)))
    before = site.digests()
    answer = site("run", "group:sales", "--json", code=1)
    assert "two files for one batch, sales-2020-01.csv and sales-2020-01.csv.gz" in answer.err
    assert answer.document["problems"]
    assert answer.document["executed"] == []
    assert site.digests() == before


def test_a_file_whose_name_does_not_match(site: Site) -> None:
    odd = site.home / "landing" / "sales" / "report.xlsx"
    odd.write_bytes(b"PK")
    answer = site("run", "group:sales", code=1)
    pattern = r"'sales-(?P<batch>\d{4}-\d{2})"
    assert f"report.xlsx: the name does not match {pattern}" in answer.err
    assert "nothing to do" in answer.out
    assert "not every file was ingested (see above)" in answer.out


def test_a_file_half_written_is_waited_for(site: Site) -> None:
    path = site.home / "landing" / "sales" / "sales-2021-07.csv"
    path.write_bytes(GOOD[:100])
    plan = site.json("plan", "group:sales")
    assert plan["settling"] == [str(path)]
    assert plan["run"] == []
    path.write_bytes(GOOD)
    # The command waits until nobody has touched it for some seconds, then takes all of it.
    assert "sales/cleaned@2021-07" in site.json("run", "group:sales")["executed"]
    assert site.json("versions", "sales/cleaned", "--partition", "2021-07")[0]["rows"] == 27


def test_a_landing_folder_that_is_suddenly_empty(site: Site) -> None:
    folder, away = site.home / "landing", site.home / "unmounted"
    before = site.digests()
    shutil.move(folder, away)
    answer = site("run", "group:prices", "--json")
    assert answer.document["run_id"] is None
    assert "the landed file of prices@2020-01 is gone; its data is kept" in answer.err
    assert site.digests() == before


def damage(site: Site, cell: str) -> tuple[Path, bytes]:
    """Damage the object of a cell; return its path and what it held."""
    with site.store() as home:
        path: Path = home.objects.path(site.digests()[cell])
    content = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(content[:-7] + b"damaged")
    return path, content


def test_a_damaged_object_that_is_only_shown_is_made_again_by_the_next_run(site: Site) -> None:
    before = site.digests()
    path, content = damage(site, "sales/cleaned@2020-02")
    with site.store() as home:
        home.records.mark_all_unpublished(home.env)
    [said] = [f for f in site.json("run", "group:sales", code=1)["faults"] if "damaged" in f]
    assert before["sales/cleaned@2020-02"] in said
    assert said.endswith("the next run rebuilds it")
    assert "sales/cleaned@2020-02" in site.json("run", "group:sales")["executed"]
    assert (site.digests(), path.read_bytes()) == (before, content)


def test_repair_names_what_is_damaged_and_makes_it_again(site: Site) -> None:
    before = site.digests()
    path, content = damage(site, "sales/cleaned@2020-02")
    with site.store() as home:
        february, march = (
            home.objects.path(home.batches.landed()[("sales", batch)][0].digest)
            for batch in ("2020-02", "2020-03")
        )
    february.unlink()
    march.unlink()
    [away] = (site.home / "landing" / "sales").glob("*2020-03*")
    away.unlink()
    answer = site.json("repair")
    assert answer["success"]
    cell = "sales/cleaned@2020-02"
    assert answer["damaged"] == [{"of": cell, "digest": before[cell]}]
    assert [place.partition(" ")[0] for place in answer["landed_again"]] == ["sales@2020-02"]
    assert [place.partition(" ")[0] for place in answer["lost"]] == ["sales@2020-03"]
    assert "sales/cleaned@2020-02" in answer["executed"]
    assert (site.digests(), path.read_bytes()) == (before, content)


def test_a_landed_file_damaged_in_the_store_is_taken_from_landing_again(site: Site) -> None:
    with site.store() as home:
        landed = home.batches.landed()[("sales", "2020-03")][0]
        raw = home.objects.path(site.digests()["sales/raw@2020-03"])
        path = home.objects.path(landed.digest)
    raw.unlink()
    path.chmod(0o644)
    path.write_bytes(b"nothing")
    assert site.json("run", "group:sales")["success"]
    assert path.read_bytes() == sales("2020-03")
    assert raw.is_file()


def test_a_features_function_that_raises_fails_its_batch_alone(site: Site) -> None:
    file = "toy/defs/forecast/features.py"
    line = "    price = price_of(sales, prices)\n"
    before = site.digests()
    site.toy.edit(file, line, line + "    assert sales.day.min().month != 2, 'no February'\n")
    document = site.json("run", code=1)
    assert document["failed"] == ["forecast/features@2020-02"]
    assert {"forecast/features@2020-01", "forecast/features@2020-03"} <= set(document["executed"])
    said = "\n".join(document["faults"])
    assert "features.py:build" in said
    assert "no February" in said
    assert site.digests()["forecast/candidate"] == before["forecast/candidate"]
    site.toy.edit(file, "    assert sales.day.min().month != 2, 'no February'\n", "")
    assert site.json("run")["success"]
    assert site.digests() == before


def test_a_features_function_that_drops_rows(site: Site) -> None:
    file = "toy/defs/forecast/features.py"
    site.toy.edit(file, "price - before}\n    )", "price - before}\n    ).iloc[1:]")
    answer = site("run", "forecast/features", "--json", "--partition", "2020-01", code=1)
    said = "\n".join(answer.document["faults"])
    assert "features.py:build" in said
    assert "rows" in said


def test_a_spec_with_a_typo(site: Site) -> None:
    file = "toy/defs/sales/defs.yaml"
    site.toy.edit(file, "quarantine_budget:", "quarantine_budgte:")
    answer = site("run", code=2)
    number = (site.root / file).read_text().splitlines().index("  quarantine_budgte: 0.1") + 1
    assert f"{file}:{number}: quarantine_budgte: unknown key" in answer.err
    assert "did you mean 'quarantine_budget'" in answer.err


def test_a_wrong_spec_stops_only_what_needs_it(site: Site) -> None:
    file = "toy/defs/sales/defs.yaml"
    site.toy.edit(file, "quarantine_budget:", "quarantine_budgte:")
    answer = site("run", "prices/raw", "--force")
    assert "left out" in answer.err
    assert "forecast/defs.yaml:1: it needs sales, whose spec is wrong" in answer.err
    assert "quarantine_budgte: unknown key" in answer.err
    assert site.json("plan", "group:prices")["run"] == []
    assert site.json("status") == {"models": {}}
    for words in (("status", "forecast"), ("run", "+prices/raw or sales/raw"), ("run",)):
        assert "quarantine_budgte: unknown key" in site(*words, code=2).err
    assert "name it, such as `ml-assets run group:prices`" in site("plan", code=2).err


def test_a_features_file_that_does_not_parse(site: Site) -> None:
    file = "toy/defs/forecast/features.py"
    site.toy.edit(file, "import pandas as pd", "import pandas as")
    answer = site("run", code=1)
    assert f"{file}:3:" in answer.err
    site.toy.edit(file, "import pandas as\n", "import pandas as pd\n")
    assert site.json("run")["run_id"] is None


def test_a_constant_target_and_a_category_never_seen(new_site: Site) -> None:
    for month in MONTHS:
        lines = sales(month).decode().splitlines()
        kept = [lines[0], *(f"{line.rpartition(',')[0]},7" for line in lines[1:])]
        text = "\n".join(kept)
        if month == MONTHS[-1]:
            text = text.replace("north", "island")
        new_site.toy.land("sales", month, text.encode())
        extra = b"island,5\n" if month == MONTHS[-1] else b""
        new_site.toy.land("prices", month, prices(month) + extra)
    answer = new_site.json("run")
    assert answer["success"], answer["faults"]
    metrics = new_site.json("status", "forecast")["candidate"]["metrics"]
    assert metrics["test"]["mae"] == pytest.approx(0, abs=1e-9)
    assert metrics["test"]["r2"] is None
    verdict = events.check(new_site, "forecast/evaluation_report", "beats_baseline")
    assert not verdict.passed


def test_too_few_batches_and_a_joined_batch_are_waited_for(new_site: Site) -> None:
    new_site.toy.land_all(MONTHS[:1])
    new_site.toy.land("sales", MONTHS[1])
    answer = new_site.json("run")
    assert answer["success"]
    assert "sales/cleaned@2020-02" in answer["executed"]
    assert "forecast/candidate" in answer["waiting"]
    reasons = {row["asset"]: row["reason"] for row in new_site.json("plan")["waiting"]}
    assert "prices" in reasons["forecast/features@2020-02"]
    assert "needs 4 usable batches" in reasons["forecast/candidate"]
    assert "has 1: 2020-01" in reasons["forecast/candidate"]
    assert new_site.json("run")["run_id"] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("recreate", "forcast", "v0"), "did you mean 'forecast'"),
        (("recreate", "forecast", "v99"), "no version of forecast/candidate named 'v99'"),
        (("compare", "forecast", "v0", "0"), "name two different versions"),
        (("compare", "forecast", "v0", "v99"), "no version of forecast/candidate named 'v99'"),
        (("gc", "--keep", "0"), "wanted 1 or more"),
        (("forget", "sales", "--batch", "2020-01"), "--reason is missing"),
        (("forget", "sales", "--reason", "r"), "nothing to forget was named"),
        (("forget", "sales", "--reason", "r", "--key", "sale"), "wanted COLUMN=VALUE"),
    ],
)
def test_recreate_compare_gc_and_forget_refuse(
    site: Site, words: tuple[str, ...], said: str
) -> None:
    assert said in site(*words, code=2).err
