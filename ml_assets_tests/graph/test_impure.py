"""Whoever loads the definitions is told of hooks that look impure."""

from __future__ import annotations

import pytest

from ml_assets.graph.build import ImpureHook, definitions
from ml_assets_tests.projects import Toy, toy

__all__ = ["toy"]


def test_loading_the_definitions_warns_of_a_clock(toy: Toy) -> None:
    toy.edit(
        "toy/defs/forecast/helpers.py",
        '"""What several features share."""',
        '"""What several features share."""\n\nimport time\n\nSTART = time.time()',
    )
    with pytest.warns(ImpureHook, match=r"helpers\.py:5: time\.time reads the clock"):
        definitions(toy.planner())
