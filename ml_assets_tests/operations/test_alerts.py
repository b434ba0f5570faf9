"""Warnings of monitoring reports: what is sent to a real server, once, and what the status says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_assets.operations.alerts import due, failed, reason, send
from ml_assets.operations.watched import FEWEST, Followed, Report, over_batches, watched
from ml_assets.spec.project import Project
from ml_assets.store.home import Home
from ml_assets.store.records import Product
from ml_assets_tests.projects import FORECAST, Toy, write_project
from ml_assets_tests.webhook import listening

REPORT = "forecast/monitoring_report"
DRIFT = {
    "drifted_columns": 1,
    "compared_columns": 2,
    "effects": {"price": 0.5, "promo": 0.01},
    "thresholds": {"price": 0.1, "promo": 0.1},
    "false_alarm_rate": 0.05,
}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Give an empty home."""
    found = Home(tmp_path / "home", "dev")
    yield found
    found.close()


def project(root: Path, alerts: str = "{webhook: 'env:TOLD', form: slack}") -> Project:
    """Return the toy project, watched and with alerts."""
    write_project(root)
    toy = Toy(root)
    toy.edit(FORECAST, "  gate:", f"  monitoring: {{alerts: {alerts}}}\n  gate:")
    found = toy.planner().project
    toy.close()
    return found


def reported(home: Home, batch: str, **verdicts: bool | None) -> None:
    """Record a batch's report with its checks."""
    checks = [
        {
            "name": name,
            "passed": passed,
            "description": "a secret value: 4711",
            "severity": "warn",
            "metadata": DRIFT if name == "input_drift" else {"auc": 0.8, "threshold": 0.6},
        }
        for name, passed in verdicts.items()
    ]
    facts = {"monitoring": {"numbers": {"joint_auc": 0.5}}}
    found = Product(REPORT, batch, {}, {}, checks, facts)
    home.records.record("dev", [found], "run")


def test_a_warning_is_sent_once_and_again_after_it_had_passed(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = project(tmp_path / "project")
    monkeypatch.setenv("ML_ASSETS_DAGSTER_URL", "http://dagster/")
    with listening() as server:
        monkeypatch.setenv("TOLD", f"http://127.0.0.1:{server.server_port}/hook")

        def told() -> int:
            return sum(send(home, spec, alert) is None for alert in due(home, spec))

        reported(home, "2020-05", input_drift=True, joint_drift=None)
        assert told() == 0
        reported(home, "2020-06", input_drift=False, joint_drift=None)
        assert (told(), told()) == (1, 0)
        # It still warns: only beside another one.
        reported(home, "2020-07", input_drift=False, joint_drift=True)
        assert told() == 0
        reported(home, "2020-08", input_drift=False, joint_drift=False)
        assert told() == 1
        reported(home, "2020-09", input_drift=True, joint_drift=False)
        assert told() == 0
        reported(home, "2020-10", input_drift=False, joint_drift=False)
        assert told() == 1
    first, second, _ = (entry["text"] for entry in server.got)
    assert first == (
        "forecast 2020-06 (dev): 1 warning\n"
        "- input_drift: 1 of 2 changed: price; most of all price, effect 0.5, limit 0.1\n"
        "http://dagster/assets/forecast/monitoring_report?partition=2020-06"
    )
    assert second.splitlines()[1:3] == [
        "- joint_drift: auc 0.8, threshold 0.6",
        "- input_drift: still, in 3 batches",
    ]
    assert not any("4711" in json.dumps(entry) for entry in server.got)


def test_what_does_not_arrive_stays_due_and_shows_no_address(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = project(tmp_path / "project", "{webhook: 'env:TOLD'}")
    reported(home, "2020-05", joint_drift=False)
    monkeypatch.delenv("TOLD", raising=False)
    (alert,) = due(home, spec)
    assert "TOLD does not hold the address of a webhook" in (send(home, spec, alert) or "")
    with listening() as server:
        monkeypatch.setenv("TOLD", f"http://127.0.0.1:{server.server_port}/token-1")
        server.status = 500
        assert send(home, spec, alert) == "the webhook in TOLD answered with status 500"
        assert due(home, spec) == [alert]
        server.status = 200
        assert send(home, spec, alert) is None
        assert due(home, spec) == []
        # That a run failed is about no batch, and told each time.
        (broken,) = failed(home, spec, "0123456789")
        assert send(home, spec, broken) is None
    assert "token-1" not in (send(home, spec, alert) or "")
    assert server.got[1]["warnings"] == {"joint_drift": "auc 0.8, threshold 0.6"}
    assert server.got[2]["warnings"] == {"run": "run 01234567 failed; Dagster's page says why"}


def test_a_reason_names_the_column_that_is_most_above_its_limit() -> None:
    both = {**DRIFT, "effects": {"promo": 0.9, "price": 0.5}, "drifted_columns": 2}
    limits = {"thresholds": {"price": 0.01, "promo": 0.1}}
    said = "2 of 2 changed: price, promo; most of all price, effect 0.5, limit 0.01"
    assert reason({**both, **limits}) == said


def test_an_alarm_over_batches_names_what_changed_for_good() -> None:
    batches = [f"{day:03}" for day in range(60)]
    figures = [
        {"joint_auc": 0.5 + (n >= 20) * 0.3 + n % 7 / 100, "effect_price": (n >= 20) + n % 5 / 10}
        | {"effect_promo": n % 6 / 10}
        for n in range(60)
    ]
    since, changed = over_batches(figures, batches, 0.05)
    assert since is not None
    assert "020" < since < "045"
    assert changed == ["price"]
    assert over_batches(figures[: FEWEST - 1], batches[: FEWEST - 1], 0.05) == (None, [])


def test_reports_read_once_say_after_each_batch_what_reading_up_to_it_says() -> None:
    batches = [f"{day:03}" for day in range(45)]
    figures = [
        {"joint_auc": 0.5 + (n >= 15) * 0.3 + n % 7 / 100, "effect_price": (n >= 15) + n % 5 / 10}
        # An input that is compared later, and one with gaps.
        | ({"effect_promo": n % 6 / 10} if n > 20 else {})
        | ({"effect_store": 0.1} if n % 3 else {})
        for n in range(45)
    ]
    whole = Followed(batches, [Report((), (), entry) for entry in figures], 0.05)
    each = [over_batches(figures[: n + 1], batches[: n + 1], 0.05) for n in range(45)]
    found = [whole.upto(batch) for batch in batches]
    assert [(one.since, list(one.columns)) for one in found] == each
    assert [len(one.batches) for one in found] == list(range(1, 46))
    assert {since for since, _ in each} > {None}


def test_the_status_says_what_the_newest_batch_warns_of(home: Home, tmp_path: Path) -> None:
    spec = project(tmp_path / "project")
    assert watched(home, spec, "forecast") is None
    reported(home, "2020-05", input_drift=False, joint_drift=True)
    found = watched(home, spec, "forecast")
    assert found is not None
    assert found.line() == (
        "watched: 2020-05 warns: input_drift (alarms over batches from 10 on, so far 1)"
    )
    assert found.document()["warns"] == ["input_drift"]
