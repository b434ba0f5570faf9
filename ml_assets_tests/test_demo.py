"""The real flights of 2013, from landing to an evaluated model, by command."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import ml_assets
from ml_assets.cli.demo import HELD_BACK
from ml_assets_tests.cli.shell import Shell
from ml_assets_tests.prepared import lead
from ml_assets_tests.processes import ROOT, copy

pytestmark = pytest.mark.slow

MONTHS = [f"2013-{month:02}" for month in range(1, 12)]
MODELS = ("flight_delay", "late_arrival")
MARCH = "2013-03"
TO_BEAT = 13.15
"""Mean absolute error in minutes, trained on January to October, tested on November, December."""


class Demo(Shell):
    """The shipped project in a home of its own, after `ml-assets demo` or copied from one."""

    def __init__(self, home: Path, original: Demo | None = None) -> None:
        super().__init__(ROOT, home)
        if original is None:
            self.first: dict[str, Any] = self.process("demo", "--no-ui", "--json").document
        else:
            copy(original.home, home)
            lead(home.parent)
            self.first = original.first

    def sample(self, dataset: str, month: str) -> Path:
        """Return a month's file as the demo made it."""
        return self.home / "sample" / f"{dataset}-{month}.csv"

    def records(self, dataset: str) -> int:
        """Return how many records the landed files hold."""
        files = [self.sample(dataset, month) for month in MONTHS]
        return sum(len(path.read_bytes().splitlines()) - 1 for path in files)

    def load(self, asset: str, **options: Any) -> Any:
        """Read an asset as a notebook does."""
        with self.inside():
            return ml_assets.load(asset, **options)


@dataclass(frozen=True)
class Later:
    """A demo after a second run: the candidate and digests before it, the cells it executed."""

    demo: Demo
    old: Any
    before: dict[str, str]
    executed: set[str]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """Give the demo after its first run; no test changes its results."""
    return Demo(tmp_path_factory.mktemp("demo") / "data")


def test_the_first_run_makes_everything(demo: Demo) -> None:
    assert demo.first["success"]
    assert demo.first["failed"] == []
    assert demo.first["reused"] == []
    executed = set(demo.first["executed"])
    for month in MONTHS:
        for asset in ("flights/raw", "flights/cleaned", "weather/cleaned", "flight_delay/features"):
            assert f"{asset}@{month}" in executed
    assert not [cell for cell in executed if HELD_BACK in cell]
    for model in MODELS:
        made = ("candidate", "evaluation_report", "champion", "release")
        assert {f"{model}/{asset}" for asset in made} <= executed


def test_rows_add_up(demo: Demo) -> None:
    rows = demo.first["summary"]["rows"]
    for dataset in ("flights", "weather"):
        assert rows[dataset]["landed"] == demo.records(dataset)
    assert rows["flights"]["landed"] == 308_641
    for counts in rows.values():
        assert counts["landed"] == counts["cleaned"] + counts["filtered"] + counts["quarantined"]
    # Flights without an arrival delay were cancelled, or diverted and have no label.
    flights = rows["flights"]
    assert flights["filtered"] + flights["unlabelled"] == _without_delay(demo)


def _without_delay(demo: Demo) -> int:
    count = 0
    for month in MONTHS:
        head, *lines = demo.sample("flights", month).read_text().splitlines()
        at = head.split(",").index("arr_delay")
        count += sum(line.split(",")[at] == "" for line in lines)
    return count


def test_the_model_is_worth_it(demo: Demo) -> None:
    models = demo.first["summary"]["models"]
    metrics = models["flight_delay"]["candidate"]["metrics"]
    assert metrics["test"]["mae"] < TO_BEAT
    assert metrics["test"]["mae"] < 0.7 * metrics["baseline"]["mae"]
    low, high = metrics["intervals"]["mae"]
    assert low < metrics["test"]["mae"] < high
    late = models["late_arrival"]["candidate"]["metrics"]
    assert late["test"]["log_loss"] < late["baseline"]["log_loss"]
    for model in models.values():
        report = Path(model["candidate"]["report"])
        content = report.read_bytes()
        content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        assert len(content) < 2_000_000
        assert b"http://" not in content.replace(b"http://www.w3.org", b"")


def test_a_second_demo_executes_nothing(demo: Demo) -> None:
    again = demo.process("demo", "--no-ui", "--json").document
    assert again["run_id"] is None
    assert again["executed"] == []
    assert len(again["reused"]) == len(demo.first["executed"])
    assert again["summary"]["rows"] == demo.first["summary"]["rows"]


def test_verify_finds_everything_deterministic(demo: Demo) -> None:
    selection = "weather/cleaned or flight_delay/features"
    found = demo.process("run", selection, "--partition", "2013-02", "--verify", "--json").document
    assert found["success"]
    assert {"weather/cleaned@2013-02", "flight_delay/features@2013-02"} <= set(found["executed"])


@pytest.fixture(scope="module")
def later(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Later:
    """Give a copy in which one model was run after December landed and March was corrected."""
    demo = Demo(tmp_path_factory.mktemp("later") / "data", demo)
    old = demo.load("flight_delay/candidate")
    before = demo.digests()
    for dataset in ("flights", "weather"):
        demo("land", dataset, demo.sample(dataset, HELD_BACK))
    lines = demo.sample("flights", MARCH).read_bytes().splitlines(keepends=True)
    corrected = tmp_path_factory.mktemp("corrected") / f"flights-{MARCH}.csv"
    corrected.write_bytes(b"".join(lines[:-5]))
    demo("land", "flights", corrected)
    answer = demo.process("run", f"+{MODELS[0]}/evaluation_report", "--json").document
    assert answer["success"]
    return Later(demo, old, before, set(answer["executed"]))


def test_december_lands(later: Later) -> None:
    demo = later.demo
    assert {f"{name}@{HELD_BACK}" for name in ("flights/raw", "weather/raw")} <= later.executed
    assert {f"flight_delay/features@{HELD_BACK}", "flight_delay/candidate"} <= later.executed
    versions = demo.json("versions", "flight_delay/candidate")
    assert [item["version"] for item in versions] == ["v0", "v1"]
    status = demo.json("status", "flight_delay")
    assert status["candidate"]["version"] == "v1"
    assert status["candidate"]["metrics"]["test"]["mae"] < TO_BEAT
    change = demo.load("flight_delay/evaluation_report")["change"]
    assert change["previous"] == versions[0]["digest"]
    # Neither has seen any of the new test months: November and December.
    assert change["rows"]["left"] == change["rows"]["test"] > 50_000
    low, high = change["figures"]["mae"]["interval"]
    assert low <= change["figures"]["mae"]["difference"] <= high
    assert demo.load("flight_delay/candidate", version=0).document == later.old.document
    assert demo.load("flight_delay/candidate").document != later.old.document


def test_a_corrected_march_redoes_march_and_what_depends_on_it(later: Later) -> None:
    demo = later.demo
    batched = {cell for cell in later.executed if "@" in cell and HELD_BACK not in cell}
    assert {cell.split("@")[1] for cell in batched} == {MARCH}
    assert {cell.split("/")[0] for cell in batched} == {"flights", "flight_delay"}
    after = demo.digests()
    changed = {cell for cell, digest in later.before.items() if digest != after[cell]}
    assert {cell for cell in changed if "@" in cell} <= batched
    assert f"flights/cleaned@{MARCH}" in changed
    assert "flight_delay/candidate" in changed
    old = demo.load("flights/raw", partition=MARCH, version=0)
    new = demo.load("flights/raw", partition=MARCH)
    assert len(old) - len(new) == 5
