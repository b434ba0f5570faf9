"""What is on record of a model in a period: decisions, overrides, observations; and what is not."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ml_assets.errors import RequestError
from ml_assets.history.trials import end, running
from ml_assets.operations.audit.audit import audit
from ml_assets.operations.audit.page import page
from ml_assets.operations.audit.period import period
from ml_assets.store.promotions import PROMOTED, REFUSED, ROLLED_BACK, WAITING
from ml_assets.store.verdicts import Verdict
from ml_assets_tests.asked import FAR, MADE, keep, write
from ml_assets_tests.cli.shell import Site
from ml_assets_tests.engine.test_predictions import JUNE
from ml_assets_tests.engine.test_trial import june, labels, waiting
from ml_assets_tests.prepared import once
from ml_assets_tests.projects import FORECAST, Toy, copied
from ml_assets_tests.projects import REFUSED as UNUSABLE

__all__ = ["june", "waiting"]
LATER = "2020-07"
HARMLESS = "complaints <b>from</b> the north"


@pytest.fixture(scope="module")
def year(june: Toy, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Give a project in which a trial ended by promotion, which a person took back. For copies."""

    def make(root: Path) -> None:
        with copied(june, root) as toy:
            keep(toy)
            toy.land("sales", JUNE, labels(toy, "challenger_predictions"))
            assert toy.make().faults == []
            toy.land("sales", LATER, UNUSABLE)
            toy.land("prices", LATER)
            assert toy.make().faults == []
            home = toy.planner().home
            first, second = home.records.versions("forecast/candidate")[:2]
            home.promotions.append(
                home.env,
                "forecast",
                action=ROLLED_BACK,
                version=first.number,
                digest=first.digest,
                expected=second.digest,
                actor="ann@desk",
                reason=HARMLESS,
            )
            asked = Verdict(
                True, "asked for by bob: a new store", "", "", by="bob", reason="a new store"
            )
            home.verdicts.log(home.env, "forecast", asked)
            home.batches.withdraw(home.env, "sales", "2020-02", "a till was broken")

    return Toy(once(tmp_path_factory, "audited", make).resolve())


@pytest.fixture
def audited(year: Toy, tmp_path: Path) -> Iterator[Toy]:
    with copied(year, tmp_path / "project") as toy:
        yield toy


def document(toy: Toy, start: str | None = None, end: str | None = None) -> dict[str, Any]:
    planner = toy.planner()
    return audit(planner.home, planner.project, "forecast", start, end)


def test_decisions_have_their_evidence_and_who_made_them(year: Toy) -> None:
    found = document(year)
    assert found["log"]["broken"] is None
    told = [(d["action"], d["version"], d["decided_by"]) for d in found["decisions"]]
    assert told[:3] == [
        (PROMOTED, "v0", "gate"),
        (WAITING, "v1", "gate"),
        (PROMOTED, "v1", "trial"),
    ]
    assert told[-1] == (ROLLED_BACK, "v0", "person")
    assert [(u["version"], u["until"] is None) for u in found["in_use"]] == [
        ("v0", False),
        ("v1", False),
        ("v0", True),
    ]
    assert found["in_use"][0]["until"] == found["decisions"][2]["at"]
    gate, trial = found["decisions"][0], found["decisions"][2]
    assert gate["evidence"]["decision"]["stored"] is True
    assert {rule["rule"] for rule in gate["rules"]} >= {"beats_baseline", "parity"}
    (ended,) = [t for t in found["trials"] if t["challenger"] == "v1"]
    assert (ended["champion"], ended["verdict"], ended["ended"]["entry"]) == ("v0", "better", 3)
    assert ended["evidence"] == trial["evidence"]["trial"]["digest"]
    assert ended["said"] == trial["reason"]


def test_overrides_have_reasons_and_a_version_that_was_rolled_back_from_is_held(year: Toy) -> None:
    found = document(year)
    assert [(o["what"], o["by"], o["reason"]) for o in found["overrides"]] == [
        ("rolled back from v1 to v0", "ann@desk", HARMLESS),
        ("trained out of turn (run --now)", "bob", "a new store"),
        ("withdrew sales 2020-02", None, "a till was broken"),
    ]
    (hold,) = found["holds"]
    assert (hold["version"], hold["until"], hold["by"]) == ("v1", None, "ann@desk")
    assert [t["reason"] for t in found["trainings"]] == ["asked for by bob: a new store"]


def test_a_refused_batch_is_an_incident_and_what_was_predicted_is_counted(year: Toy) -> None:
    found = document(year)
    refused = [i for i in found["incidents"] if i["check"] == "refused batch"]
    assert [(i["of"], i["batch"], i["severity"]) for i in refused] == [
        ("sales/batch", LATER, "error")
    ]
    assert "sale, promo" in refused[0]["text"]
    assert {(i["of"], i["check"]) for i in found["incidents"]} >= {("sales/batch", "contract")}
    assert {(b["batch"], b["version"]) for b in found["use"]["batches"]} >= {(JUNE, "v0")}
    files = [(f["dataset"], f["file"]) for f in found["landings"]]
    assert ("sales", f"sales-{LATER}.csv") in files
    assert len([f for f in files if f[0] == "prices"]) == 7


