"""Garbage collection: what is reached stays, what is cut goes on, the plan does not notice."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_assets.errors import DamagedObject
from ml_assets.history.ancestry import ancestry_of
from ml_assets.operations.gc import collect, garbage
from ml_assets.operations.recreate.prepare import prepare, remakable
from ml_assets.store.home import Home
from ml_assets.store.promotions import PROMOTED
from ml_assets_tests import processes
from ml_assets_tests.projects import MONTHS, Toy, sales, toy_project


@pytest.fixture(scope="module")
def corrected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toy]:
    """Three versions: the third month was corrected twice."""
    with toy_project(tmp_path_factory.mktemp("collect") / "project") as toy:
        toy.land_all(MONTHS[:5])
        for extra in (0.0, 1.0, 2.0):
            toy.land("sales", MONTHS[2], sales(MONTHS[2], extra=extra))
            assert toy.make().faults == []
        yield toy


@pytest.fixture
def home(corrected: Toy, tmp_path: Path) -> Iterator[Home]:
    processes.copy(corrected.root / "data", tmp_path / "home")
    home = Home(tmp_path / "home", "dev")
    yield home
    home.close()


def test_everything_is_kept_while_it_is_among_the_newest(home: Home) -> None:
    found = garbage(home, 10)
    assert (found.objects, found.strays, found.versions) == ({}, [], {})


def test_what_is_left_makes_the_kept_versions_again(home: Home) -> None:
    old = home.records.versions("forecast/candidate")[1]
    found = garbage(home, 1)
    assert found.versions == {"forecast v1": False}, "v0 is the champion"
    assert len(found.landed) == 1
    every = ancestry_of(home)
    assert remakable(every, old, every.makable()), "as long as nothing is gone"
    assert found.bytes == sum(found.objects.values()) > 0
    collect(home, found)
    assert prepare(home, "forecast", "v2").missing == []
    assert prepare(home, "forecast", "v1").missing != []
    with pytest.raises(DamagedObject, match="was removed by `ml-assets gc` at "):
        home.objects.read(old.outputs["model"].digest)
    assert garbage(home, 1).objects == {}


def test_a_champion_is_kept_with_all_that_it_needs(home: Home) -> None:
    first = home.records.versions("forecast/candidate")[0]
    home.promotions.append(
        "prod",
        "forecast",
        action=PROMOTED,
        version=0,
        digest=first.digest,
        expected=None,
        actor="a",
        reason="r",
    )
    found = garbage(home, 1)
    assert found.versions == {"forecast v1": False}
    collect(home, found)
    assert prepare(home, "forecast", "v0").missing == []


def test_the_plan_and_a_new_run_do_not_notice(corrected: Toy, tmp_path: Path) -> None:
    processes.copy(corrected.root, tmp_path / "project")
    toy = Toy(tmp_path / "project")
    try:
        home = toy.planner().home
        before = toy.digests()
        collect(home, garbage(home, 1))
        assert not [item for item in toy.plan().cells if item.status != "reuse"]
        toy.land("sales", MONTHS[2], sales(MONTHS[2]))
        ran = toy.make("group:sales")
        assert ran.faults == []
        assert toy.digests()["sales/cleaned@2020-03"] != before["sales/cleaned@2020-03"]
    finally:
        toy.close()


def test_a_kill_between_state_and_files_leaves_what_the_next_one_finds(home: Home) -> None:
    found = garbage(home, 1)
    root = home.root
    process = os.fork()
    if process == 0:
        other = Home(root, "dev")
        real = type(other.removals).remove

        def remove_and_die(*arguments: object, **options: object) -> None:
            real(*arguments, **options)  # type: ignore[arg-type]
            os.kill(os.getpid(), signal.SIGKILL)

        type(other.removals).remove = remove_and_die  # type: ignore[method-assign]
        collect(other, found)
        os._exit(0)
    assert os.waitpid(process, 0)[1] == signal.SIGKILL
    again = garbage(home, 1)
    assert again.objects == {}
    assert len(again.strays) == len(found.objects)
    collect(home, again)
    assert garbage(home, 1).strays == []
    assert prepare(home, "forecast", "v2").missing == []
