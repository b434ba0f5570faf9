"""Bad input has the same outcome in a file, in a landed batch and over HTTP.

The outcomes are those of `docs/reference/scoring.md`. Each case is one file of rows, which is
scored by the command, sent to the service as CSV and as JSON, and landed as a month of its own.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ml_assets.errors import MlAssetsError
from ml_assets.serve.model import load
from ml_assets.serve.score import Scoring
from ml_assets_tests.cli.shell import Shell
from ml_assets_tests.prepared import once
from ml_assets_tests.projects import FEATURES, FORECAST, SALES, STORES, Toy, copied, toy_project
from ml_assets_tests.serve.serving import PREDICT, Client, serving

LEARNED = ("2020-01", "2020-02", "2020-03", "2020-04")
ODD = 13
"""The features function raises for a sale of this size."""
Row = dict[str, str]
Rows = list[Row]


def rows(month: str, count: int = 20) -> Rows:
    """Return a month of good rows."""
    number = int(month.replace("-", "")) * 10_000
    return [
        {
            "sale": str(number + row),
            "day": f"{month}-{1 + row % 28:02}",
            "at": f"{month}-{1 + row % 28:02}T{row % 24:02}:30",
            "store": STORES[row % 3],
            "promo": "true" if row % 4 == 0 else "false",
            "size": str(row % 5),
        }
        for row in range(count)
    ]


def text(found: Rows) -> bytes:
    """Return rows as CSV."""
    sink = io.StringIO()
    written = csv.DictWriter(sink, list(found[0]), lineterminator="\n")
    written.writeheader()
    written.writerows(found)
    return sink.getvalue().encode()


def labelled(month: str) -> bytes:
    found = rows(month, 30)
    for row in found:
        row["units"] = str(20 + int(row["size"]) + 5 * (row["promo"] == "true"))
    return text(found)


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Give a project with a champion after four months. For copies."""

    def make(root: Path) -> None:
        with toy_project(root) as toy:
            calendar = "calendar: {name: month, order: '%Y-%m'}"
            toy.edit(SALES, "calendar: month", calendar)
            toy.edit("toy/defs/prices/defs.yaml", "calendar: month", calendar)
            toy.edit(SALES, "  time: day\n", "  time: day\n  labels: later\n")
            more = (
                "    at: {type: timestamp, zone: America/New_York, known_at: opening}\n"
                "    size: {type: number, known_at: opening}\n"
            )
            toy.edit(SALES, "    units: {", f"{more}    units: {{")
            toy.edit(FORECAST, "test: 2", "test: 1")
            toy.edit(FORECAST, "min_rows: 30", "min_rows: 10")
            toy.edit(
                FORECAST,
                "      promo: {type: boolean}\n",
                "      promo: {type: boolean}\n      size: {type: number}\n"
                "      hour: {type: integer}\n",
            )
            toy.edit(
                FEATURES,
                '        {"promo"',
                '        {"hour": sales["at"].dt.hour, "size": sales["size"], "promo"',
            )
            toy.edit(
                FEATURES,
                "    price = price_of(sales, prices)\n",
                f'    if (sales["size"] == {ODD}).any():\n'
                '        raise ValueError("unlucky")\n'
                "    price = price_of(sales, prices)\n",
            )
            for month in LEARNED:
                toy.land("sales", month, labelled(month))
                toy.land("prices", month)
            assert toy.make().faults == []

    return Toy(once(tmp_path_factory, "bad-input", make).resolve())


@dataclass(frozen=True)
class Case:
    """Rows of a month, and what becomes of them."""

    month: str
    change: Callable[[Rows], Rows | None]
    problems: dict[int, str] = field(default_factory=dict)
    """Number of a row -> the rule that it breaks."""
    landed: dict[int, str] | str | None = None
    """The same for the landed batch, where it differs; or why it has no predictions."""

    @property
    def rows(self) -> Rows:
        """The rows, changed."""
        found = rows(self.month)
        return self.change(found) or found


def as_they_are(found: Rows) -> None:
    """Change nothing."""


def put(number: int, **values: str) -> Callable[[Rows], None]:
    def change(found: Rows) -> None:
        found[number] |= values

    return change


def first(column: str, *values: str) -> Callable[[Rows], None]:
    def change(found: Rows) -> None:
        for row, value in zip(found, values, strict=False):
            row[column] = value

    return change


