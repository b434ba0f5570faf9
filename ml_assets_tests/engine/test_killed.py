"""SIGKILL between any two writes, then one more start: the same digests, nothing left over."""

from __future__ import annotations

import json
import signal
from typing import Any

from ml_assets_tests import processes
from ml_assets_tests.projects import MONTHS, Toy

RUN = "import runpy, sys\nsys.argv[0] = 'killed'\n"
RUN += "runpy.run_module('ml_assets_tests.engine.killed', run_name='__main__')"


def _said(what: str, toy: Toy) -> list[dict[str, Any]]:
    toy.close()
    return [json.loads(line) for line in processes.run(RUN, what, toy.root).splitlines()]


def test_killed_at_one_write_after_the_other(toy: Toy) -> None:
    toy.land("prices", MONTHS[0])
    whole, *killed = _said("each", toy)
    assert set(whole["passed"]) == {"rename", "object row", "action", "versions", "one version"}
    assert {found["at"] for found in killed} == set(whole["passed"])
    assert len(killed) > 15
    for found in killed:
        assert found["codes"] == [signal.SIGKILL, 0], found
        assert found["half written"] == (1 if found["at"] == "rename" else 0), found
        assert found["left"] == [], found
        assert found["same"], found


def test_killed_again_and_again_until_all_is_made(toy: Toy, original: Toy) -> None:
    toy.land_all()
    *killed, last = _said("often", toy)
    assert [found["code"] for found in killed] == [signal.SIGKILL] * len(killed)
    assert (last["code"], last["faults"], last["left"]) == (0, [], [])
    digests = original.digests()
    # A release carries its promotion's time.
    differ = {cell for cell in digests if last["digests"][cell] != digests[cell]}
    assert differ == {"forecast/release"}
    assert last["digests"].keys() == digests.keys()
    original.close()
    toy.publish()
    assert toy.plan().todo == []
    assert {str(item.cell) for item in toy.plan().cells} == set(last["digests"])
