"""A day of requests becomes a batch once, whatever dies; what comes late goes into the next."""

from __future__ import annotations

import gzip
import os
from datetime import UTC, datetime

import pytest

from ml_assets.engine.sealing import due, seal, seal_due
from ml_assets.store.segments import folder_of, framed, segments
from ml_assets_tests.asked import FAR, MADE, ids, keep, record, sealed, write, write_records
from ml_assets_tests.projects import FORECAST, Toy


def test_a_day_is_sealed_once_and_late_records_go_into_the_next(toy: Toy) -> None:
    keep(toy)
    write(toy, "2026-03-01", "a")
    write(toy, "2026-03-02", "c")
    write(toy, "2026-03-01", "b")
    planner = toy.planner()
    early = datetime(2026, 3, 2, 1, 59, tzinfo=UTC)
    assert seal_due(planner.home, planner.project, early) == ([], [])
    then = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
    assert seal_due(planner.home, planner.project, then) == ([f"{MADE}@2026-03-01"], [])
    found = ids(toy)
    assert (list(found), sorted(found["2026-03-01"])) == (["2026-03-01"], ["a", "b"])
    write(toy, "2026-03-01", "late")
    assert seal_due(planner.home, planner.project, then) == ([], [])
    later = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
    assert seal_due(planner.home, planner.project, later) == ([f"{MADE}@2026-03-02"], [])
    rows = sealed(toy)["2026-03-02"]
    assert {row["request_id"]: row["request_at"][:10] for row in rows} == {
        "late": "2026-03-01",
        "c": "2026-03-02",
    }
    assert segments(folder_of(planner.home.folder, "forecast")) == []


def test_a_torn_end_does_not_count_and_damage_is_in_the_quarantine(toy: Toy) -> None:
    keep(toy)
    write(toy, "2026-03-01", "a", "b")
    planner = toy.planner()
    (segment,) = segments(folder_of(planner.home.folder, "forecast"))
    content = bytearray(segment.path.read_bytes() + framed(b"{}")[:-1])
    content[20] ^= 1
    segment.path.write_bytes(content)
    (found,) = seal(planner.home, planner.project, MADE, FAR)
    assert (found.day, found.rows) == ("2026-03-01", 2)
    assert not toy.make("group:forecast_requests").faults
    held = toy.planner().home.records.held("dev", f"{MADE}/quarantine")["2026-03-01"]
    assert held.facts["landed"] == 2
    assert held.facts["quarantined"] == {"parse.json": 1}


def test_days_of_before_a_setting_lack_its_columns_and_stay(toy: Toy) -> None:
    """The second day is asked of a model that has intervals."""
    keep(toy)
    write(toy, "2026-03-01", "a")
    planner = toy.planner()
    seal(planner.home, planner.project, MADE, FAR)
    toy.edit(
        FORECAST, "  requests: {}\n", "  prediction_intervals: {coverage: 0.8}\n  requests: {}\n"
    )
    wider = record("2026-03-02", "b")
    wider["answers"] |= {"low": [12.5], "high": [28.5]}
    write_records(toy, "2026-03-02", [wider])
    planner = toy.planner()
    seal(planner.home, planner.project, MADE, FAR)
    assert not toy.make("group:forecast_requests").faults
    home = toy.planner().home
    current = home.records.all_current("dev")
    found = {}
    for day in ("2026-03-01", "2026-03-02"):
        ref = current[f"{MADE}/cleaned", day].outputs["cleaned"]
        table = home.objects.table(ref.digest)
        found[day] = table.select(["request_prediction", "request_low"]).to_pylist()
    assert found == {
        "2026-03-01": [{"request_prediction": 20.5, "request_low": None}],
        "2026-03-02": [{"request_prediction": 20.5, "request_low": 12.5}],
    }


@pytest.mark.parametrize("landed", [False, True])
def test_a_sealing_that_was_killed_is_ended_or_begun_anew(
    toy: Toy, landed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(toy)
    write(toy, "2026-03-01", "a")
    planner = toy.planner()
    real = planner.home.batches.land

    def dies(*said: str) -> bool:
        if landed:
            real(*said)
        raise KeyboardInterrupt

    monkeypatch.setattr(planner.home.batches, "land", dies)
    with pytest.raises(KeyboardInterrupt):
        seal(planner.home, planner.project, MADE, "2026-03-01")
    monkeypatch.undo()
    seal(planner.home, planner.project, MADE, "2026-03-01")
    assert ids(toy) == {"2026-03-01": ["a"]}
    assert sorted(os.listdir(folder_of(planner.home.folder, "forecast"))) == ["lock"]


def test_an_environment_has_its_own_requests(toy: Toy) -> None:
    keep(toy)
    write(toy, "2026-03-01", "a")
    write(toy, "2026-03-01", "b", env="prod")
    for env in ("dev", "prod"):
        planner = toy.planner(env)
        seal(planner.home, planner.project, MADE, FAR)
    for env, wanted in (("dev", "a"), ("prod", "b")):
        home = toy.planner(env).home
        (item,) = home.batches.landed()[MADE, "2026-03-01"]
        assert f'"{wanted}"'.encode() in gzip.decompress(home.objects.read(item.digest))
        assert home.batches.names(MADE) == {"2026-03-01"}


def test_due_changes_two_hours_after_midnight() -> None:
    assert due(datetime(2026, 1, 1, 1, 59, 59, tzinfo=UTC)) == "2025-12-30"
    assert due(datetime(2026, 1, 1, 2, tzinfo=UTC)) == "2025-12-31"
