"""What a change of the data asks of a spec: the patch, and what it leaves alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ml_assets.graph.sensor import notes
from ml_assets.keys import load
from ml_assets.scaffold.patch.edits import Edit, edited
from ml_assets.scaffold.patch.suggested import widened
from ml_assets.spec.project import read_project
from ml_assets_tests.scaffold.shop import Shop, made

LISTINGS = """\
type: ml_assets.TabularDataset
attributes:
  description: Listings  # of New York
  calendar: month
  landing: {pattern: 'listings-(?P<batch>.*)\\.csv'}
  quarantine_budget: 0.5
  key: [id]
  columns:
    id: {type: integer, nullable: false}
    # from a map
    latitude:
      type: number
      range: [40.5, 41]  # the city
    kind: {type: category, allowed: [home, room], action: warn}
    stars:
      type: integer
      nullable: false
    host:  # a person
      type: text
      sensitive: true
      pattern: '[A-Z].*'
"""
HEADER = "id,latitude,kind,stars,host\n"
WAYS = ["north", "south", "east", "west"]
GOOD = "".join(f"{n},40.{60 + n},home,{n % 5},Ann\n" for n in range(8))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    found = made(tmp_path)
    (found.defs / "listings").mkdir()
    found.write("listings", LISTINGS)
    yield found
    # A run imports the project.
    sys.modules.pop("shop", None)
    load._imported.pop("shop", None)
    sys.path[:] = [folder for folder in sys.path if not Path(folder).is_relative_to(tmp_path)]


def land(shop: Shop, text: str, batch: str = "2024-01") -> None:
    file = shop.root / f"listings-{batch}.csv"
    file.write_text(text)
    shop("land", "listings", file)


def changed(shop: Shop) -> list[str]:
    """Return the lines of the spec that are new."""
    before = LISTINGS.splitlines()
    return [line for line in shop.text("listings").splitlines() if line not in before]


def column(shop: Shop, name: str) -> Any:
    return read_project(shop.defs).datasets["listings"].columns[name]


def test_a_latitude_just_outside_comes_back(shop: Shop) -> None:
    land(shop, HEADER + GOOD + "9,40.49979,home,1,Bob\n")
    land(shop, HEADER + GOOD, "2024-02")
    answer = shop("propose", "listings")
    assert answer.out.splitlines()[:2] == [
        "latitude range: [40.5, 41] → [40.4997, 41] (compatible)",
        "  1 row of 2024-01 in quarantine: 40.49979 (listings-2024-01.csv line 10)",
    ]
    assert "with it: 1 row comes back from quarantine; no model is trained again" in answer.out
    assert shop.text("listings") == LISTINGS
    assert "written; next: ml-assets plan" in shop("propose", "listings", "--accept").out
    assert changed(shop) == ["      range: [40.4997, 41]  # the city"]
    assert "there is nothing to propose" in shop("propose", "listings").out


@pytest.mark.slow
def test_exactly_what_follows_from_a_patch_runs(shop: Shop) -> None:
    land(shop, HEADER + GOOD + "9,40.49979,home,1,Bob\n")
    land(shop, HEADER + GOOD, "2024-02")
    shop("run", "listings/cleaned or listings/quarantine")
    shop("propose", "listings", "--accept")
    shop.write("listings", shop.text("listings") + "  on_new_column: propose\n")
    wide = HEADER.replace("\n", ",price\n") + GOOD.replace("Ann\n", "Ann,12.5\n")
    land(shop, wide, "2024-02")
    said = shop("run", "listings/cleaned or listings/quarantine").err
    asked = "listings@2024-02: column 'price' is new; see ml-assets propose listings"
    assert f"proposed {asked}" in said
    assert f"proposed {asked}" in shop("plan", "listings/cleaned").err
    assert asked in notes(shop("plan", "listings/cleaned", "--json").document)
    assert shop("quarantine", "listings").out == "no records of listings are quarantined\n"
    versions = {
        batch: len(shop("versions", "listings/cleaned", "--partition", batch).out.splitlines())
        for batch in ("2024-01", "2024-02")
    }
    assert versions == {"2024-01": 2, "2024-02": 1}


def test_values_outside_a_set_and_missing_ones(shop: Shop) -> None:
    land(shop, HEADER + GOOD + "9,40.7,boat,,Bob\n10,40.7,'no',3,Cy\n")
    answer = shop("propose", "listings", "--accept")
    assert "kind allowed: + \"'no'\", 'boat' (compatible)" in answer.out
    assert "2 rows of 2024-01 kept with a warning" in answer.out
    assert "with it: 1 row comes back" in answer.out
    assert column(shop, "kind").allowed == ("home", "room", "'no'", "boat")
    assert column(shop, "stars").nullable
    assert len(changed(shop)) == 2


def test_sensitive_values_are_not_shown_and_one_column_can_be_taken(shop: Shop) -> None:
    shop.write("listings", LISTINGS.replace("pattern: '[A-Z].*'", "allowed: [Ann, Bob]"))
    land(shop, HEADER + GOOD + "9,40.49979,home,1,Zoe\n")
    answer = shop("propose", "listings", "--column", "latitude", "--accept")
    assert "host" not in answer.out
    assert column(shop, "latitude").range == (40.4997, 41)
    answer = shop("propose", "listings")
    assert "its values are sensitive and not shown" in answer.out
    assert "Zoe" not in answer.out
    assert "did you mean 'host'" in shop("propose", "listings", "--column", "hots", code=2).err


def test_whole_numbers_that_are_none_any_more_and_words_for_missing(shop: Shop) -> None:
    land(shop, HEADER + GOOD + "9,40.7,home,4.5,Bob\n")
    answer = shop("propose", "listings", "--accept")
    assert "stars type: integer → number (compatible)" in answer.out
    assert column(shop, "stars").type == "number"
    shop.write("listings", LISTINGS)
    more = "".join(f"{n},40.7{n},home,4,Ann\n" for n in range(10, 90))
    land(shop, HEADER + GOOD + more + "9,unknown,home,4,Bob\n")
    assert "latitude null_values: ['', 'NA', 'unknown'] (compatible)" in (
        shop("propose", "listings", "--accept").out
    )
    assert changed(shop) == ["      null_values: ['', NA, unknown]"]
    shop.write("listings", LISTINGS)
    land(shop, HEADER + GOOD + more + "9,40.7,home,none yet,Bob\n")
    shop("propose", "listings", "--accept")
    assert column(shop, "stars").null_values == ("", "NA", "none yet")
    assert column(shop, "stars").nullable
    assert "there is nothing to propose" in shop("propose", "listings").out


def test_a_column_of_another_type_is_breaking(shop: Shop) -> None:
    rows = "".join(f"{n},{WAYS[n % 4]},home,1,Ann\n" for n in range(40))
    land(shop, HEADER + rows)
    answer = shop("propose", "listings", "--accept")
    assert "latitude type: number → category (breaking)" in answer.out
    found = column(shop, "latitude")
    assert (found.type, found.range, found.action) == ("category", None, "warn")
    assert found.allowed == ("east", "north", "south", "west")
    assert "    # from a map\n" in shop.text("listings")


def test_a_new_column_is_taken_only_by_name(shop: Shop) -> None:
    wide = HEADER.replace("\n", ",price\n") + GOOD.replace("Ann\n", "Ann,12.5\n")
    land(shop, wide)
    answer = shop("propose", "listings", "--accept")
    assert "not in the patch: --column price takes it" in answer.out
    assert shop.text("listings") == LISTINGS
    shop("propose", "listings", "--column", "price", "--accept")
    assert column(shop, "price").type == "number"
    assert shop.text("listings").startswith(LISTINGS)
    shop.write("listings", LISTINGS)
    land(shop, HEADER + GOOD, "2024-02")
    assert "1 batch has it not, and would be refused" in shop("propose", "listings").out


def test_a_new_column_is_taken_where_the_spec_asks_for_it(shop: Shop) -> None:
    wide = HEADER.replace("\n", ",price\n") + GOOD.replace("Ann\n", "Ann,12.5\n")
    asks = LISTINGS + "  on_new_column: propose\n  on_missing_column: ignore\n"
    shop.write("listings", asks)
    land(shop, wide)
    land(shop, HEADER + GOOD, "2024-02")
    assert "not in the patch" not in shop("propose", "listings", "--accept").out
    assert column(shop, "price").type == "number"


def test_values_of_another_type_are_found_in_a_file_that_they_refuse(shop: Shop) -> None:
    shop.write("listings", LISTINGS + "  on_type_change: refuse\n  on_new_column: refuse\n")
    land(shop, HEADER + GOOD + "9,40.7,home,4.5,Bob\n")
    assert "stars type: integer → number (compatible)" in shop("propose", "listings").out


def test_a_renamed_column_and_one_that_is_gone(shop: Shop) -> None:
    land(shop, (HEADER + GOOD).replace("latitude", "Latitude_deg"))
    answer = shop("propose", "listings", "--accept")
    assert "latitude renamed in the file: latitude → Latitude_deg (breaking)" in answer.out
    assert column(shop, "latitude").source == ("Latitude_deg",)
    shop.write("listings", LISTINGS)
    land(shop, HEADER + GOOD, "2024-02")
    assert "1 other batch has 'latitude'" in shop("propose", "listings").out
    lines = [line.split(",") for line in (HEADER + GOOD).splitlines()]
    for batch in ("2024-01", "2024-02"):
        land(shop, "".join(",".join([a, *rest]) + "\n" for a, _, *rest in lines), batch)
    answer = shop("propose", "listings", "--accept")
    assert "latitude gone: removed (breaking)" in answer.out
    assert "latitude" not in shop.text("listings")
    assert "from a map" not in shop.text("listings")


def test_a_column_that_is_needed_is_not_removed(shop: Shop) -> None:
    lines = [line.partition(",")[2] for line in (HEADER + GOOD).splitlines()]
    land(shop, "\n".join(lines) + "\n")
    answer = shop("propose", "listings", "--accept", code=2)
    assert "not written, since then" in answer.err
    assert "no column 'id'" in answer.err
    assert shop.text("listings") == LISTINGS


def test_without_files_there_is_nothing_to_go_by(shop: Shop) -> None:
    assert "nothing has landed for listings" in shop("propose", "listings", code=2).err
    assert "did you mean 'listings'" in shop("propose", "listing", code=2).err


@pytest.mark.parametrize(
    ("limits", "values", "wanted"),
    [
        ((40.5, 41.0), [40.49979], (40.4997, 41.0)),
        ((0.0, 67.0), [196.0], (0.0, 200.0)),
        ((None, 10.0), [11.0, -5.0], (None, 11.0)),
        ((0.0, None), [-1e-9], (-1e-9, None)),
        ((0.0, 1.0), [-0.25, 3e50], (-0.3, 3e50)),
    ],
)
def test_a_range_is_widened_a_little(limits: Any, values: list[float], wanted: Any) -> None:
    low, high = widened(limits, values)
    assert (low, high) == pytest.approx(wanted)
    assert low is None or low <= min(values)
    assert high is None or high >= max(values)


BEFORE = """\
attributes:
  a:
    x: {type: text, allowed: [p, q], nullable: false}
    # about y
    y:
      type: text
      allowed:
        - p  # first
        - q  # last
      # below
    z: {type: text}
  end: 1
