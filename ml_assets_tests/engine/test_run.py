"""Running one action: a stage of the test's own, on a real home."""

from __future__ import annotations

import gc
import importlib
from typing import Any

import pytest

from ml_assets.assets.cells import Cell, Unit
from ml_assets.engine.make import Maker
from ml_assets.engine.run import ActionRunner
from ml_assets.engine.session import Done
from ml_assets.errors import HookError, StageError
from ml_assets.keys.action import Action, Input, Pending, keyed
from ml_assets.keys.code import Sources
from ml_assets.spec.split import SplitRule, TimeSplit
from ml_assets_tests.projects import Toy

STAGE = """
import weakref

import pyarrow as pa

from ml_assets.stages.result import Check, Result

CALLS = []


def run(spec, *, inputs=None, hook=None, hooks=None):
    CALLS.append(spec.model)
    return Result({"out": {"model": spec.model}}, {"rows": 1})


def handles(spec, *, one, many, named, none):
    found = [one.json(), [item.bytes().decode() for item in many], none]
    return Result({"out": found + [sorted(named["x"].table().column_names)]})


def hooked(spec, *, hook, hooks, module):
    return Result({"out": [hook(), hooks["a"](), hooks["a"] is module.value]})


def value():
    return 7


def bad_fact(spec):
    return Result({"out": {}}, {"share": float("nan")})


def wandering_check(spec):
    CALLS.append(1)
    return Result({}, checks=[Check("c", len(CALLS) % 2 == 0, "", metadata={"pair": (1, 2)})])


class Held(list):
    pass


def circle(spec):
    held = Held()
    held.append(held)
    CALLS.append(weakref.ref(held))
    return Result({"out": {}})


def table(spec):
    text = pa.chunked_array([pa.array(["b", "a"]).dictionary_encode()] * 2)
    return Result({"out": pa.table({"c": text})})
"""
UNIT = Unit("sales", "batch", "m")
SPEC = SplitRule(model="forecast", split=TimeSplit(), on_duplicate_key="error")


@pytest.fixture
def staged(toy: Toy) -> Toy:
    (toy.root / "toy" / "stage.py").write_text(STAGE)
    return toy


def _act(toy: Toy, function: str, spec: SplitRule = SPEC, **options: Any) -> Done:
    """Run `function` of the test's stage; `verify` and `force` go to the runner."""
    runner_options = {k: options.pop(k) for k in ("verify", "force") if k in options}
    planner = toy.planner()
    sources = Sources(planner.workspace.roots)
    item = keyed(Action("part", f"toy.stage:{function}", spec, **options), sources)
    runner = ActionRunner(planner.workspace, planner.home, sources, **runner_options)
    return runner(UNIT, item, planner.home.records.answer(item.key))


def test_a_result_is_kept_and_not_made_again(staged: Toy) -> None:
    first = _act(staged, "run")
    kept = staged.planner().home.records.action(first.record.key)
    assert kept is not None
    assert (first.executed, first.record.facts, kept.name) == (
        True,
        {"rows": 1},
        "sales/batch@m#part",
    )
    second = _act(staged, "run")
    assert (second.executed, second.record) == (False, first.record)
    forced = _act(staged, "run", force=True)
    assert (forced.executed, forced.outputs) == (True, first.outputs)


def test_frames_in_circles_do_not_wait_for_the_garbage_collector(staged: Toy) -> None:
    gc.disable()
    try:
        _act(staged, "circle")
        (held,) = importlib.import_module("toy.stage").CALLS
        assert held() is None
    finally:
        gc.enable()


def test_inputs_are_handles_in_the_shape_that_was_given(staged: Toy) -> None:
    table = _act(staged, "table").outputs["out"]
    objects = staged.planner().home.objects
    one, two, three = objects.put({"a": 1}), objects.put(b"two"), objects.put(b"three")
    inputs: dict[str, Input] = {
        "one": one,
        "many": [two, three],
        "named": {"x": table},
        "none": None,
    }
    done = _act(staged, "handles", inputs=inputs)
    assert objects.json(done.outputs["out"].digest) == [{"a": 1}, ["two", "three"], None, ["c"]]