def noted(found: Rows) -> Rows:
    return [{"note": "a", **row, "more": "b"} for row in found]


def turned(found: Rows) -> Rows:
    return [dict(reversed(row.items())) for row in found]


def known_later(found: Rows) -> Rows:
    return [{**row, "units": "many" if number == 3 else ""} for number, row in enumerate(found)]


def a_thousand(found: Rows) -> Rows:
    more = rows(found[0]["day"][:7], 1000)
    put(617, size=str(ODD))(more)
    return more


BIG = 2**53 + 1
SAME = (
    "2020-10-03T10:30",
    "2020-10-03T10:30-04:00",
    "2020-10-03T14:30Z",
    "2020-10-03 16:30:00+02:00",
)
"""Times without a zone are New York's."""
CASES = {
    "good": Case("2020-05", as_they_are),
    "unknown columns": Case("2020-06", noted),
    "other order": Case("2020-07", turned),
    "text for a number": Case("2020-08", put(3, size="big"), {3: "parse.number"}),
    "text for an integer": Case("2020-09", put(3, sale="two"), {3: "parse.integer"}),
    "times with and without zones": Case(
        "2020-10", first("at", *SAME, "yesterday"), {4: "parse.timestamp"}
    ),
    "a date as others write it": Case("2020-11", put(2, day="03/11/2020"), {2: "parse.date"}),
    "integers beyond 2^53": Case(
        "2020-12", first("sale", str(BIG), str(BIG + 1), str(2**63)), {2: "parse.integer"}
    ),
    "spellings of NaN": Case(
        "2021-01",
        first("size", "", "NA", " NA ", "nan", "NaN"),
        {3: "parse.number", 4: "parse.number"},
    ),
    "spellings of nothing": Case(
        "2021-02",
        first("promo", "", "NA", "None", "null"),
        {2: "parse.boolean", 3: "parse.boolean"},
    ),
    "nothing where there must be a value": Case(
        "2021-03", put(5, store="NA"), {5: "store.not_null"}
    ),
    "a key twice": Case("2021-04", put(1, sale="2021040000"), {}, {1: "key.unique"}),
    "no batch to join yet": Case(
        "2021-05", as_they_are, dict.fromkeys(range(20), "join"), "prices"
    ),
    "the function raises for one of a thousand": Case(
        "2021-06", a_thousand, {617: "features"}, "unlucky"
    ),
    "known later": Case("2021-07", known_later, {}, {3: "parse.number"}),
}
NO_PRICES = "2021-05"


@dataclass(frozen=True)
class World:
    """Where all cases have landed, and a server."""

    toy: Toy
    client: Client
    details: dict[str, str]
    """Of each cell, what the run said."""

    def in_a_file(self, case: Case, folder: Path) -> tuple[dict[int, float], dict[int, str]]:
        """Return the predictions by number of row, and the rules of the others."""
        file = folder / "rows.csv"
        file.write_bytes(text(case.rows))
        planner = self.toy.planner()
        model = load(planner.home, planner.project, "forecast")
        scoring = Scoring(model, features=False, explain=False, batch=case.month)
        found = pa.concat_tables(scoring.answers(file))
        assert found["line"].to_pylist() == list(range(2, len(case.rows) + 2))
        said = {
            n: why.partition(": ")[0] for n, why in enumerate(found["problem"].to_pylist()) if why
        }
        values = {n: v for n, v in enumerate(found["prediction"].to_pylist()) if v is not None}
        return values, said

    def landed(self, case: Case) -> tuple[dict[int, float], dict[int, str]]:
        """Return the same of the batch."""
        planner = self.toy.planner()

        def table(asset: str, output: str) -> Rows:
            now = planner.home.records.current("dev", asset, case.month)
            return (
                []
                if now is None
                else planner.home.objects.table(now.outputs[output].digest).to_pylist()
            )

        found: Any = table("forecast/predictions", "predictions")
        bad: Any = table("sales/quarantine", "quarantine")
        return (
            {row["_line"] - 2: row["prediction"] for row in found},
            {row["_line"] - 2: row["rule"] for row in bad},
        )