"""


Y, Z = "      type: text\n", "z: {type: text}"


@pytest.mark.parametrize(
    ("edit", "old", "new"),
    [
        (Edit("set", ("a", "x", "nullable"), True), "nullable: false", "nullable: true"),
        (Edit("set", ("a", "z", "range"), [1, None]), Z, Z[:-1] + ", range: [1, null]}"),
        (Edit("set", ("a", "y", "unit"), "a: b"), Y, f"{Y}      unit: 'a: b'\n"),
        (Edit("append", ("a", "x", "allowed"), ["r", "no"]), "[p, q]", "[p, q, r, 'no']"),
        (Edit("append", ("a", "y", "allowed"), ["r"]), "q  # last\n", "q  # last\n        - r\n"),
        (Edit("remove", ("a", "x", "allowed")), "allowed: [p, q], ", ""),
        (Edit("remove", ("a", "x", "nullable")), ", nullable: false", ""),
        (Edit("remove", ("a", "z")), "    z: {type: text}\n", ""),
        (Edit("add", ("a",), ["v:", "  type: text"]), Z, f"{Z}\n    v:\n      type: text"),
    ],
)
def test_an_edit_leaves_all_else_as_it_is(edit: Edit, old: str, new: str) -> None:
    assert BEFORE.count(old) == 1
    after = edited(Path("defs.yaml"), BEFORE, [edit])
    assert after == BEFORE.replace(old, new)
    assert yaml.safe_load(after)["attributes"]["end"] == 1
