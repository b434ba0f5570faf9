"""Rows of a database that land as batches: SQLite, and a real Postgres."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text

from ml_assets.engine.cutting.outcome import Change
from ml_assets.engine.landing import land, observe
from ml_assets.engine.pulling import database
from ml_assets.engine.pulling.pull import pull
from ml_assets.errors import RequestError
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.project import Project
from ml_assets.stages import parquet
from ml_assets.store.batches import Batches
from ml_assets.store.home import Home
from ml_assets_tests.shared import PASSWORD, Cluster, postgres

ROWS = [
    (1, "2024-01-05 10:00:00", 1.5, "2024-01-05 11:00:00"),
    (2, "2024-01-31 23:30:00", 2.5, "2024-02-01 00:00:00"),
    (3, "2024-02-10 10:00:00", 3.5, "2024-02-10 11:00:00"),
    (4, "2024-03-10 10:00:00", 4.5, "2024-03-10 11:00:00"),
]


def _spec(**changed: Any) -> DatasetSpec:
    sql = {"url": "env:SHOP_DB", "query": "SELECT * FROM orders;", "watermark": "updated"}
    sql |= {"batch": "month of at", **changed.pop("sql", {})}
    return DatasetSpec.model_validate(
        {
            "description": "Orders.",
            "calendar": {"name": "month", "period": "month"},
            "landing": {"sql": {name: value for name, value in sql.items() if value is not None}},
            "key": ["id"],
            "columns": {
                "id": {"type": "integer"},
                "at": {"type": "timestamp"},
                "x": {"type": "number"},
            },
            "quarantine_budget": 0.5,
            **changed,
        }
    )


@dataclass
class Shop:
    """A database with orders, and a home that they land in."""

    home: Home
    engine: Engine

    def do(self, statement: str, **values: Any) -> None:
        with self.engine.begin() as db:
            db.execute(text(statement), values)

    def pull(self, spec: DatasetSpec, whole: bool = False) -> list[Change]:
        return pull(self.home, Project({"orders": spec}, {}), "orders", whole).changes

    def rows(self, batch: str) -> list[dict[str, Any]]:
        landing = self.home.batches.landed()["orders", batch][0]
        return parquet.read(self.home.objects.read(landing.digest)).to_pylist()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with postgres() as found:
        yield found


@pytest.fixture(params=["sqlite", "postgres"])
def shop(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    if request.param == "postgres":
        url = request.getfixturevalue("cluster").url()
        engine = create_engine(url.replace("postgresql", "postgresql+psycopg"))
    else:
        sqlite3.connect(tmp_path / "shop.db").close()
        url = f"sqlite:///{tmp_path / 'shop.db'}"
        engine = create_engine(url)
    monkeypatch.setenv("SHOP_DB", url)
    home = Home(tmp_path / "home", "dev")
    found = Shop(home, engine)
    found.do("CREATE TABLE orders (id INTEGER, at TIMESTAMP, x FLOAT, updated TIMESTAMP)")
    for row in ROWS:
        _insert(found, *row)
    yield found
    home.close()
    engine.dispose()


def _insert(shop: Shop, number: int, at: str | None, x: float, updated: str | None) -> None:
    given = [None if time is None else datetime.fromisoformat(time) for time in (at, updated)]
    if shop.engine.dialect.name == "sqlite":
        given = [at, updated]  # type: ignore[list-item]
    shop.do(
        "INSERT INTO orders VALUES (:id, :at, :x, :updated)",
        **{"id": number, "at": given[0], "x": x, "updated": given[1]},
    )


def test_a_pull_lands_batches_and_only_those_that_changed(shop: Shop) -> None:
    spec = _spec()
    first = [("2024-01", 2), ("2024-02", 1), ("2024-03", 1)]
    assert shop.pull(spec) == [Change(batch, 0, count, count) for batch, count in first]
    assert shop.pull(spec) == []
    # A row updated later, one deleted beside it, one without a batch, and one of a new month.
    _insert(shop, 5, "2024-01-01 00:00:00", 5.5, "2024-03-10 12:00:00")
    shop.do("UPDATE orders SET x = 9.5, updated = '2024-03-10 12:00:00' WHERE id = 1")
    shop.do("DELETE FROM orders WHERE id = 2")
    _insert(shop, 6, None, 6.5, "2024-03-10 12:00:00")
    _insert(shop, 7, "2024-04-01 00:00:00", 7.5, None)
    assert shop.pull(spec) == [
        Change("unassigned", 0, 1, 1),
        Change("2024-01", 2, 2, 1, replaced=1, gone=1),
        Change("2024-04", 0, 1, 1),
    ]
    assert [(row["id"], row["x"]) for row in shop.rows("2024-01")] == [(1, 9.5), (5, 5.5)]
    # It got its batch; the other landing of its row goes.
    shop.do("UPDATE orders SET at = '2024-04-02 00:00:00' WHERE id = 6")
    shop.do("UPDATE orders SET updated = '2024-03-10 12:30:00' WHERE id = 6")
    assert shop.pull(spec) == [
        Change("unassigned", 1, 0, 0, gone=1),
        Change("2024-04", 1, 2, 1),
    ]
    assert shop.pull(spec) == []


def test_a_row_that_is_gone_alone_is_seen_by_a_whole_pull(shop: Shop) -> None:
    spec = _spec(landing={"max_gone": 0.25, "sql": _spec().landing.sql})
    shop.pull(spec)
    shop.do("DELETE FROM orders WHERE id = 3")
    assert shop.pull(spec) == []
    assert shop.pull(spec, whole=True) == [Change("2024-02", 1, 0, 0, gone=1)]
    shop.do("DELETE FROM orders")
    with pytest.raises(RequestError, match=r"lacks 3 of 3 rows that landed before"):
        shop.pull(spec, whole=True)


def test_the_order_of_rows_and_a_column_that_appeared_are_no_change(shop: Shop) -> None:
    spec = _spec()
    shop.pull(spec)
    # Postgres moves an updated row to the end.
    shop.do("UPDATE orders SET x = x")
    shop.do("ALTER TABLE orders ADD COLUMN extra TEXT")
    shop.do("UPDATE orders SET extra = 'new' WHERE id = 1")
    assert shop.pull(spec, whole=True) == []
    columns = {name: column.model_dump() for name, column in spec.columns.items()}
    wider = _spec(columns=columns | {"extra": {"type": "text"}})
    # The contract reads another column: everything is read again.
    found = shop.pull(wider)
    assert [change.batch for change in found] == ["2024-01", "2024-02", "2024-03"]
    assert shop.rows("2024-01")[0]["extra"] == "new"


def test_a_transaction_that_ended_late_is_found_within_the_overlap(shop: Shop) -> None:
    spec = _spec()
    shop.pull(spec)
    _insert(shop, 5, "2024-02-01 00:00:00", 5.5, "2024-03-10 10:00:00")
    _insert(shop, 6, "2024-01-01 00:00:00", 6.5, "2024-03-10 09:59:59")
    assert [change.batch for change in shop.pull(spec)] == ["2024-02"]
    assert shop.pull(_spec(sql={"overlap": "2 hours"})) == [Change("2024-01", 2, 3, 1)]


def test_a_time_in_the_future_hides_no_later_change(shop: Shop) -> None:
    _insert(shop, 5, "2024-02-01 00:00:00", 5.5, "2999-01-01 00:00:00")
    shop.pull(_spec())
    _insert(shop, 6, "2024-03-01 00:00:00", 6.5, "2024-03-10 11:30:00")
    assert shop.pull(_spec()) == [Change("2024-03", 1, 2, 1)]


@pytest.mark.parametrize("batch", ["shop", "week of at"])
def test_batches_by_a_column_and_a_watermark_of_numbers(shop: Shop, batch: str) -> None:
    shop.do("ALTER TABLE orders ADD COLUMN shop TEXT")
    shop.do("ALTER TABLE orders ADD COLUMN version INTEGER")
    shop.do("UPDATE orders SET version = id * 10, shop = CASE WHEN id < 3 THEN 'a' ELSE 'b' END")
    columns = {name: column.model_dump() for name, column in _spec().columns.items()}
    spec = _spec(
        calendar={"name": "shops"},
        columns=columns | {"shop": {"type": "category"}},
        sql={"watermark": "version", "overlap": 5, "batch": batch},
    )
    shop.pull(spec)
    shop.do("UPDATE orders SET x = 0, version = 41 WHERE id = 2")
    expected = {"shop": "a", "week of at": "2024-W05"}[batch]
    assert [(c.batch, c.replaced) for c in shop.pull(spec)] == [(expected, 1)]
    with pytest.raises(RequestError, match="overlap is '1 day', wanted a number such as 1000"):
        shop.pull(spec.model_copy(update={"landing": _landing(spec, overlap="1 day")}))


def _landing(spec: DatasetSpec, **changed: Any) -> Any:
    assert spec.landing.sql is not None
    return spec.landing.model_copy(update={"sql": spec.landing.sql.model_copy(update=changed)})


def test_a_snapshot_is_read_as_a_whole(shop: Shop) -> None:
    spec = _spec(calendar=None, sql={"watermark": None, "batch": None})
    assert shop.pull(spec) == [Change("", 0, 4, 4)]
    assert shop.pull(spec) == []
    shop.do("UPDATE orders SET x = 0 WHERE id = 2")
    assert shop.pull(spec) == [Change("", 4, 4, 0, replaced=1)]


def test_times_of_a_zone_are_cut_by_the_calendars_clock(cluster: Cluster, shop: Shop) -> None:
    if shop.engine.dialect.name == "sqlite":
        shop.do("UPDATE orders SET updated = '31.01.2024'")
        with pytest.raises(RequestError, match="holds a text that is not an ISO time"):
            shop.pull(_spec())
        return
    shop.do("ALTER TABLE orders ALTER at TYPE timestamptz USING at AT TIME ZONE 'UTC'")
    shop.do("ALTER TABLE orders ALTER updated TYPE timestamptz USING updated AT TIME ZONE 'UTC'")
    spec = _spec(calendar={"name": "month", "period": "month", "zone": "Europe/Berlin"})
    # 23:30 on the 31st in UTC is February in Berlin.
    assert [(c.batch, c.after) for c in shop.pull(spec)] == [
        ("2024-01", 1),
        ("2024-02", 2),
        ("2024-03", 1),
    ]
    assert shop.rows("2024-02")[0]["at"] == datetime(2024, 1, 31, 23, 30, tzinfo=UTC)
    shop.do("UPDATE orders SET x = 0, updated = '2024-03-10 12:00:00+00' WHERE id = 2")
    assert shop.pull(spec) == [Change("2024-02", 2, 2, 0, replaced=1)]


def test_what_is_wrong_is_said_without_the_password(
    shop: Shop, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RequestError, match="nothing landed") as failed:
        shop.pull(_spec(sql={"query": "SELECT * FROM missing WHERE x = ':y'"}))
    assert "missing" in str(failed.value)
    with pytest.raises(RequestError, match="the query has no column updated; it has id, at"):
        shop.pull(_spec(sql={"query": "SELECT id, at FROM orders"}))
    if shop.engine.dialect.name == "postgresql":  # SQLite names the second `id:1`.
        with pytest.raises(RequestError, match="several columns named id"):
            shop.pull(_spec(sql={"query": "SELECT id, at AS id, at, updated FROM orders"}))
    url = f"postgresql://tester:{PASSWORD}@127.0.0.1:{cluster.port}/postgres"
    monkeypatch.setenv("SHOP_DB", url.replace("/to", "%2Fto").replace("@sh", "%40sh"))
    with pytest.raises(RequestError) as failed:
        shop.pull(_spec())
    wrong = url.replace("/to", "%2Fto").replace("@sh", "%40sh").replace("tester:", "ann:")
    monkeypatch.setenv("SHOP_DB", wrong)
    with pytest.raises(RequestError, match="password authentication failed") as refused:
        shop.pull(_spec())
    for error in (failed, refused):
        assert PASSWORD not in str(error.value)
        assert "not%2F" not in str(error.value)
        assert error.value.__cause__ is None
    monkeypatch.setenv("SHOP_DB", "mysql://ann:hidden@host/db")
    with pytest.raises(RequestError, match="names a database of mysql; wanted postgresql://"):
        shop.pull(_spec())
    monkeypatch.setenv("SHOP_DB", "ann:hidden")
    with pytest.raises(RequestError, match="is not the address of a database") as failed:
        shop.pull(_spec())
    assert "hidden" not in str(failed.value)
    monkeypatch.setenv("SHOP_DB", "sqlite:////nowhere/shop.db")
    with pytest.raises(RequestError, match="no SQLite file /nowhere/shop"):
        shop.pull(_spec())
    monkeypatch.delenv("SHOP_DB")
    with pytest.raises(RequestError, match="environment variable SHOP_DB is not set"):
        shop.pull(_spec())
    assert shop.home.batches.landed() == {}


@pytest.mark.parametrize("owner", ["read", "land_parts", "remember_file"])
def test_after_a_kill_the_next_pull_lands_what_is_missing(shop: Shop, owner: str) -> None:
    spec = _spec()
    child = os.fork()
    if child == 0:
        places = {"read": database.Snapshot, "land_parts": Batches, "remember_file": Batches}

        def killed(*arguments: Any, **options: Any) -> None:
            os.kill(os.getpid(), signal.SIGKILL)

        setattr(places[owner], owner, killed)
        shop.pull(spec)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    landed = owner == "remember_file"
    assert len(shop.home.batches.landed()) == (3 if landed else 0)
    assert len(shop.pull(spec)) == (0 if landed else 3)
    assert shop.pull(spec) == []


def test_files_do_not_land_where_rows_are_pulled(shop: Shop, tmp_path: Path) -> None:
    project = Project({"orders": _spec()}, {})
    file = tmp_path / "orders.csv"
    file.write_text("id\n1\n")
    with pytest.raises(RequestError, match="come from a database: ml-assets pull orders"):
        land(shop.home, project, "orders", file, None)
    folder = shop.home.landing / "orders"
    folder.mkdir(parents=True)
    (folder / "orders.csv").write_text("id\n1\n")
    problem = f"{folder / 'orders.csv'}: the rows of orders come from a database: "
    assert observe(shop.home, project).problems == [problem + "ml-assets pull orders; move it away"]