def test_hooks_are_functions_mappings_and_modules(staged: Toy) -> None:
    value = "toy.stage:value"
    hooks = {"hook": value, "hooks": {"a": value}, "module": "toy.stage"}
    done = _act(staged, "hooked", hooks=hooks)
    assert staged.planner().home.objects.json(done.outputs["out"].digest) == [7, 7, True]


def test_a_table_is_what_will_be_read_back(staged: Toy) -> None:
    ref = _act(staged, "table").outputs["out"]
    table = staged.planner().home.objects.table(ref.digest)
    assert (ref.rows, table["c"].to_pylist()) == (4, ["b", "a", "b", "a"])
    assert table["c"].chunk(0).dictionary.to_pylist() == ["a", "b"]


def test_facts_that_json_cannot_hold_are_refused(staged: Toy) -> None:
    with pytest.raises(StageError, match=r"^part \(toy\.stage:bad_fact\): not a JSON document"):
        _act(staged, "bad_fact")


def test_verify_compares_checks_too(staged: Toy) -> None:
    first = _act(staged, "wandering_check")
    assert first.record.checks[0]["metadata"] == {"pair": [1, 2]}
    with pytest.raises(StageError, match="gave a different check result for the same inputs"):
        _act(staged, "wandering_check", verify=True)
    again = _act(staged, "wandering_check", verify=True)
    assert (again.executed, again.record) == (True, first.record)


def test_a_stage_that_is_not_there(staged: Toy) -> None:
    with pytest.raises(HookError, match="there is no function nothing"):
        _act(staged, "nothing")


def test_keys_move_with_every_ingredient(staged: Toy) -> None:
    planner = staged.planner()
    sources = Sources(planner.workspace.roots)
    one, two = planner.home.objects.put(b"1"), planner.home.objects.put(b"2")
    other = SPEC.model_copy(update={"on_duplicate_key": "keep_latest"})
    actions = {
        "plain": Action("p", "toy.stage:run", SPEC),
        "function": Action("p", "toy.stage:table", SPEC),
        "spec": Action("p", "toy.stage:run", other),
        "hook": Action("p", "toy.stage:run", SPEC, hooks={"hook": "toy.stage:value"}),
        "input": Action("p", "toy.stage:run", SPEC, {"inputs": one}),
        "another input": Action("p", "toy.stage:run", SPEC, {"inputs": two}),
        "named": Action("p", "toy.stage:run", SPEC, {"inputs": {"a": one, "b": two}}),
        "order": Action("p", "toy.stage:run", SPEC, {"inputs": {"b": two, "a": one}}),
        "listed": Action("p", "toy.stage:run", SPEC, {"inputs": [one, two]}),
    }
    items = {name: keyed(action, sources) for name, action in actions.items()}
    assert len({item.key for item in items.values()}) == len(items)
    same = ("plain", "input", "another input", "named", "order", "listed")
    assert len({items[name].recipe for name in same}) == 1
    assert len({item.recipe for item in items.values()}) == 4
    part = keyed(Action("other part", "toy.stage:run", SPEC), sources)
    assert part.key == items["plain"].key
    (staged.root / "toy" / "stage.py").write_text(STAGE + "\nX = 1\n")
    assert keyed(actions["plain"], sources).recipe != items["plain"].recipe


def test_pending_inputs_are_found_wherever_they_are(staged: Toy) -> None:
    sources = Sources(staged.workspace().roots)
    a, b = Pending((Cell("x/a"),)), Pending((Cell("x/b"),), certain=True)
    action = Action("p", "toy.stage:run", SPEC, {"one": a, "two": {"x": [b, None]}})
    item = keyed(action, sources)
    assert item.pending == [a, b]
    assert item.ingredients["inputs"] == {"one": "?", "two": [["x", ["?", None]]]}


def test_each_action_says_that_it_begins(toy: Toy) -> None:
    toy.land("sales", "2020-01")
    begun: list[str] = []
    unit = Unit("sales", "batch", "2020-01")
    maker = Maker(toy.planner(), begun=lambda unit, part: begun.append(f"{unit}: {part}"))
    for _ in range(2):
        maker.make([unit], {"sales/raw", "sales/cleaned", "sales/quarantine"})
    assert "sales/batch@2020-01: clean" in begun
    assert len(begun) == len(set(begun))