def test_a_trial_that_a_person_ended_is_an_override(waiting: Toy) -> None:
    planner = waiting.planner()
    home = planner.home
    now = running(home, "forecast")
    held = home.records.current(home.env, "forecast/trial")
    assert now is not None
    assert held is not None
    evidence = {"trial": held.outputs["trial"].digest}
    end(home, "forecast", now, REFUSED, "no longer wanted", evidence)
    found = audit(home, planner.project, "forecast")
    assert [(o["what"], o["reason"]) for o in found["overrides"]] == [
        ("refused v1", "no longer wanted")
    ]
    assert [(t["verdict"], t["ended"]["action"]) for t in found["trials"]] == [("running", REFUSED)]


def test_only_what_lies_in_the_period_is_listed(year: Toy) -> None:
    whole = document(year)
    second = whole["decisions"][1]["at"]
    later = document(year, second)
    assert [d["entry"] for d in later["decisions"]] == [d["entry"] for d in whole["decisions"][1:]]
    # Who was champion before is still in use.
    assert [u["version"] for u in later["in_use"]] == ["v0", "v1", "v0"]
    before = document(year, "2000-01-01", "2000-12-31")
    assert (before["from"], before["to"]) == (
        "2000-01-01T00:00:00.000+00:00",
        "2001-01-01T00:00:00.000+00:00",
    )
    parts = ("in_use", "decisions", "overrides", "holds", "trials", "alarms", "incidents")
    assert [before[part] for part in (*parts, "landings", "deletions")] == [[]] * 9
    assert before["use"] == {"batches": [], "days": []}


def test_a_log_that_was_edited_is_read_and_said_to_be_broken(audited: Toy) -> None:
    with closing(sqlite3.connect(audited.root / "data" / "state.db")) as db, db:
        db.execute("update promotions set reason = 'a better one' where number = 1")
    found = document(audited)
    assert "is broken at entry 1 (promoted v0): it was edited or moved" in found["log"]["broken"]
    assert found["decisions"][0]["reason"] == "a better one"
    told = {item["article"]: item for item in found["checklist"]}
    assert found["log"]["broken"] in told["12(1)"]["missing"]
    assert b"The log of decisions is broken" in page(found)


def test_the_checklist_says_what_is_covered_and_what_is_not(audited: Toy) -> None:
    told = {item["article"]: item for item in document(audited)["checklist"]}
    assert list(told) == [
        "12(1)", "12(2)(a)", "12(2)(b)", "12(2)(c)", "12(3)", "19(1)", "19(2)", "26(1)", "26(2)",
        "26(4)", "26(5)", "26(6)", "26(7)", "26(8)", "26(9)", "26(10)", "26(11)", "26(12)",
    ]  # fmt: skip
    assert (told["19(1)"]["status"], told["12(3)"]["status"]) == ("covered", "not covered")
    assert told["12(2)(b)"]["missing"] == ["no monitoring: set `monitoring: {}`"]
    audited.edit(FORECAST, "  requests: {}\n", "  requests: {retention: 30 days, sample: 0.5}\n")
    less = {item["article"]: item for item in document(audited)["checklist"]}
    assert less["26(6)"]["missing"] == ["that is less than six months: `requests.retention`"]
    assert "only 50% of requests are kept: `requests.sample`" in less["12(1)"]["missing"]


def test_days_of_requests_count(audited: Toy) -> None:
    from ml_assets.engine.sealing import seal

    write(audited, "2026-03-01", "0190a7c2-0000-7000-8000-000000000001")
    planner = audited.planner()
    seal(planner.home, planner.project, MADE, FAR)
    assert audited.make(f"group:{MADE}").faults == []
    days = document(audited, "2026-02-01")["use"]["days"]
    assert days == [{"day": "2026-03-01", "rows": 1}]


def test_the_page_is_offline_and_escaped(year: Toy) -> None:
    text = page(document(year)).decode()
    assert "complaints &lt;b&gt;from&lt;/b&gt; the north" in text
    assert not re.search(r"https?://|src=|<script", text)
    heads = re.findall(r"<h2>(.*?)</h2>", text)
    assert heads == [
        "The log of decisions is intact", "Versions in use", "Decisions", "Overrides", "On hold",
        "Trials", "Alarms", "Incidents", "Training", "Predicted batches", "Days of requests",
        "Landed files", "Deletions", "EU AI Act, articles 12, 19 and 26", "What is not on record",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("soon", "2026-02-30", "--from 'soon' is not a time; wanted e.g. 2026-01-31, or "),
        (None, "9999-12-31", "--to '9999-12-31' is not a time"),
        ("2026-02-01", "2026-01-31", "nothing lies from 2026-02-01T00:00:00.000+00:00 to 2026-02"),
    ],
)
def test_ends_that_are_none(start: str | None, end: str, said: str) -> None:
    with pytest.raises(RequestError) as error:
        period(start, end, "2026-01-01T00:00:00.000+00:00", "2026-12-31T00:00:00.000+00:00")
    assert str(error.value).startswith(said)
    assert ("--to '2026-02-30' is not a time" in str(error.value)) == (start == "soon")


def test_the_command_prints_it_and_writes_the_page(audited: Toy, tmp_path: Path) -> None:
    site, file = Site(audited), tmp_path / "out" / "audit.html"
    said = site("audit", "forecast", "--html", file).out
    assert "hash chain intact" in said
    assert "rolled back from v1 to v0 by ann@desk: complaints" in said
    assert file.read_bytes().startswith(b"<!doctype html>")
    assert site.json("audit", "forecast")["format"] == 1
    assert "no model named 'forcast'" in site("audit", "forcast", code=2).err
    assert "--from 'x' is not a time" in site("audit", "forecast", "--from", "x", code=2).err
