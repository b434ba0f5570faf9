"""The service follows the champion and joined data, and never serves what fails its golden rows."""

from __future__ import annotations

import os
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

from ml_assets.errors import StageError
from ml_assets.history.decisions import candidate_named
from ml_assets.serve.model import load
from ml_assets.serve.service import followed, golden
from ml_assets.serve.service.patient import Patient
from ml_assets.store.promotions import Promotions
from ml_assets_tests.asked import keep
from ml_assets_tests.projects import Toy
from ml_assets_tests.serve.serving import PREDICT, Client, serving

ROW: dict[str, Any] = {"sale": 7, "day": "2020-06-03", "store": "north", "promo": True}
ASKED = f"{PREDICT}?batch=2020-06"


def second(toy: Toy) -> None:
    """Make a second candidate; whether it is promoted is up to the gate."""
    toy.land("sales", "2020-07")
    toy.land("prices", "2020-07")
    assert not toy.make().faults


def promote(toy: Toy, version: str) -> None:
    """Make a version champion, as a person may."""
    home = toy.planner().home
    target = candidate_named(home, "forecast", version)
    now = home.promotions.champion("dev", "forecast")
    assert now is not None
    if now.digest != target.digest:
        home.promotions.append(
            "dev",
            "forecast",
            action="promoted",
            version=target.number,
            digest=target.digest,
            expected=now.digest,
            actor="ann",
            reason="a test",
        )


def test_ten_promotions_while_two_clients_ask(promoted: Toy) -> None:
    second(promoted)
    promote(promoted, "v0")
    planner = promoted.planner()
    with serving(promoted) as client:
        found: list[tuple[int, str, float]] = []
        done = threading.Event()

        def ask() -> None:
            while not done.is_set():
                answer = client.ask(ASKED, [ROW])
                assert answer.status == 200, answer.body
                said = answer.json
                found.append((answer.status, said["version"], said["predictions"][0]["prediction"]))

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        for number in range(10):
            version = f"v{(number + 1) % 2}"
            promote(promoted, version)
            client.until(version)
        done.set()
        for thread in threads:
            thread.join()
    assert {status for status, _, _ in found} == {200}
    by_version = {version: {p for _, v, p in found if v == version} for _, version, _ in found}
    assert sorted(by_version) == ["v0", "v1"]
    assert all(len(predictions) == 1 for predictions in by_version.values())
    assert by_version["v0"] != by_version["v1"]
    assert planner.home.promotions.champion("dev", "forecast") is not None


def test_joined_data_are_followed(promoted: Toy) -> None:
    with serving(promoted) as client:
        before = client.ask(ASKED, [ROW]).json["predictions"]
        tables = client.served.loaded.state.tables if client.served.loaded else None
        promoted.land("prices", "2020-06", b"store,price\nnorth,60\nsouth,61\nwest,62\n")
        promoted.make("prices/cleaned")
        _until_moved(client, tables)
        assert client.ask(ASKED, [ROW]).json["predictions"] != before


def _until_moved(client: Client, before: Any) -> None:
    for _ in range(600):
        loaded = client.served.loaded
        if loaded is not None and loaded.state.tables is not before:
            return
        threading.Event().wait(0.05)
    pytest.fail("joined data were not followed")


def test_a_damaged_or_missing_model_takes_no_traffic(promoted: Toy) -> None:
    second(promoted)
    promote(promoted, "v0")
    home = promoted.planner().home
    document = candidate_named(home, "forecast", "v1").outputs["model"].digest
    (file,) = (
        path for path in Path(home.root / "objects").rglob("*") if document[-20:] in path.name
    )
    content = file.read_bytes()
    with serving(promoted) as client:
        wanted = client.ask(ASKED, [ROW]).json
        file.chmod(0o644)
        file.write_bytes(content[:-9] + b"tampered!")
        promote(promoted, "v1")
        _until_behind(client)
        assert client.ask(ASKED, [ROW]).json == wanted
        found = client.ask("/readyz")
        assert found.status == 200
        assert found.json["models"]["forecast"]["version"] == "v0"
        assert b'ml_assets_behind{model="forecast"} 1.0' in client.ask("/metrics").body
        file.unlink()
        assert client.ask(ASKED, [ROW]).json == wanted
        file.write_bytes(content)
        client.until("v1")
        assert client.ask("/readyz").json["models"]["forecast"]["why"] is None


