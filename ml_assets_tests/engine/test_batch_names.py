"""What batches may be called, and in which order they are used."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from ml_assets.engine.address import find
from ml_assets.engine.batch_names import unfit
from ml_assets.engine.landing import land, observe
from ml_assets.errors import RequestError, SpecError, UnknownName
from ml_assets_tests.projects import Toy, prices, sales

PRICES = "toy/defs/prices/defs.yaml"
LOOSE = r"\d{4}-\d{1,2}"


def _loose(toy: Toy, batch: str = LOOSE) -> None:
    """Let batches have other names than 2020-01."""
    for path in ("toy/defs/sales/defs.yaml", PRICES):
        toy.edit(path, r"(?P<batch>\d{4}-\d{2})", f"(?P<batch>{batch})")


def _land(toy: Toy, batch: str, month: str = "2020-01") -> None:
    toy.land("sales", batch, sales(month))
    toy.land("prices", batch, prices(month))


def _order(toy: Toy, order: str) -> None:
    for path in ("toy/defs/sales/defs.yaml", PRICES):
        toy.edit(path, "calendar: month", f"calendar: {{name: month, order: {order}}}")


BAD = [
    "../../x",
    "a/b",
    "a\\b",
    "a@b",
    "a,b",
    ".a",
    " a",
    "a...b",
    "a\nb",
    "\x1b",
    "a" * 300,
    "",
]


@pytest.mark.parametrize("batch", BAD, ids=ascii)
def test_what_no_batch_can_be_called(toy: Toy, batch: str) -> None:
    _loose(toy, "(?s:.*)")
    planner, source = toy.planner(), toy.root / "export.csv"
    source.write_bytes(sales("2020-01"))
    with pytest.raises(RequestError, match=r"invalid batch name .* wanted 1 to 100 bytes"):
        land(planner.home, planner.project, "sales", source, batch)
    assert not planner.home.landing.exists()


def test_a_file_that_names_such_a_batch_is_named_and_left_alone(toy: Toy) -> None:
    _loose(toy, ".*")
    planner = toy.planner()
    folder = planner.home.landing / "sales"
    folder.mkdir(parents=True)
    for batch in ("a@v0", "b", "", "[red]"):
        (folder / f"sales-{batch}.csv").write_bytes(sales("2020-01"))
    found = observe(planner.home, planner.project, settle=0)
    assert found.landed == ["sales@[red]", "sales@b"]
    assert [problem.split(": ")[0].rpartition("/")[2] for problem in found.problems] == [
        "sales-.csv",
        "sales-a@v0.csv",
    ]
    assert all("invalid batch name" in problem for problem in found.problems)
    assert (folder / "sales-a@v0.csv").exists()


def test_months_without_a_zero_are_folds_in_their_order(toy: Toy) -> None:
    _loose(toy)
    for number in (10, 9, 11, 8):
        _land(toy, f"2020-{number}", f"2020-{number:02}")
    planner = toy.planner()
    session = planner.session()
    assert session.batches("sales") == ["2020-8", "2020-9", "2020-10", "2020-11"]
    assert session.before("prices", "2020-10") == ["2020-8", "2020-9"]
    assert session.before("prices", "2020-12")[-1] == "2020-11"
    ran = toy.make("+forecast/candidate")
    assert ran.faults == []
    home = toy.planner().home
    split = home.records.current("dev", "forecast/train_split")
    assert split is not None
    assert split.facts["batches"] == {
        "train": ["2020-8"],
        "validation": ["2020-9"],
        "test": ["2020-10", "2020-11"],
    }
    fitted = home.records.current("dev", "forecast/candidate")
    assert fitted is not None
    action = home.records.action(fitted.actions["fit:median"])
    assert action is not None
    assert [name for name, _ in action.ingredients["inputs"]["features"]] == ["2020-8", "2020-9"]


def test_a_date_format_orders_and_refuses(toy: Toy) -> None:
    _loose(toy, r"\w+ \d{4}")
    _order(toy, "'%b %Y'")
    for name in ("Feb 2020", "Jan 2020", "Dec 2019"):
        _land(toy, name)
    assert toy.planner().session().batches("sales") == ["Dec 2019", "Jan 2020", "Feb 2020"]
    said = "batch 'Foo 2020' does not match the order '%b %Y' of calendar month; rename the file"
    with pytest.raises(RequestError, match=said):
        toy.land("sales", "Foo 2020")
    planner = toy.planner()
    (planner.home.landing / "sales" / "sales-Bar 2020.csv").write_bytes(sales("2020-01"))
    problem = observe(planner.home, planner.project, 0.0).problems[0]
    assert "sales-Bar 2020.csv: batch 'Bar 2020' does not match the order" in problem
    assert ("sales", "Bar 2020") not in planner.home.batches.landed()


def test_a_format_that_landed_batches_do_not_have_is_refused_until_they_are_withdrawn(
    toy: Toy,
) -> None:
    _loose(toy, r"[\w -]+")
    _land(toy, "2020-01")
    _land(toy, "Feb 2020")
    _order(toy, "'%b %Y'")
    with pytest.raises(
        SpecError, match="order '%b %Y' of the calendar does not match landed batches 2020-01; set"
    ):
        toy.plan()
    for dataset in ("sales", "prices"):
        toy.planner().home.batches.withdraw("dev", dataset, "2020-01", "old name")
    assert toy.planner().session().batches("sales") == ["2020-01", "Feb 2020"]


def test_one_place_of_a_calendar_has_one_name(toy: Toy) -> None:
    _loose(toy)
    toy.land("sales", "2020-01", sales("2020-01"))
    with pytest.raises(
        RequestError, match="batch '2020-1' is the same place as '2020-01' on calendar"
    ):
        toy.land("prices", "2020-1", prices("2020-01"))
    planner = toy.planner()
    (planner.home.landing / "sales" / "sales-2020-1.csv").write_bytes(sales("2020-02"))
    problems = observe(planner.home, planner.project, 0.0).problems
    assert [p.partition(": ")[2] for p in problems] == [
        "batch '2020-1' is the same place as '2020-01' on calendar month; name it '2020-01', or "
        "withdraw '2020-01' first"
    ]
    planner.home.batches.withdraw("dev", "sales", "2020-01", "to be named anew")
    assert observe(planner.home, planner.project, 0.0).landed == ["sales@2020-1"]


def test_two_spellings_of_a_name_are_one_batch(toy: Toy) -> None:
    _loose(toy, r"\w+")
    toy.land("prices", "Ma\u0308rz", prices("2020-02"))
    planner = toy.planner()
    folder = planner.home.landing / "prices"
    assert list(planner.home.batches.landed()) == [("prices", "M\u00e4rz")]
    (folder / "prices-M\u00e4rz.csv").write_bytes(prices("2020-03"))
    assert "two files for one batch" in observe(planner.home, planner.project, 0.0).problems[0]
    toy.land("prices", "M\u00e4rz", prices("2020-03"))
    assert [path.name for path in folder.iterdir()] == ["prices-M\u00e4rz.csv"]
    assert list(planner.home.batches.landed()) == [("prices", "M\u00e4rz")]


def test_a_batch_may_be_named_like_a_version(toy: Toy) -> None:
    toy.edit(PRICES, r"(?P<batch>\d{4}-\d{2})", "(?P<batch>.+)")
    for number, batch in enumerate(("a", "a:v0", "12:30")):
        toy.land("prices", batch, prices(f"2020-0{number + 1}"))
    assert toy.make("prices/raw").faults == []
    planner = toy.planner()

    def cell(text: str, partition: str | None = None) -> str:
        return str(find(planner, text, partition))

    assert cell("prices/raw@a:v0") == "prices/raw@a:v0:v0"
    assert cell("prices/raw@a:v0:v0") == "prices/raw@a:v0:v0"
    assert cell("prices/raw@12:30") == "prices/raw@12:30:v0"
    assert cell("prices/raw@a") == cell("prices/raw:v0", "a") == "prices/raw@a:v0"
    with pytest.raises(UnknownName, match="no version of prices/raw named '7'"):
        cell("prices/raw@a:v7")


@drawn(
    st.one_of(st.text(max_size=8), st.sampled_from(["..", "nul", "CON", "com1", "~", "C:", "%2e"]))
)
def test_a_batch_names_one_file_in_its_folder_or_none(name: str) -> None:
    if unfit(name) is None:
        folder = Path("/landing/sales")
        path = folder / f"sales-{name}.csv"
        assert path.resolve().parent == folder
        assert name == name.strip()
        assert name.isprintable() or not name.isascii()
    else:
        assert "wanted 1 to 100 bytes" in str(unfit(name))
