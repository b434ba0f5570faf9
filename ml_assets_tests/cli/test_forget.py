"""Legal deletion in a whole home: every place is searched, to the byte, before and after."""

from __future__ import annotations

import gzip
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from ml_assets.store.objects import Ref
from ml_assets.store.places import PLACES, foreign
from ml_assets.store.state import actions
from ml_assets_tests.cli.shell import Site
from ml_assets_tests.prepared import made_site
from ml_assets_tests.projects import FEATURES, FORECAST, MONTHS, SALES, prices, sales
from ml_assets_tests.searching import holding

CUSTOMER, NOTE = "zqanna", "zqwrote"
"""A category that is a feature, and a text that is none; both in the first row of each month."""


def _sales(month: str) -> bytes:
    first, *rows = sales(month).decode().splitlines()
    lines = [f"{first},customer,note"]
    for number, row in enumerate(rows):
        lines.append(f"{row},{CUSTOMER},{NOTE}" if number == 0 else f"{row},c{number % 2},")
    return ("\n".join(lines) + "\n").encode()


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a project, materialized, whose sales name customers and hold notes."""
    with made_site(tmp_path_factory, "forget", _materialize) as site:
        yield site


def _materialize(site: Site) -> None:
    toy = site.toy
    column = "    promo: {type: boolean, known_at: opening}\n"
    more = "".join(
        f"    {name}: {{type: {kind}, known_at: opening}}\n"
        for name, kind in (("customer", "category"), ("note", "text"))
    )
    toy.edit(SALES, column, column + more)
    toy.edit(FORECAST, "      store: {", "      customer: {type: category}\n      store: {")
    toy.edit(FEATURES, '{"promo"', '{"customer": sales["customer"], "promo"')
    toy.edit(FORECAST, "slices: [store]", "slices: [store, customer]")
    toy.edit(FORECAST, "resamples: 100}, slices: null}", "resamples: 100}, slices: {min_rows: 2}}")
    for month in MONTHS:
        toy.land("sales", month, _sales(month))
        toy.land("prices", month, prices(month))
    assert site.json("run")["success"]


def _plant(home: Path) -> None:
    """Put the row where a run does not: what people keep, and what killed processes left."""
    landing, env = home / "landing" / "sales", home / "environments" / "dev"
    (landing / "sales-2020-07.csv").write_bytes(_sales("2020-07"))
    (landing / "notes-from-till.csv").write_text(f"{CUSTOMER} came in, {NOTE}\n")
    (landing / "old").mkdir()
    (landing / "old" / "first.csv.gz").write_bytes(gzip.compress(_sales("2019-01")))
    (home / "backup").mkdir()
    (home / "backup" / "sales.csv").write_bytes(_sales("2019-01"))
    (env / "logs").mkdir(exist_ok=True)
    (env / "logs" / "dagster-webserver.log").write_text(f"no column {NOTE}\n")
    (env / "mlflow.removed").mkdir()
    (env / "mlflow.removed" / "report.html").write_text(NOTE)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.communicate()
    left = f"{'0' * 32}.{ended.pid}.{socket.gethostname()}"
    (home / "tmp" / left).mkdir(parents=True)
    (home / "tmp" / left / "report.html").write_text(NOTE)
    (home / "objects" / "tmp" / left).write_text(NOTE)


def _places(files: set[str]) -> set[str]:
    """Return the places in which files of a home lie; each is in one, at most."""
    found = set()
    for file in files:
        places = [place.path for place in PLACES if place.has(file)]
        assert len(places) <= 1, (file, places)
        found |= set(places) or {file}
    return found


def test_every_file_of_a_home_is_in_the_list(site: Site) -> None:
    assert [str(entry.path) for entry in foreign(site.home)] == []
    files = {p.relative_to(site.home).as_posix() for p in site.home.rglob("*") if p.is_file()}
    assert _places(files) <= {place.path for place in PLACES}


def test_a_row_is_in_no_byte_of_a_whole_home_afterwards(site: Site) -> None:
    site("report", "forecast")
    site("report", "sales", "--partition", "2020-05")
    _plant(site.home)
    env = "environments/<env>"
    both = {
        *("landing/<dataset>/", "objects/<part>/d1-*", "backup/sales.csv"),
        f"{env}/dagster/history/",
    }
    assert _places(holding(site.home, CUSTOMER)) == both | {
        f"{env}/mlflow/artifacts/",
        f"{env}/reports/*-v*.html*",
        "state.db*",
    }
    assert _places(holding(site.home, NOTE)) == both | {
        *(
            "tmp/",
            "objects/tmp/",
            f"{env}/logs/",
            f"{env}/mlflow.removed/",
            f"{env}/reports/*-v*.html*",
        ),
    }
    models = {Path(file).name for file in holding(site.home, CUSTOMER) if "artifacts" in file}
    assert "input_example.json" in models

    said = site.json("forget", "sales", "--key", f"customer={CUSTOMER}", "--reason", "request 17")

    landing = site.home / "landing" / "sales"
    kept = {"landing/sales/notes-from-till.csv", "backup/sales.csv"}
    assert holding(site.home, NOTE) == kept
    left = holding(site.home, CUSTOMER) - kept
    # A model keeps the categories that it was trained with.
    assert {file for file in left if not file.startswith("objects/")} == {
        file for file in left if file.endswith("artifacts/model/data/model.json")
    }
    with site.store() as home:
        stored = {home.objects.path(ref.digest) for ref in _trained(site)}
    assert {site.home / file for file in left if file.startswith("objects/")} <= stored
    assert said["foreign"] == [str(site.home / "backup" / "sales.csv")]
    (unsearched,) = said["unsearched"]
    assert unsearched.startswith(f"{landing}/notes-from-till.csv: no column customer")
    assert said["files"][str(landing / "sales-2020-07.csv")] == "rewritten"
    assert said["files"][str(landing / "old" / "first.csv.gz")] == "rewritten"
    assert said["rows"] == {"": 1, **dict.fromkeys([*MONTHS, "2020-07"], 1)}
    assert "forecast release v0" in said["versions"]
    (landing / "notes-from-till.csv").unlink()
    assert site.json("run")["success"]
    assert holding(site.home, NOTE) == {"backup/sales.csv"}


def _trained(site: Site) -> Iterator[Ref]:
    """Yield what training made: parameters and scores."""
    with site.store() as home, home.state.read() as db:
        for row in db.execute(select(actions.c.ingredients, actions.c.outputs)):
            if json.loads(row.ingredients)["stage"].startswith("ml_assets.stages.train."):
                for ref in json.loads(row.outputs).values():
                    yield Ref(**ref)