def test_while_the_home_is_away_it_serves_what_it_has(promoted: Toy) -> None:
    keep(promoted)
    home, away = promoted.root / "data", promoted.root / "away"
    with serving(promoted) as client:
        wanted = client.ask(ASKED, [ROW]).json["predictions"]
        home.rename(away)
        _until_behind(client)
        assert client.ask(ASKED, [ROW]).json["predictions"] == wanted
        # Prices of May were never asked for, and cannot be read now.
        other = client.ask(f"{PREDICT}?batch=2020-05", [ROW])
        assert (other.status, "cannot be read now" in other.json["error"]) == (503, True)
        assert not home.exists(), "no other home is begun"
        away.rename(home)
        while client.ask("/readyz").json["models"]["forecast"]["why"] is not None:
            threading.Event().wait(0.05)
        assert client.ask(f"{PREDICT}?batch=2020-05", [ROW]).status == 200


def test_a_joined_table_that_does_not_come_holds_up_one_request_for_a_moment(
    promoted: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followed, "Patient", partial(Patient, seconds=3.0))
    home = promoted.planner().home
    prices = home.records.current("dev", "prices/cleaned", "2020-03")
    assert prices is not None
    file = Path(str(home.objects.path(prices.outputs["cleaned"].digest)))
    content = file.read_bytes()
    other = f"{PREDICT}?batch=2020-03"
    with serving(promoted) as client:
        wanted = client.ask(ASKED, [ROW]).json
        file.unlink()
        # Whoever opens it waits until somebody writes.
        os.mkfifo(file)
        begin = time.monotonic()
        refused = client.ask(other, [ROW])
        waited = time.monotonic()
        again = client.ask(other, [ROW])
        assert client.ask(ASKED, [ROW]).json == wanted
        known = time.monotonic()
        assert [refused.status, again.status] == [503, 503]
        assert "cannot be read now" in refused.json["error"]
        assert 3.0 <= waited - begin < 20
        assert known - waited < 3.0, "neither waits for what has not come"
        file.write_bytes(content)
        while client.ask(other, [ROW]).status != 200:
            assert time.monotonic() < begin + 60
            time.sleep(0.05)


def test_objects_that_are_away_are_said(promoted: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed, "EVERY_OBJECT", 0.1)
    objects = promoted.planner().home.root / "objects"
    with serving(promoted) as client:
        wanted = client.ask(ASKED, [ROW]).json["predictions"]
        objects.rename(objects.with_name("away"))
        _until_behind(client)
        said = client.ask("/readyz")
        assert (said.status, said.json["models"]["forecast"]["version"]) == (200, "v0")
        assert "is missing: " in said.json["models"]["forecast"]["why"]
        assert client.ask(ASKED, [ROW]).json["predictions"] == wanted
        objects.with_name("away").rename(objects)
        while client.ask("/readyz").json["models"]["forecast"]["why"] is not None:
            threading.Event().wait(0.05)


def test_a_home_that_hangs_is_said(promoted: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed, "SLOW", 0.2)
    answers, entries = threading.Event(), Promotions.entries

    def held_up(*given: Any) -> Any:
        answers.wait(60)
        return entries(*given)

    with serving(promoted) as client:
        wanted = client.ask(ASKED, [ROW]).json
        monkeypatch.setattr(Promotions, "entries", held_up)
        _until_behind(client)
        why = client.ask("/readyz").json["models"]["forecast"]["why"]
        assert why.startswith("the home has not answered for ")
        assert b'ml_assets_behind{model="forecast"} 1.0' in client.ask("/metrics").body
        assert client.ask(ASKED, [ROW]).json["predictions"] == wanted["predictions"]
        answers.set()
        while client.ask("/readyz").json["models"]["forecast"]["why"] is not None:
            threading.Event().wait(0.05)


def _until_behind(client: Client) -> None:
    for _ in range(600):
        if client.ask("/readyz").json["models"]["forecast"]["why"] is not None:
            return
        threading.Event().wait(0.05)
    pytest.fail("the service did not notice")


def test_golden_rows_are_those_of_the_report(
    promoted: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    planner = promoted.planner()
    state = load(planner.home, planner.project, "forecast").state
    found = golden.golden_of(planner.home, "forecast", state.document)
    assert found is not None
    assert len(found.features) == len(found.wanted) > 20
    golden.check(planner.home, "forecast", state)
    wrong = golden.Golden(found.features, pc.add(found.wanted, 1e-9))
    monkeypatch.setattr(golden, "golden_of", lambda *_: wrong)
    with pytest.raises(StageError, match="golden rows have other predictions"):
        golden.check(planner.home, "forecast", state)
