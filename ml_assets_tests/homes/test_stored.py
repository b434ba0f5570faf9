"""Homes that earlier versions made, under the code of today.

Code may have changed since: then cells run again and new versions come. What was made keeps its
number and its digest, and everything that can be done with it can be done still.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_assets_tests.cli.shell import Shell
from ml_assets_tests.homes.later import LATER, later_format
from ml_assets_tests.homes.make import FORGOTTEN, ROWS, SERVE
from ml_assets_tests.homes.stored import FORMATS, unpack
from ml_assets_tests.prepared import lead
from ml_assets_tests.processes import environment, run
from ml_assets_tests.projects import drop_modules


class Stored(Shell):
    """A stored home and its project, unpacked."""

    def __init__(self, root: Path, name: str) -> None:
        super().__init__(root)
        self.golden = unpack(name, root)
        lead(root)

    def versions(self) -> dict[str, list[str]]:
        """Return the digests of the versions that were stored, as they are found now."""
        with self.store() as home:
            return {
                name: [v.digest for v in home.records.versions(*name.split("@"))][: len(digests)]
                for name, digests in self.golden["versions"].items()
            }

    def served(self) -> Any:
        """Return what MLflow's models predict, each by its address."""
        uri = f"sqlite:///{self.home / 'environments' / 'dev' / 'mlflow' / 'mlflow.db'}"
        with environment(self.environ()):
            return json.loads(run(SERVE, uri, json.dumps(ROWS), *self.golden["predictions"]))

    def log(self) -> list[list[Any]]:
        """Return the promotion log."""
        entries = self.json("history", "demand")["entries"]
        return [[entry["version"], entry["action"]] for entry in entries]


@pytest.fixture(params=FORMATS)
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stored]:
    found = Stored(tmp_path.resolve() / "project", request.param)
    yield found
    drop_modules("shop", found.root)


def test_it_is_opened_planned_and_released(stored: Stored) -> None:
    assert stored.versions() == stored.golden["versions"]
    assert stored.log() == stored.golden["log"]
    for item in stored.json("plan")["run"]:
        # Neither a field that came later nor a file that lies where it lay moves a key.
        assert not item["reason"].startswith(("spec:", "input", "never materialized")), item
    verified = stored.json("verify", stored.root / "releases" / "demand-v1.zip")
    assert verified["verified"] is True
    for version in ("v0", "v1"):
        words = ("release", "demand", "--version", version, "--out", stored.root / "out")
        assert stored.json(*words)["version"] == version


@pytest.mark.slow
def test_it_is_run_and_its_models_are_served(stored: Stored) -> None:
    assert stored.served() == stored.golden["predictions"]
    assert stored.json("run")["success"]
    assert stored.json("plan")["run"] == []
    assert stored.versions() == stored.golden["versions"]
    assert stored.log()[: len(stored.golden["log"])] == stored.golden["log"]
    by_number = {uri: found for uri, found in stored.served().items() if "@" not in uri}
    assert by_number.items() <= stored.golden["predictions"].items()


@pytest.mark.slow
@pytest.mark.parametrize("version", ["v0", "v1"])
def test_its_released_versions_are_made_again(stored: Stored, version: str) -> None:
    made = stored.json("recreate", "demand", version)
    # Under other libraries the same predictions are all that can be asked for.
    assert made["verdict"] == ("PREDICTION-EQUAL" if made["libraries"] else "IDENTICAL"), made


@pytest.mark.slow
def test_it_is_rolled_back_collected_and_forgotten_from(stored: Stored) -> None:
    rolled = stored.json("rollback", "demand", "--reason", "complaints")
    assert (rolled["version"], rolled["previous"]["version"]) == (0, 1)
    assert stored.json("status", "demand")["held"] == "v1"
    stored.json("gc", "--keep", "1")
    with stored.store() as home:
        for version in home.records.versions("demand/candidate")[:2]:
            assert home.objects.missing([ref.digest for ref in version.outputs.values()]) == []
    assert stored.versions() == stored.golden["versions"]
    words = ("forget", "sales", "--key", f"customer={FORGOTTEN}", "--reason", "asked to")
    assert stored.json(*words)["rows"] == {f"2024-{n:02}": 1 for n in (1, 2, 3, 4)}
    assert stored.json("run")["success"]
    assert stored.versions() == stored.golden["versions"]
    for path in (stored.home / "landing" / "sales").iterdir():
        assert FORGOTTEN not in path.read_text()
    with stored.store() as home:
        for month in (1, 2, 3, 4):
            held = home.records.current("dev", "sales/cleaned", f"2024-{month:02}")
            assert held is not None
            (table,) = (home.objects.table(ref.digest) for ref in held.outputs.values())
            assert table.num_rows > 20
            assert FORGOTTEN not in table["customer"].to_pylist()


def test_a_later_format_migrates_it_and_says_so_beside_the_document(
    stored: Stored, tmp_path: Path
) -> None:
    copy = later_format(tmp_path / "later", stored.root)
    more = {"PYTHONPATH": str(copy.root)}
    first = stored.process("versions", "demand/candidate", "--json", more=more)
    digests = [found["digest"] for found in first.document]
    assert digests == stored.golden["versions"]["demand/candidate"]
    (kept,) = (stored.home / "copies").iterdir()
    assert f"to {LATER}; the previous state is kept in {kept}\n" in first.err
    again = stored.process("versions", "demand/candidate", "--json", more=more)
    assert (again.document, again.err) == (first.document, "")
    refused = stored("versions", "demand/candidate", "--json", code=2).document
    assert f"has store format {LATER}" in refused["error"]
    # What is forgotten goes from the copy with it.
    words = ("forget", "sales", "--batch", "2024-02", "--reason", "asked to", "--json")
    assert stored.process(*words, more=more).document["copies"] == [str(kept)]
    assert not kept.exists()
