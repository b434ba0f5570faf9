"""Which actions can run now: planned once, and after each result only what waited for it."""

from __future__ import annotations

from ml_assets.assets.cells import Unit
from ml_assets.engine.plan import units
from ml_assets.engine.run import ActionRunner
from ml_assets.engine.runners.ready import Ready
from ml_assets.engine.runners.task import Tasks
from ml_assets.keys.code import Sources
from ml_assets_tests.projects import MONTHS, Toy


def _ready(toy: Toy) -> tuple[Ready, ActionRunner, list[Unit]]:
    planner = toy.planner()
    order = list(units(planner.session()))
    sources = Sources(planner.workspace.roots)
    runner = ActionRunner(planner.workspace, planner.home, sources, project=planner.project)
    return Ready(planner, order), runner, order


def test_a_result_makes_ready_what_waited_for_it(toy: Toy) -> None:
    for month in MONTHS[:2]:
        toy.land("prices", month)
    ready, runner, order = _ready(toy)
    first = list(ready.take())
    assert [(str(unit), item.action.part) for unit, item, _ in first] == [
        (f"prices/batch@{month}", "ingest") for month in MONTHS[:2]
    ]
    assert list(ready.take()) == []
    looks = ready.looks
    assert looks == len(order)
    unit, item, _ = first[0]
    ready.done(item.key, runner(unit, item, None).record)
    assert ready.looks == looks + 1
    ((then, clean, _),) = ready.take()
    assert (then, clean.action.part) == (unit, "clean")


def test_everything_is_made_and_hardly_anything_planned_twice(toy: Toy) -> None:
    toy.land_all()
    ready, runner, order = _ready(toy)
    made = 0
    while waiting := list(ready.take()):
        for unit, item, _ in waiting:
            ready.done(item.key, runner(unit, item, None).record)
            made += 1
    assert made > 100
    assert ready.looks < len(order) + 1.5 * made
    again, _, _ = _ready(toy)
    assert list(again.take()) == []


def test_what_waits_for_a_failure_is_left_to_the_run(toy: Toy) -> None:
    for month in MONTHS[:2]:
        toy.land("prices", month)
    ready, runner, _ = _ready(toy)
    (_, failed, _), (unit, item, _) = ready.take()
    ready.failed(failed.key)
    ready.done(item.key, runner(unit, item, None).record)
    ((then, clean, _),) = ready.take()
    assert (then, clean.action.part) == (unit, "clean")


def test_a_task_names_digests_and_sizes_alone(toy: Toy) -> None:
    toy.land("prices", MONTHS[0])
    ready, _, _ = _ready(toy)
    ((_, item, _),) = ready.take()
    planner = toy.planner()
    tasks = Tasks(planner.workspace, planner.home, Sources(planner.workspace.roots))
    task = tasks.task(item)
    (landed,) = planner.home.batches.landed()["prices", MONTHS[0]]
    assert set(task["files"]) == {landed.digest, task["sources"]}
    assert task["files"][landed.digest][0] == len(planner.home.objects.read(landed.digest))
    texts = planner.home.objects.json(task["sources"])
    assert {"ml_assets.stages.ingest", "toy.defs.forecast.features"} <= set(texts)
    assert not [name for name in texts if name.startswith(("ml_assets.graph", "ml_assets.store.s"))]
    assert tasks.task(item)["sources"] == task["sources"]
