"""A toy project with a history: three versions, made by two states of the code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ml_assets_tests.projects import MONTHS, Toy, toy_project

EDIT = ("toy/defs/forecast/helpers.py", ".astype(float)", ".astype(float).pow(2.0)")


@contextmanager
def project_with_history(root: Path) -> Iterator[Toy]:
    """v0 of five months, v1 of six by other code, v2 without the second month."""
    with toy_project(root) as toy:
        toy.land_all(MONTHS[:5])
        assert toy.make().faults == []
        toy.land_all(MONTHS[5:])
        toy.edit(*EDIT)
        assert toy.make().faults == []
        home = toy.planner().home
        home.batches.withdraw("dev", "sales", MONTHS[1], "wrong")
        assert toy.make().faults == []
        assert [v.number for v in home.records.versions("forecast/candidate")] == [0, 1, 2]
        yield toy
