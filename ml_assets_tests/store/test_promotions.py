"""The promotion log: champion, challenger and held; chained, and broken by any later change."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from ml_assets.errors import Conflict, LogBroken
from ml_assets.store.home import Home
from ml_assets.store.objects import Ref
from ml_assets.store.promotions import LogEntry, LoggedVersion, entry_hash
from ml_assets.store.records import Product
from ml_assets_tests import processes

AT = "2026-03-01T12:00:00.000+00:00"


def append(
    home: Home, action: str, version: int, expected: int | None = None, **more: Any
) -> LogEntry:
    wanted: dict[str, Any] = {
        "env": "dev",
        "model": "delay",
        "actor": "ann@desk",
        "reason": f"{action} it",
        **more,
    }
    return home.promotions.append(
        action=action,
        version=version,
        digest=f"d1:{version}",
        expected=None if expected is None else f"d1:{expected}",
        **wanted,
    )


def story(home: Home) -> None:
    """v0 first; v1 promoted; v2 refused; back to v0."""
    append(home, "promoted", 0)
    append(home, "promoted", 1, 0)
    append(home, "refused", 2, 1, evidence={"policy": "p", "decision": "d"})
    append(home, "rolled_back", 0, 1)


def test_the_champion_is_read_from_the_log(home: Home) -> None:
    log = home.promotions
    assert log.champion("dev", "delay") is None
    story(home)
    assert [(e.number, e.action, e.version, e.previous) for e in log.entries("dev", "delay")] == [
        (1, "promoted", 0, None),
        (2, "promoted", 1, {"version": 0, "digest": "d1:0"}),
        (3, "refused", 2, {"version": 1, "digest": "d1:1"}),
        (4, "rolled_back", 0, {"version": 1, "digest": "d1:1"}),
    ]
    assert log.champion("dev", "delay") == LoggedVersion(0, "d1:0", 4)
    assert log.champion("prod", "delay") is None
    assert log.champion("dev", "other") is None
    assert log.length("dev", "delay") == 4
    assert log.length("dev", "other") == 0


def test_what_was_rolled_back_from_is_held_until_promoted(home: Home) -> None:
    story(home)
    assert home.promotions.held("dev", "delay") == {"d1:1"}
    append(home, "promoted", 1, 0)
    assert home.promotions.held("dev", "delay") == set()


def test_a_challenger_waits_until_something_is_promoted(home: Home) -> None:
    log = home.promotions
    append(home, "promoted", 0)
    assert log.challenger("dev", "delay") is None
    append(home, "waiting", 1, 0)
    append(home, "waiting", 2, 0)
    append(home, "refused", 3, 0)
    assert log.challenger("dev", "delay") == LoggedVersion(2, "d1:2", 3)
    append(home, "promoted", 2, 0)
    assert log.challenger("dev", "delay") is None


def test_a_refused_challenger_no_longer_waits_and_who_waited_behind_it_follows(home: Home) -> None:
    log = home.promotions
    append(home, "promoted", 0)
    append(home, "waiting", 1, 0)
    append(home, "waiting", 2, 0, evidence={"behind": "d1:1"})
    append(home, "waiting", 3, 0, evidence={"behind": "d1:1"})
    append(home, "waiting", 1, 0)
    assert log.challenger("dev", "delay") == LoggedVersion(1, "d1:1", 2), "since the first time"
    append(home, "refused", 1, 0)
    assert log.challenger("dev", "delay") == LoggedVersion(3, "d1:3", 4)
    append(home, "refused", 3, 0)
    assert log.challenger("dev", "delay") is None
    append(home, "waiting", 4, 0, evidence={"behind": "d1:1"})
    assert log.challenger("dev", "delay") == LoggedVersion(4, "d1:4", 8), "it waits behind nobody"
    append(home, "waiting", 5, 0, evidence={"behind": "d1:4"})
    append(home, "promoted", 4, 0)
    assert log.challenger("dev", "delay") is None


def test_decided_once_per_policy_and_first_promoted(home: Home) -> None:
    log = home.promotions
    story(home)
    found = log.decided("dev", "delay", "d1:2", "p")
    assert found is not None
    assert found.number == 3
    assert log.decided("dev", "delay", "d1:2", "another") is None
    assert log.decided("dev", "delay", "d1:1", "p") is None
    first = log.first_promotion("dev", "delay", "d1:0")
    assert first is not None
    assert first.number == 1
    assert log.first_promotion("dev", "delay", "d1:2") is None


def test_the_champion_at_a_time(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def clock(at: str) -> None:
        monkeypatch.setattr("ml_assets.store.promotions.now", lambda: at)

    clock("2026-03-01T11:00:00.000+00:00")
    append(home, "promoted", 0)
    clock(AT)
    append(home, "promoted", 1, 0)
    # The clock was put back: the log's time does not go back with it.
    clock("2026-02-01T00:00:00.000+00:00")
    assert append(home, "rolled_back", 0, 1).at == AT
    at = home.promotions.champion
    assert at("dev", "delay", "2026-03-01T10:59") is None
    assert at("dev", "delay", "2026-03-01T11:30") == LoggedVersion(0, "d1:0", 1)
    assert at("dev", "delay", "2026-03-01T12:30+01:00") == LoggedVersion(0, "d1:0", 1)
    assert at("dev", "delay", "2026-03-01T12:00") == LoggedVersion(0, "d1:0", 3)
    with pytest.raises(ValueError, match="yesterday"):
        at("dev", "delay", "yesterday")


def test_the_chain_can_be_checked_from_the_export_alone(home: Home) -> None:
    story(home)
    before = ""
    for entry in home.promotions.verify("dev", "delay"):
        line = json.loads(json.dumps(entry.to_json()))
        stated = line.pop("hash")
        text = json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert hashlib.sha256(text.encode()).hexdigest() == stated
        assert line["before"] == before
        before = stated


def test_another_champion_than_expected(home: Home) -> None:
    append(home, "promoted", 0)
    append(home, "promoted", 1, 0, actor="bob@den", reason="better")
    with pytest.raises(
        Conflict,
        match=r"v2 was not promoted: the champion is now v1 \(promoted by bob@den at .*better",
    ):
        append(home, "promoted", 2, 0)
    with pytest.raises(Conflict, match="there is no champion, but one was expected"):
        append(home, "promoted", 2, 0, env="prod")
    assert len(home.promotions.entries("dev", "delay")) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "update promotions set reason = 'better' where number = 2",
            "entry 2 .promoted v1.*edited",
        ),
        ("update promotions set evidence = '{' where number = 3", "entry 3: it was edited"),
        ("delete from promotions where number = 1", "entry 1: it was removed"),
        ("delete from promotions where number = 3", "entry 3: it was removed"),
        ("delete from promotions where number = 4", "entry 4: it was removed"),
        ("delete from promotions", "entry 1: it was removed"),
        ("delete from heads", "entry 1: it was added after"),
        (
            "update promotions set number = 9 where number = 2;"
            "update promotions set number = 2 where number = 3;"
            "update promotions set number = 3 where number = 9",
            "entry 2 .refused v2.*edited or moved",
        ),
        (
            "insert into promotions select env, model, 5, at, actor, action, reason, version, "
            "digest, previous, evidence, before, hash from promotions where number = 4",
            "entry 5 .rolled_back v0",
        ),
        ("update heads set hash = 'x'", "entry 4: it is not the log's recorded last entry"),
    ],
)
def test_a_changed_log_is_found_and_not_appended_to(home: Home, change: str, said: str) -> None:
    story(home)
    home.promotions.verify("dev", "delay")
    with home.state.write() as db:
        for statement in change.split(";"):
            db.exec_driver_sql(statement)
    with pytest.raises(LogBroken, match=said):
        home.promotions.verify("dev", "delay")
    with pytest.raises(LogBroken, match=said):
        append(home, "promoted", 3, 0)


def test_a_rehashed_entry_breaks_the_chain_after_it(home: Home) -> None:
    """Whoever edits an entry and gives it a new hash is betrayed by the next one."""
    story(home)
    edited = replace(home.promotions.entries("dev", "delay")[1], reason="better")
    change = f"update promotions set reason = 'better', hash = '{entry_hash(edited)}'"
    with home.state.write() as db:
        db.exec_driver_sql(f"{change} where number = 2")
    with pytest.raises(LogBroken, match=r"entry 3 .* does not follow the previous entry"):
        home.promotions.verify("dev", "delay")


def test_an_entry_marks_the_champion_as_not_shown(home: Home) -> None:
    """A process that dies after the entry leaves to the next run what is shown outside."""
    product = Product("delay/champion", "", {"decision": Ref("d1:dd", "json")}, {}, [], {})
    (held,) = home.records.record("dev", [product], None)
    append(home, "promoted", 0)
    assert home.promotions.mark_shown("dev", "delay", held.token, 1)

    def published() -> str | None:
        found = home.records.current("dev", "delay/champion")
        assert found is not None
        return found.published

    assert published() == held.token
    append(home, "promoted", 1, 0)
    assert published() is None
    assert not home.promotions.mark_shown("dev", "delay", held.token, 1)
    assert published() is None
    assert home.promotions.mark_shown("dev", "delay", held.token, 2)
    assert published() == held.token


RACE = """
import sys
from pathlib import Path
from ml_assets.errors import Conflict
from ml_assets.store.home import Home

home = Home(Path(sys.argv[1]), "dev", sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
try:
    home.promotions.append(
        "dev", "delay", action="promoted", version=int(sys.argv[2]), digest=f"d1:{sys.argv[2]}",
        expected="d1:0", actor=sys.argv[2], reason="race",
    )
    print("won")
except Conflict as error:
    print(error)
home.close()
"""


def test_of_promotions_at_once_one_wins_and_the_others_are_told(home: Home, state: str) -> None:
    append(home, "promoted", 0)
    said = processes.race(RACE, [(home.root, str(number), state) for number in (1, 2, 3)])
    assert said.count("won") == 1
    winner = said.index("won") + 1
    assert sum(f"the champion is now v{winner} (promoted by {winner}" in text for text in said) == 2
    assert len(home.promotions.verify("dev", "delay")) == 2
