"""From a version back to what landed; which features are sensitive; when a release waits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from ml_assets.assets.cells import Unit
from ml_assets.engine.recipes.release import release_action
from ml_assets.engine.session import Made
from ml_assets.errors import NotMaterialized, UnknownName
from ml_assets.history.ancestry import Ancestry
from ml_assets.history.decisions import candidate_named
from ml_assets.history.origin import origin
from ml_assets.history.recorded import Step
from ml_assets.history.release_origin import told
from ml_assets.keys.action import digests_in
from ml_assets.spec.release import ReleaseSpec
from ml_assets.store.objects import Ref
from ml_assets.store.records import ActionRecord
from ml_assets.store.state import actions
from ml_assets_tests.projects import Toy, copied, toy_project

PROMOTED: dict[str, Any] = {
    "action": "promoted",
    "version": 0,
    "expected": None,
    "actor": "me",
    "reason": "first",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toy]:
    """A project that is trained and reported on, nothing decided; not to be changed."""
    with toy_project(tmp_path_factory.mktemp("ancestry") / "project") as toy:
        toy.land_all()
        toy.make("+forecast/evaluation_report")
        yield toy


@pytest.fixture
def trained(made: Toy, tmp_path: Path) -> Iterator[Toy]:
    """A copy of that project, to be changed."""
    with copied(made, tmp_path / "copy") as toy:
        yield toy


def planned(toy: Toy) -> Made:
    """Return the release as a plan sees it, if it need not wait for a decision."""
    session = toy.planner().session(recurse=False)
    (made,) = session.make(Unit("forecast", "release")).values()
    return made


def test_the_ancestry_of_a_candidate(made: Toy) -> None:
    home = made.planner().home
    version = candidate_named(home, "forecast", "v0")
    assert candidate_named(home, "forecast", version.digest) == version
    assert candidate_named(home, "forecast", "0") == version
    found = origin(home, "forecast", version)
    assert list(found.features) == [f"2020-0{n}" for n in range(1, 7)]
    assert list(found.folds) == ["train", "validation", "test"]
    assert found.report.keys() >= {"metrics", "report"}
    assert sorted(found.accounts) == ["prices", "sales"]
    assert home.objects.json(found.accounts["sales"]["2020-01"].digest)["landed"] == 30
    landed = home.batches.landed()
    assert [(i["dataset"], i["batch"], i["digest"]) for i in found.landed] == [
        (dataset, month, landed[dataset, month][0].digest)
        for dataset in ("prices", "sales")
        for month in found.features
    ]
    document = found.document()
    makes = [action["makes"] for action in document["actions"]]
    assert makes.index("sales/raw@2020-01") < makes.index("sales/cleaned@2020-01")
    assert makes.index("sales/cleaned@2020-01") < makes.index("forecast/features@2020-01")
    assert makes[-1].startswith("forecast/candidate#refit:")
    assert document == origin(home, "forecast", version).document()
    assert document["candidate"] == version.digest


def test_a_withdrawn_batch_is_an_ancestor_too(toy: Toy) -> None:
    toy.land_all()
    toy.land("prices", "2020-02", b"store,price\n")
    home = toy.planner().home
    home.batches.withdraw("dev", "prices", "2020-01", "wrong")
    toy.make("+forecast/evaluation_report")
    version = candidate_named(home, "forecast", "v0")
    found = origin(home, "forecast", version)
    names = {item["dataset"] + item["batch"] for item in found.landed}
    assert "sales2020-03" in names
    assert "prices2020-01" not in names


def test_what_is_not_there_is_said(made: Toy) -> None:
    home = made.planner().home
    with pytest.raises(UnknownName, match=r"no version of forecast/candidate named 'v7'; .*v0"):
        candidate_named(home, "forecast", "v7")
    version = candidate_named(home, "forecast", "v0")
    with pytest.raises(NotMaterialized, match="no evaluation report of other v0"):
        origin(home, "other", version)


def test_a_record_that_goes_meanwhile_is_said(trained: Toy) -> None:
    home = trained.planner().home
    found = origin(home, "forecast", candidate_named(home, "forecast", "v0"))
    with home.state.write() as db:
        db.execute(delete(actions).where(actions.c.key == found.actions[0].key))
    assert found.actions[0].name.endswith("#ingest")
    with pytest.raises(NotMaterialized, match="was deleted in the meantime; retry"):
        found.document()


def test_a_release_waits_for_a_champion_and_then_is_made(trained: Toy) -> None:
    home = trained.planner().home
    assert planned(trained).waiting == (
        "forecast: no candidate has been promoted to champion in environment dev"
    )
    digest = candidate_named(home, "forecast", "v0").digest
    home.promotions.append("dev", "forecast", digest=digest, **PROMOTED)
    made = planned(trained)
    assert made.waiting is None
    assert made.status == "run"
    assert made.facts == {"version": "v0", "candidate": digest}


def test_a_champion_that_the_store_does_not_know_is_waited_for(trained: Toy) -> None:
    home = trained.planner().home
    home.promotions.append("dev", "forecast", digest="d1:unknown", **PROMOTED)
    said = planned(trained).waiting
    assert said is not None
    assert said.startswith("forecast: no version of forecast/candidate named 'd1:unknown'")


def test_a_decision_to_come_is_waited_for_in_the_plan(toy: Toy) -> None:
    toy.land_all()
    plan = {str(item.cell): item for item in toy.plan().cells}
    release = plan["forecast/release"]
    assert (release.status, release.depends_on) == ("maybe", ("forecast/champion",))


def test_a_release_says_what_was_trained_not_what_the_yaml_says_now(trained: Toy) -> None:
    home = trained.planner().home
    trained.edit("toy/defs/forecast/defs.yaml", "target: units", "target: units * 2")
    version = candidate_named(home, "forecast", "v0")
    planner = trained.planner()
    action = release_action(planner.session(), "forecast", version, {"number": 1})
    assert isinstance(action.params, ReleaseSpec)
    assert action.params.target == "units"
    assert action.params.promotion == {"number": 1}
    assert sorted(action.params.files) == [
        "requirements-edge.txt",
        "requirements.txt",
        "score.py",
        "score_edge.py",
    ]


def test_a_made_release_is_planned_without_a_look_at_the_past(trained: Toy) -> None:
    home = trained.planner().home
    trained.make("forecast/champion")
    ran = trained.make("forecast/release")
    assert ran.having("executed") == {"forecast/release"}
    version = candidate_named(home, "forecast", "v0")
    made = home.records.current("dev", "forecast/release")
    assert made is not None
    anew = told(home, "forecast", version, None)
    kept = told(home, "forecast", version, made.actions["release"])
    assert (kept.fitted, kept.family, kept.evaluated) == (anew.fitted, anew.family, anew.evaluated)
    assert json.dumps(kept.lineage) == json.dumps(anew.lineage), "the order of names counts"
    assert digests_in(kept.inputs) == digests_in(anew.inputs)
    assert {d: digests_in(found) for d, found in kept.accounts.items()} == {
        d: sorted(digests_in(found)) for d, found in anew.accounts.items()
    }
    with home.state.write() as db:
        db.execute(delete(actions).where(actions.c.name.startswith("sales/batch@")))
    assert planned(trained).status == "reuse"


def test_a_past_of_thousands_of_steps_is_walked() -> None:
    # Each split is handed the one before.
    steps = [
        Step.of(
            ActionRecord(
                key=f"k{n}",
                recipe="",
                name="forecast/splits#split",
                ingredients={"stage": "m:f", "inputs": {"kept": f"d1:{n - 1}"}},
                outputs={"assignment": Ref(f"d1:{n}", "table")},
            )
        )
        for n in range(5000)
    ]
    ancestry = Ancestry(steps, {"d1:-1"})
    found = ancestry.closure(["k4999"])
    assert [step.key for step in found.steps] == [f"k{n}" for n in range(5000)]
    assert (found.landed, found.unknown) == ({"d1:-1"}, {})
    assert found.makers["k4999"] == [("d1:4998", "k4998")]
    assert len(ancestry.makable()) == len(ancestry.made_from({"d1:-1"})) == 5000
    assert ancestry.makable(lambda step: step.key != "k3000") == {f"k{n}" for n in range(3000)}
    assert ancestry.makable(lost={"d1:-1"}) == set()
