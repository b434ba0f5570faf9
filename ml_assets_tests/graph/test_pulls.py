"""Pulls that the sensor starts: real processes."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

from ml_assets.engine.plan import planner_here
from ml_assets.graph.pulls import pulls
from ml_assets.spec.project import Project
from ml_assets_tests.cli.shell import toy_site

SPEC = """
type: ml_assets.TabularDataset
attributes:
  description: Orders.
  landing: {sql: {url: 'env:SHOP_DB', query: SELECT * FROM orders, every: 1 second}}
  columns: {id: {type: integer}}
"""


def test_a_pull_is_said_while_it_runs_and_when_it_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with toy_site(tmp_path / "project") as site, site.inside():
        place = planner_here().workspace.defs / "orders"
        place.mkdir()
        (place / "defs.yaml").write_text(SPEC)
        planner = planner_here()
        monkeypatch.setenv("SHOP_DB", f"sqlite:///{tmp_path / 'shop.db'}")
        failed = _until_ended(planner.project)
        assert failed.startswith("orders was not pulled: error: SHOP_DB: no SQLite file")
        with sqlite3.connect(tmp_path / "shop.db") as db:
            db.execute("CREATE TABLE orders (id INTEGER)")
            db.execute("INSERT INTO orders VALUES (1)")
        db.close()
        assert _until_ended(planner.project) == ""
        assert [batch for owner, batch in planner.home.batches.landed() if owner == "orders"] == [
            ""
        ]
        planner.home.close()


def _until_ended(project: Project) -> str:
    """Start a pull and return what is said after it has ended."""
    running, deadline = "orders is being pulled from its database", time.monotonic() + 60
    while running not in pulls(project):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    while running in (said := pulls(project)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return "; ".join(said)