@pytest.fixture(scope="module")
def world(champion: Toy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Land every case; no test changes it."""
    with copied(champion, tmp_path_factory.mktemp("bad") / "project") as toy:
        for case in CASES.values():
            toy.land("sales", case.month, text(case.rows))
            if case.month != NO_PRICES:
                toy.land("prices", case.month)
        ran = toy.make("+forecast/predictions")
        toy.make("sales/quarantine")
        toy.forget()
        with serving(toy) as client:
            yield World(toy, client, ran.details)


@pytest.mark.parametrize("name", CASES)
def test_an_outcome_is_the_same_in_file_batch_and_service(
    world: World, name: str, tmp_path: Path
) -> None:
    case = CASES[name]
    values, problems = world.in_a_file(case, tmp_path)
    assert problems == case.problems
    assert set(values) == set(range(len(case.rows))) - set(problems)
    path = f"{PREDICT}?batch={case.month}"
    good = [row for number, row in enumerate(case.rows) if number in values]
    for kind, body in (("text/csv", text), ("application/json", json_of)):
        found = world.client.ask(path, body(case.rows), kind)
        if problems:
            assert found.status == 422
            assert {item["row"]: item["rule"] for item in found.json["problems"]} == problems
            if not good:
                continue
            found = world.client.ask(path, body(good), kind)
        said = [item["prediction"] for item in found.json["predictions"]]
        assert said == list(values.values())
    predicted, rules = world.landed(case)
    if isinstance(case.landed, str):
        assert predicted == {}
        assert case.landed in world.details[f"forecast/features@{case.month}"]
        return
    wanted = case.problems if case.landed is None else case.landed
    assert rules == wanted
    assert predicted == {number: value for number, value in values.items() if number not in wanted}


def json_of(found: Rows) -> bytes:
    return json.dumps(found).encode()


def test_moments_that_are_one_have_one_prediction(world: World, tmp_path: Path) -> None:
    found = [{**rows("2020-10")[0], "at": at} for at in SAME]
    values, _ = world.in_a_file(Case("2020-10", lambda _: found), tmp_path)
    assert len(set(values.values())) == 1


def test_numbers_of_json_keep_their_digits(world: World) -> None:
    path = f"{PREDICT}?batch=2020-12"
    row: dict[str, Any] = {**rows("2020-12")[0], "sale": BIG, "size": 3, "promo": True}
    other = {**row, "sale": str(BIG), "size": "3", "promo": "true"}
    first, second = world.client.ask(path, [row, other]).json["predictions"]
    assert first == second
    for value, rule in ((2**63, "parse.integer"), (BIG + 0.5, None), (1.5, "parse.integer")):
        answer = world.client.ask(path, [{**row, "sale": value}])
        found = answer.json.get("problems", [{"rule": None}])
        assert [item["rule"] for item in found] == [rule]
    # As JSON has no NaN, it is no row at all.
    answer = world.client.ask(path, [{**row, "size": float("nan")}])
    assert answer.status == 400
    assert "not JSON" in answer.json["error"]


def test_a_batch_that_the_calendar_does_not_know(world: World, tmp_path: Path) -> None:
    said = "no batch is named '2020-31' by"
    file = tmp_path / "rows.csv"
    file.write_bytes(text(rows("2020-05")))
    shell = Shell(world.toy.root)
    assert said in shell("score", "forecast", file, "--batch", "2020-31", code=2).err
    answer = world.client.ask(f"{PREDICT}?batch=2020-31", rows("2020-05"))
    assert answer.status == 422
    assert said in answer.json["error"]
    with pytest.raises(MlAssetsError, match="2020-31"):
        world.toy.land("sales", "2020-31", text(rows("2020-05")))


def test_a_champion_with_fewer_features_than_the_spec_has_now(
    champion: Toy, tmp_path: Path
) -> None:
    with copied(champion, tmp_path / "project") as toy:
        toy.edit(
            FORECAST,
            "      hour: {type: integer}\n",
            "      hour: {type: integer}\n      double: {type: number}\n",
        )
        toy.edit(FEATURES, '{"hour":', '{"double": 2 * sales["size"], "hour":')
        case = CASES["good"]
        toy.land("sales", case.month, text(case.rows))
        toy.land("prices", case.month)
        assert toy.make("+forecast/predictions").faults == []
        with serving(toy) as client:
            world = World(toy, client, {})
            values, problems = world.in_a_file(case, tmp_path)
            assert problems == {}
            found = client.ask(f"{PREDICT}?batch={case.month}", case.rows).json["predictions"]
            assert [item["prediction"] for item in found] == list(values.values())
            assert world.landed(case) == (values, {})
