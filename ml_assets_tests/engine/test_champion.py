"""What the gate compares a candidate with, and what is written of its decision."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ml_assets.engine.plan import Planner
from ml_assets.engine.recipes.champion import policy_of
from ml_assets.errors import Conflict, UnknownName
from ml_assets.history.decisions import (
    actor,
    candidate_named,
    compared_with,
    log_decision,
    rollback_target,
)
from ml_assets.history.past import past
from ml_assets.operations.recheck import recheck
from ml_assets.spec.model import Leakage
from ml_assets.store.objects import Ref
from ml_assets.store.promotions import LogEntry
from ml_assets.store.records import Current, Product
from ml_assets_tests.projects import FORECAST, Toy


def decided(planner: Planner, number: int, verdict: str, policy: str = "p") -> Current:
    """Record a candidate and a decision on it, as a run does before its effects."""
    home = planner.home
    model = home.objects.put({"model": number})
    made = Product("forecast/candidate", "", {"model": model}, {}, [], {})
    home.records.record("dev", [made], None)
    facts: dict[str, Any] = {
        "candidate": made.digest,
        "against": compared_with(home, "forecast", made.digest, policy),
        "policy": policy,
        "verdict": verdict,
        "reason": f"{verdict} it",
    }
    decision = home.objects.put({"of": number, **facts})
    champion = Product("forecast/champion", "", {"decision": decision}, {}, [], facts)
    return home.records.record("dev", [champion], None)[0]


def log(planner: Planner, current: Current) -> LogEntry | None:
    return log_decision(planner.home, "forecast", current)


def test_promoted_refused_waiting_and_only_once(toy: Toy) -> None:
    planner = toy.planner()
    for number, verdict in enumerate(("promote", "refuse", "challenger", "promote")):
        assert log(planner, decided(planner, number, verdict)) is not None
        assert log(planner, decided(planner, number, verdict)) is None
    entries = planner.home.promotions.verify("dev", "forecast")
    assert [(e.action, e.version, e.previous and e.previous["version"]) for e in entries] == [
        ("promoted", 0, None),
        ("refused", 1, 0),
        ("waiting", 2, 0),
        ("promoted", 3, 0),
    ]


def test_an_acknowledged_feature_is_another_policy(toy: Toy) -> None:
    before = policy_of(toy.planner().project.models["forecast"])
    toy.edit(FORECAST, "  split:", "    leakage: {acknowledged: {price: Known at noon.}}\n  split:")
    after = toy.planner().project.models["forecast"]
    assert policy_of(after) != before
    unset = after.features.model_copy(update={"leakage": Leakage()})
    assert policy_of(after.model_copy(update={"features": unset})) == before


def test_what_it_was_compared_with_stays(toy: Toy) -> None:
    planner = toy.planner()
    home = planner.home
    first = decided(planner, 0, "promote")
    log(planner, first)
    second = decided(planner, 1, "promote")
    log(planner, second)
    digests = [current.facts["candidate"] for current in (first, second)]
    # The champion, judged again under the same policy, is still compared with the one before.
    assert compared_with(home, "forecast", digests[1], "p") == digests[0]
    assert compared_with(home, "forecast", digests[0], "p") is None
    assert compared_with(home, "forecast", "another", "p") == digests[1]
    # Under another policy the champion is compared with the one that it replaced, and kept.
    assert compared_with(home, "forecast", digests[1], "stricter") == digests[0]
    kept = log(planner, decided(planner, 1, "refuse", "stricter"))
    assert kept is not None
    assert (kept.action, kept.evidence["against"]) == ("kept", digests[0])
    champion = home.promotions.champion("dev", "forecast")
    assert champion is not None
    assert champion.version == 1


def test_what_was_rolled_back_from_waits(toy: Toy) -> None:
    planner = toy.planner()
    home = planner.home
    for number in (0, 1):
        log(planner, decided(planner, number, "promote"))
    target = rollback_target(home, "forecast")
    assert target is not None
    assert target.version == 0
    home.promotions.append(
        "dev",
        "forecast",
        action="rolled_back",
        version=0,
        digest=target.digest,
        expected=candidate_named(home, "forecast", "v1").digest,
        actor="ann",
        reason="complaints",
    )
    assert rollback_target(home, "forecast") is None
    again = log(planner, decided(planner, 1, "promote", "laxer"))
    assert again is not None
    assert again.action == "waiting"
    assert "rolled back from" in again.reason


def test_whoever_promotes_meanwhile_wins_and_the_candidate_is_compared_anew(toy: Toy) -> None:
    """A run has decided against v0; before it writes, a person makes v1 champion."""
    planner = toy.planner()
    home = planner.home
    first = decided(planner, 0, "promote")
    log(planner, first)
    by_hand = decided(planner, 1, "refuse")
    log(planner, by_hand)
    late = decided(planner, 2, "promote")
    home.promotions.append(
        "dev",
        "forecast",
        action="promoted",
        version=1,
        digest=by_hand.facts["candidate"],
        expected=first.facts["candidate"],
        actor="ann",
        reason="the pilot",
    )
    with pytest.raises(Conflict, match=r"v2 was not promoted: the champion is now v1 .* by ann"):
        log(planner, late)
    assert len(home.promotions.verify("dev", "forecast")) == 3
    again = decided(planner, 2, "promote")
    assert again.facts["against"] == by_hand.facts["candidate"]
    assert log(planner, again) is not None


def test_names_and_actor(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    planner = toy.planner()
    decided(planner, 0, "promote")
    with pytest.raises(UnknownName, match="no version of forecast/candidate named 'v4'"):
        candidate_named(planner.home, "forecast", "v4")
    assert "@" in actor()
    monkeypatch.setenv("ML_ASSETS_ACTOR", "bob@den")
    assert actor() == "bob@den"


def test_the_second_candidate_is_compared_and_then_pinned(made: Toy) -> None:
    toy = made
    planner = toy.planner()
    home = planner.home
    first = home.records.current("dev", "forecast/champion")
    assert first is not None
    assert home.objects.json(first.outputs["decision"].digest)["comparison"] == "first"
    assert log(planner, first) is None, "making it wrote it"
    toy.land_all(["2020-07"])
    assert toy.make().faults == []
    second = home.records.current("dev", "forecast/champion")
    assert second is not None
    assert second.facts["against"] == first.facts["candidate"]
    decision = home.objects.json(second.outputs["decision"].digest)
    assert decision["comparison"] == "compared"
    # Both were trained on what is before May and June: June and July are unseen.
    assert decision["rows"]["left"] == decision["rows"]["test"] == 54
    toy.publish()
    # Neither the champion, nor the rules' code or data refused later decide it again.
    toy.edit(FORECAST, "previous: 1", "previous: 1 ")
    assert toy.plan("forecast/champion").todo == []
    found = past(home, "forecast", first.facts["candidate"])
    assert found is not None
    assert (found.number, found.key, found.target) == (0, ("sale",), "units")
    assert found.family == "ml_assets.stages.train.linear"
    version = candidate_named(home, "forecast", "v0")
    assert {c["name"]: c["passed"] for c in recheck(planner, "forecast", version)["checks"]} == {
        "fresh": True,
        "alone": True,
        "permuted": True,
        "http": True,
    }
    # A champion that lost an object is no comparison: a person decides.
    toy.edit(FORECAST, "min_rows: 30", "min_rows: 31")
    home.objects.forget(found.model.digest)
    assert past(home, "forecast", first.facts["candidate"]) is None
    assert toy.make("forecast/champion").faults == []
    third = home.records.current("dev", "forecast/champion")
    assert third is not None
    lost = home.objects.json(third.outputs["decision"].digest)
    assert (lost["comparison"], lost["verdict"]) == ("champion_fails", "challenger")
    assert isinstance(third.outputs["decision"], Ref)


def test_of_two_decisions_alike_the_newest_is_current(made: Toy) -> None:
    """Two candidates can be refused in the same words, with the same figures."""
    records = made.planner().home.records
    first = records.current("dev", "forecast/champion")
    assert first is not None
    record = records.action(first.actions["decide"])
    assert record is not None
    records.record_action(replace(record, key="another"))
    keys = {**first.actions, "decide": "another"}
    names = ("asset", "partition", "outputs", "checks", "facts")
    again = Product(**{name: getattr(first, name) for name in names}, actions=keys)
    (second,) = records.record("dev", [again], None)
    assert (second.number, second.token != first.token) == (0, True)
    made.publish()
    assert made.plan("forecast/champion").todo == []
